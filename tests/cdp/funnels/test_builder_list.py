"""The small line of conversion by day in the list."""

from django.test import Client
from django.urls import reverse

from cdp.models import Funnel
from cdp.queries.funnel_list import DayRate
from cdp.views.funnel_sparkline import sparkline
from tests.cdp.funnels.conftest import Did


def test_a_day_without_entries_breaks_the_line_and_open_days_are_dashed() -> None:
    days = [DayRate(0.5, False), DayRate(1.0, False), DayRate(None, False), DayRate(0.0, True), DayRate(0.5, True)]
    line = sparkline(days)
    assert line
    assert line.closed == "M2.0 12.0L25.0 2.0"
    assert line.open == "M71.0 22.0L94.0 12.0"
    assert line.sentence == "Conversion by day, last 5 days: 0% to 100%"


def test_one_day_is_no_line() -> None:
    assert sparkline([DayRate(0.5, False), DayRate(None, False)]) is None


def test_the_list_shows_what_happened(as_bob: Client, funnel: Funnel, did: Did) -> None:
    did("anna", "page_view", "purchase", hours_ago=24 * 12)
    did("ben", "page_view", hours_ago=24 * 11)
    shown = as_bob.get(reverse("funnel_numbers")).content.decode()
    assert "Conversion by day, last 30 days: 0% to 100%" in shown
