"""Durations keep every microsecond; periods are whole days of the workspace's own calendar."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from stratum.lib import periods
from stratum.lib.refusal import Invalid

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 30, 22, 30, tzinfo=UTC)  # already the 31st in Berlin


@pytest.mark.parametrize(
    ("text", "micros", "shortest"),
    [
        ("P7D", 7 * periods.DAY, "P7D"),
        ("P1W", 7 * periods.DAY, "P7D"),
        ("PT1S", periods.SECOND, "PT1S"),
        ("PT36H", 36 * periods.HOUR, "P1DT12H"),
        ("PT90M", 90 * periods.MINUTE, "PT1H30M"),
        ("PT0.000001S", 1, "PT0.000001S"),
        ("PT1.5S", 1_500_000, "PT1.5S"),
        ("PT0S", 0, "PT0S"),
        ("P1DT1H1M1S", periods.DAY + periods.HOUR + periods.MINUTE + periods.SECOND, "P1DT1H1M1S"),
    ],
)
def test_a_duration_survives_the_way_out_and_back(text: str, micros: int, shortest: str) -> None:
    assert periods.parse_duration(text) == micros
    assert periods.format_duration(micros) == shortest
    assert periods.parse_duration(shortest) == micros


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1M", "P1Y", "7D", "P-7D", "P7", "PT1H1D", "P1.5D", "P٧D", "P" + "9" * 40 + "D"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="Write it like P7D"):
        periods.parse_duration(text)


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (7 * periods.DAY, "7 days"),
        (36 * periods.HOUR, "1 day 12 hours"),
        (periods.MINUTE, "1 minute"),
        (2_500_000, "2 seconds"),
        (10, "less than a second"),
    ],
)
def test_durations_in_words(micros: int, words: str) -> None:
    assert periods.duration_words(micros) == words


def test_last_30_days_are_30_local_days_with_today() -> None:
    period = periods.last_days(30, NOW, BERLIN)
    assert (period.first_day, period.last_day, period.days) == (date(2026, 3, 2), date(2026, 3, 31), 30)
    assert period.start == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert period.end == datetime(2026, 3, 31, 22, tzinfo=UTC)  # summer time has begun: 30 days less an hour
    assert period.covers(NOW)
    assert period.first_instant.isoformat() == "2026-03-02T00:00:00+01:00"
    assert period.last_instant.isoformat() == "2026-03-31T23:59:59.999999+02:00"


def test_a_date_means_its_whole_local_day() -> None:
    period = periods.parse_period("2026-01-05", "2026-01-05", now=NOW, zone=BERLIN)
    assert (period.start, period.end) == (datetime(2026, 1, 4, 23, tzinfo=UTC), datetime(2026, 1, 5, 23, tzinfo=UTC))


def test_both_instants_are_included() -> None:
    period = periods.parse_period("2026-01-05T00:00:00Z", "2026-01-05T12:00:00Z", now=NOW, zone=BERLIN)
    assert period.covers(datetime(2026, 1, 5, 0, tzinfo=UTC))
    assert period.covers(datetime(2026, 1, 5, 12, tzinfo=UTC))
    assert not period.covers(datetime(2026, 1, 5, 12, 0, 0, 1, tzinfo=UTC))


def test_one_instant_is_a_period_and_a_naive_time_is_local() -> None:
    period = periods.parse_period("2026-01-05T12:00:00", "2026-01-05T11:00:00Z", now=NOW, zone=BERLIN)
    assert period.covers(datetime(2026, 1, 5, 11, tzinfo=UTC))


def test_a_plus_that_the_query_string_ate_is_restored() -> None:
    period = periods.parse_period("2026-01-05T12:00:00 01:00", "", now=NOW, zone=ZoneInfo("UTC"))
    assert period.start == datetime(2026, 1, 5, 11, tzinfo=UTC)


def test_open_ends_are_filled() -> None:
    assert periods.parse_period("", "", now=NOW, zone=BERLIN) == periods.last_days(30, NOW, BERLIN)
    assert periods.parse_period("2026-03-31", "", now=NOW, zone=BERLIN) == periods.last_days(1, NOW, BERLIN)
    assert periods.parse_period("", "2026-01-31", now=NOW, zone=BERLIN).first_day == date(2026, 1, 2)


@pytest.mark.parametrize(
    ("first", "last", "pointers"),
    [
        ("2026-02-01", "2026-01-31", ["/to"]),
        ("yesterday", "never", ["/from", "/to"]),
        ("0001-01-01", "9999-12-31", ["/from", "/to"]),
        ("2026-13-01", "", ["/from"]),
        ("2026-01-01T25:00:00Z", "", ["/from"]),
        ("2026-01-05T12:00:00.000001Z", "2026-01-05T12:00:00Z", ["/to"]),
    ],
)
def test_impossible_ranges_name_the_end_that_is_wrong(first: str, last: str, pointers: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        periods.parse_period(first, last, now=NOW, zone=BERLIN)
    assert [fault.pointer for fault in refused.value.faults] == pointers
