"""When something regular is due: months of any length, weeks, and clocks that change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratum.reports.calendar import FREQUENCIES, Rhythm

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("rhythm", "after", "due"),
    [
        (Rhythm("daily", 8, BERLIN), "2026-01-15T06:59:59Z", "2026-01-15T07:00:00Z"),
        (Rhythm("daily", 8, BERLIN), "2026-01-15T07:00:00Z", "2026-01-16T07:00:00Z"),
        (Rhythm("daily", 8, BERLIN), "2026-07-15T00:00:00Z", "2026-07-15T06:00:00Z"),
        (Rhythm("weekly", 8, BERLIN, weekday=0), "2026-01-15T12:00:00Z", "2026-01-19T07:00:00Z"),
        (Rhythm("monthly", 0, BERLIN, day=31), "2026-02-01T00:00:00Z", "2026-02-27T23:00:00Z"),
        (Rhythm("monthly", 0, BERLIN, day=29), "2028-02-01T00:00:00Z", "2028-02-28T23:00:00Z"),
        # The hour from 2 to 3 is left out on this day: it is due an hour later on the clock, once.
        (Rhythm("daily", 2, BERLIN), "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        (Rhythm("daily", 2, BERLIN), "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"),
        # It comes twice on this one, and only the first counts.
        (Rhythm("daily", 2, BERLIN), "2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z"),
        (Rhythm("daily", 2, BERLIN), "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"),
    ],
)
def test_next(rhythm: Rhythm, after: str, due: str) -> None:
    assert rhythm.next_after(datetime.fromisoformat(after)) == datetime.fromisoformat(due)


@given(
    st.sampled_from(FREQUENCIES),
    st.integers(0, 23),
    st.integers(0, 6),
    st.integers(1, 31),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"]),
    st.integers(0, 4 * 365 * 24 * 60),
)
def test_it_never_stands_still_and_never_leaps(
    frequency: str, hour: int, weekday: int, day: int, zone: str, minutes: int
) -> None:
    rhythm = Rhythm(frequency, hour, ZoneInfo(zone), weekday, day)
    instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    most = {"daily": timedelta(hours=26), "weekly": timedelta(days=7, hours=2), "monthly": timedelta(days=31, hours=2)}
    first = rhythm.next_after(instant)
    assert instant < first <= instant + most[frequency]
    assert rhythm.missed(first, rhythm.next_after(first)) == 1
    assert rhythm.missed(first, rhythm.next_after(first) - timedelta(seconds=1)) == 0
