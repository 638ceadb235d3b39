"""Alice's Meta account with the manual's campaign, 63 days of metrics, healthy signals, and a platform in a dictionary."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from autopilot.changes import Wish
from autopilot.models import Action
from autopilot.services import proposals, settings, stage
from autopilot.services.proposals import Asked
from autopilot.services.stage import Stage
from integrations.models import AdAccount, AdConnection, AdDay, AdEntity
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.platform import FakePlatform, campaign
from trustlayer.services import readings
from trustlayer.services.readings import NewReading

Propose = Callable[..., Action]

HEALTHY = {"emq": 8.6, "freshness": 0.5, "api_health": 0.0}


@pytest.fixture
def account(workspace: Workspace, now: datetime) -> AdAccount:
    connection = AdConnection.objects.create(workspace=workspace, platform="meta", name="Acme on Meta", created_at=now)
    return AdAccount.objects.create(
        workspace=workspace,
        connection=connection,
        platform="meta",
        external_id="731",
        name="Acme US",
        currency="USD",
        time_zone="America/New_York",
    )


@pytest.fixture
def holiday(account: AdAccount, now: datetime) -> AdEntity:
    """Campaign “Holiday Promo 2026”: $500 a day, 20 conversions a day."""
    return entity(account, "120", "Holiday Promo 2026", "500", now)


def entity(
    account: AdAccount, external_id: str, name: str, budget: str | None, now: datetime, **fields: Any
) -> AdEntity:
    made = AdEntity.objects.create(
        workspace_id=account.workspace_id,
        account=account,
        external_id=external_id,
        name=name,
        budget=None if budget is None else Decimal(budget),
        budget_period="daily" if budget else "",
        seen_at=now,
        **{"kind": "campaign", "status": "active", **fields},
    )
    days(made, now)
    return made


def days(
    of: AdEntity, now: datetime, *, spend: float = 495, conversions: float = 20, revenue: float = 2_000, count: int = 70
) -> None:
    """Complete days up to yesterday, with weekdays in them."""
    today = now.date()
    AdDay.objects.bulk_create(
        AdDay(
            workspace_id=of.workspace_id,
            entity=of,
            day=today - timedelta(days=back),
            spend=Decimal(str(round(spend * (1 + 0.02 * (back % 5 - 2)), 2))),
            impressions=10_000,
            clicks=200,
            conversions=Decimal(str(max(0, conversions + (back % 7 - 3) * (conversions / 20)))),
            revenue=Decimal(str(revenue)),
        )
        for back in range(1, count + 1)
    )


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, holiday: AdEntity, now: datetime) -> FakePlatform:
    founded = now - timedelta(days=30)
    fake = FakePlatform(entities_={"120": campaign("120", "Holiday Promo 2026", "500", updated_at=founded)}, clock=now)
    monkeypatch.setattr(stage, "platform_of", lambda account: fake)
    return fake


def report_signals(workspace: Workspace, now: datetime, platform: str = "meta", **values: float) -> None:
    """As if measured for two weeks."""
    measured = {**HEALTHY, **values}
    new = [
        NewReading(signal, value, at, "test", platform=platform, reported=True)
        for signal, value in measured.items()
        for at in (now - timedelta(days=14), now)
    ]
    readings.report(workspace=workspace, readings=new, now=now)


@pytest.fixture
def healthy(workspace: Workspace, now: datetime) -> None:
    report_signals(workspace, now)


@pytest.fixture
def capped(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    """The manual's caps."""
    settings.change(
        workspace=workspace,
        by=by_alice,
        body={"guard_rails": {"budget_cap": "1000", "daily_spend_limit": "2000"}},
        now=now,
    )


@pytest.fixture
def propose(
    workspace: Workspace, by_alice: Actor, holiday: AdEntity, platform: FakePlatform, healthy: None, now: datetime
) -> Propose:
    """`propose(percent=20)`: of the manual's campaign unless told otherwise."""

    def proposed(
        action: str = "budget_increase",
        *,
        of: AdEntity = holiday,
        by: Actor = by_alice,
        at: datetime = now,
        **wish: Any,
    ) -> Action:
        given = {name: Decimal(str(value)) for name, value in wish.items()}
        if not given and "budget" in action:
            given = {"percent": Decimal(20)}
        return proposals.propose(stage=Stage(workspace, at), by=by, asked=Asked(of, Wish(action, **given)))

    return proposed
