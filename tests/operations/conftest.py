"""The demo workspace, for what is said of every page and operation."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from cdp.services import demo
from stratum.reports.services import exports, saved_views, schedules
from stratum.support import services as conversations
from stratum.workspaces import plans
from stratum.workspaces.access import actor_of_member
from stratum.workspaces.models import Member, Workspace
from stratum.workspaces.services import team
from tests import factories
from tests.cast import member

ROWS = 4
WEEKLY = schedules.Wanted("", "signal_health", {"days": "7"}, "csv", "weekly", 8, "UTC", ("a@example.com",))


@pytest.fixture
def shop(db: None, now: datetime) -> Workspace:
    """Small: something of everything."""
    build = {"profiles": 60, "events": 800, "workers": 1, "days": 2}
    made = demo.build(now=now, progress=lambda done, total: None, **build).workspace
    furnish(made, now)
    return made


def furnish(workspace: Workspace, now: datetime) -> None:
    """What a team makes beside the demo's story, several of each."""
    owner = Member.objects.get(workspace=workspace, role="owner")
    by = actor_of_member(owner)
    for number in range(ROWS):
        given: dict[str, Any] = {"workspace": workspace, "by": by, "now": now}
        member(workspace, f"colleague{number}@example.com", "analyst")
        conversations.ask(subject=f"Question {number}", text="Why?", **given)
        exports.start(exporter="signal_health", parameters={"days": "7"}, file_format="csv", **given)
        saved_views.save(page="/dashboard/cdp/profiles", query="", name=f"View {number}", shared=True, **given)
        team.invite(email=f"invited{number}@example.com", role="viewer", **given)
        factories.api_key(workspace, scopes=["read"])
        factories.write_key(workspace)
        schedules.create(wanted=replace(WEEKLY, name=f"Report {number}"), **given)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute of the tests' clock never ends."""
    for code in ("starter", "professional"):
        plan = plans.PLANS[code]
        free = replace(plan, requests_a_minute=10**6, limits={**plan.limits, "api_requests": 10**9})
        monkeypatch.setitem(plans.PLANS, code, free)
