"""Events and active profiles of the first page, over days on which the clock changes."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from cdp import kpis
from cdp.services.event_store import store
from stratum.lib import periods
from stratum.workspaces.models import Workspace
from tests.cdp.messages import message

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")


def test_each_event_falls_on_its_local_day(workspace: Workspace) -> None:
    """On 29 March 2026 the clock goes from 2 to 3: that day has 23 hours."""
    at = [
        datetime(2026, 3, 27, 23, 30, tzinfo=UTC),  # 28th, 00:30
        datetime(2026, 3, 28, 22, 59, tzinfo=UTC),  # 28th, 23:59
        datetime(2026, 3, 28, 23, 0, tzinfo=UTC),  # 29th, 00:00
        datetime(2026, 3, 29, 21, 59, tzinfo=UTC),  # 29th, 23:59
        datetime(2026, 3, 29, 22, 0, tzinfo=UTC),  # 30th, 00:00
    ]
    store(
        workspace, None, [message(user_id=f"u{n % 2}", ts=instant, received_at=instant) for n, instant in enumerate(at)]
    )
    period = periods.between_days(date(2026, 3, 28), date(2026, 3, 30), BERLIN)
    before = periods.between_days(date(2026, 3, 25), date(2026, 3, 27), BERLIN)
    now = datetime(2026, 3, 31, tzinfo=UTC)
    found = kpis.events(workspace, period, before, now)
    assert (list(found.days), found.value, found.previous) == ([2, 2, 1], 5, 0)
    assert list(kpis.active_profiles(workspace, period, before, now).days) == [2, 2, 1]


def test_a_mean_of_few_is_not_rounded_to_nobody(workspace: Workspace) -> None:
    at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    store(workspace, None, [message(user_id="u", ts=at, received_at=at)])
    period = periods.between_days(date(2026, 3, 27), date(2026, 3, 28), BERLIN)
    before = periods.between_days(date(2026, 3, 25), date(2026, 3, 26), BERLIN)
    now = datetime(2026, 3, 29, tzinfo=UTC)
    assert kpis.active_profiles(workspace, period, before, now).text == "0.5"
    assert kpis.active_profiles(workspace, before, before, now).text == "0"
