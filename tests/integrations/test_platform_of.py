"""From an account of the sandbox to its platform: the way that autopilot goes."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from integrations.base import Change
from integrations.models import AdAccount, AdConnection
from integrations.sandbox.demo import META_ACCOUNT
from integrations.services import sandbox
from integrations.services.ad_platforms import platform_of
from stratum.workspaces.models import Workspace


@pytest.fixture
def account(workspace: Workspace, now: datetime) -> AdAccount:
    sandbox.found(workspace, "meta", now=now)
    connection = AdConnection.objects.create(
        workspace=workspace, platform="meta", name="Sandbox", sandbox=True, created_at=now
    )
    return AdAccount.objects.create(
        workspace=workspace,
        connection=connection,
        platform="meta",
        external_id=META_ACCOUNT,
        name="Shop",
        currency="USD",
    )


def test_reads_validates_writes_and_reads_back(account: AdAccount, now: datetime) -> None:
    platform = platform_of(account)
    holiday = next(one for one in platform.entities(META_ACCOUNT) if one.name == "Holiday Promo 2026")
    assert holiday.budget and holiday.budget.amount == Decimal(500)
    change = Change("campaign", holiday.id, "budget", Decimal(600))
    assert platform.validate(META_ACCOUNT, change).accepted
    assert platform.read(META_ACCOUNT, "campaign", holiday.id) == holiday
    assert platform.write(META_ACCOUNT, change).request_id
    after = platform_of(account).read(META_ACCOUNT, "campaign", holiday.id)
    assert after.budget and after.budget.amount == Decimal(600)
    assert after.updated_at == now


def test_metrics_follow_what_was_written(account: AdAccount, now: datetime) -> None:
    rows = list(platform_of(account).metrics(META_ACCOUNT, date(2025, 10, 20), now.date()))
    assert {row.kind for row in rows} == {"campaign", "adset", "creative"}
    by_kind = {kind: sum(row.spend for row in rows if row.kind == kind) for kind in ("campaign", "adset", "creative")}
    assert len(set(by_kind.values())) == 1
    again = list(platform_of(account).metrics(META_ACCOUNT, date(2025, 10, 20), now.date()))
    assert rows == again
    assert not [row for row in rows if row.day > now.date()]
    assert timedelta(days=87) == max(row.day for row in rows) - min(row.day for row in rows)
