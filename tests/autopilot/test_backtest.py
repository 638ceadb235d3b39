"""`manage.py backtest_projection`: past weeks without a change, scored against the range that was known then."""

from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from random import Random

import pytest
from django.core.management import CommandError, call_command

from autopilot.models import Action
from autopilot.queries import backtest
from autopilot.states import State
from integrations.models import AdConnection, AdDay, AdEntity
from integrations.services import ad_sync, sample
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import Propose, days

pytestmark = pytest.mark.django_db


def told(*args: str) -> str:
    out = StringIO()
    call_command("backtest_projection", *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def quarter(holiday: AdEntity, now: datetime) -> AdEntity:
    """90 days of about 20 conversions, with chance in them."""
    holiday.days.all().delete()
    days(holiday, now, count=90)
    random = Random(1)
    for day in holiday.days.all():
        day.conversions = Decimal(sum(random.random() < 0.2 for _ in range(100)))
        day.save(update_fields=["conversions"])
    return holiday


def test_it_works(workspace: Workspace, quarter: AdEntity) -> None:
    """87 settled days hold five placebos: known up to day 35, 42, 49, 56, 63."""
    said = told("--workspace", workspace.slug)
    assert said.startswith("acme: 5 placebo changes (method 2), ")
    [scores] = backtest.placebos(workspace)
    assert (scores.count, scores.executed) == (5, False)
    assert 0 < scores.width < 20


def test_a_break_in_the_past_is_outside(workspace: Workspace, quarter: AdEntity, now: datetime) -> None:
    [before] = backtest.placebos(workspace)
    quarter.days.filter(day__gte=(now - timedelta(days=30)).date()).update(conversions=60)
    [after] = backtest.placebos(workspace)
    assert after.coverage < before.coverage
    assert after.interval_score > before.interval_score


def test_weeks_that_hold_a_change_of_ours_are_no_placebos(
    workspace: Workspace, quarter: AdEntity, propose: Propose, now: datetime
) -> None:
    action = propose()
    Action.objects.filter(pk=action.pk).update(state=State.SUCCEEDED, executed_at=now - timedelta(days=25))
    [scores] = backtest.placebos(workspace)
    assert scores.count == 2
    Action.objects.filter(pk=action.pk).update(executed_at=now - timedelta(days=200))
    assert backtest.placebos(workspace)[0].count == 5


def test_days_that_are_not_settled_do_not_count(workspace: Workspace, quarter: AdEntity, now: datetime) -> None:
    before = backtest.placebos(workspace)
    quarter.days.filter(day__gte=(now - timedelta(days=3)).date()).update(conversions=500)
    assert backtest.placebos(workspace) == before


def test_without_enough_days_it_says_so(workspace: Workspace, holiday: AdEntity) -> None:
    AdDay.objects.filter(entity=holiday).exclude(day__in=list(holiday.days.values_list("day", flat=True)[:40])).delete()
    assert "no campaign has 53 settled days" in told()
    with pytest.raises(CommandError, match="There is no workspace"):
        told("--workspace", "nobody")


def test_on_the_sandbox(workspace: Workspace, now: datetime) -> None:
    """Both platforms of the demo, read for 90 days through their clients."""
    sample.build(workspace, now)
    for connection in AdConnection.objects.filter(workspace=workspace):
        ad_sync.sync(connection_id=connection.pk, now=now)
    [scores] = backtest.placebos(workspace)
    assert scores.count >= 30
    assert 0.6 <= scores.coverage <= 1
