"""Which clock is believed, and what is done about the other."""

from datetime import UTC, datetime, timedelta

import pytest

from cdp.tracking.times import read_instant
from tests.cdp.tracking.story import BROWSER, NOON, SERVER, accepted, rejected, track

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def iso(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


class TestSpellings:
    @pytest.mark.parametrize(
        "spelling",
        [
            "2026-05-01T12:00:00Z",
            "2026-05-01T12:00:00.000Z",
            "2026-05-01T12:00:00.000000000Z",
            "2026-05-01T14:00:00+02:00",
            "2026-05-01T05:00:00-0700",
            "20260501T120000Z",
            "2026-05-01 12:00:00+00:00",
            "2026-05-01 12:00:00 UTC",
            "2026-05-01 14:00:00 +0200",
            "2026-05-01 12:00:00 +0000 UTC",
            "Fri, 01 May 2026 12:00:00 GMT",
            "Fri May 01 2026 14:00:00 GMT+0200 (Central European Summer Time)",
            1777636800,
            1777636800.0,
            1777636800000,
            "1777636800",
            "1777636800000",
        ],
    )
    def test_all_of_these_are_noon(self, spelling):
        assert read_instant(spelling) == (NOON, False)

    @pytest.mark.parametrize("spelling", ["2026-05-01T12:00:00", "2026-05-01 12:00", "2026-05-01T12:00:00.000"])
    def test_without_a_zone_it_is_utc_and_marked(self, spelling):
        assert read_instant(spelling) == (NOON, True)

    def test_microseconds_survive(self):
        assert read_instant("2026-05-01T12:00:00.123456Z")[0] == datetime(2026, 5, 1, 12, 0, 0, 123456, UTC)
        assert read_instant(1777636800123)[0] == NOON + timedelta(milliseconds=123)

    @pytest.mark.parametrize("missing", [None, ""])
    def test_missing_is_not_wrong(self, missing):
        assert read_instant(missing) == (None, False)

    @pytest.mark.parametrize(
        "absurd",
        [
            "yesterday",
            "0000-00-00T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-05-01T25:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "99999-01-01T00:00:00Z",
            "2026-05-01T12:00:00Z" * 100,
            1e300,
            -1e300,
            10**40,
            1777636800000000,
            float("nan"),
            True,
            [],
            {},
            ["2026-05-01"],
        ],
    )
    def test_the_absurd_is_refused(self, absurd):
        with pytest.raises(ValueError):
            read_instant(absurd)
        fault = rejected(track(timestamp=absurd))
        assert fault.code in {"invalid_timestamp", "invalid_number"}


class TestTheEventsOwnTime:
    def test_it_counts_by_its_own_time(self):
        message = accepted(track(timestamp="2026-04-01T08:00:00Z"))
        assert message.ts == message.original_timestamp == datetime(2026, 4, 1, 8, tzinfo=UTC)
        assert message.flags == ()

    def test_without_any_it_counts_from_when_it_arrived(self):
        message = accepted(track())
        assert (message.ts, message.original_timestamp, message.sent_at) == (NOON, None, None)

    def test_rudders_sdks_send_only_the_original(self):
        message = accepted(track(originalTimestamp=iso(NOON - HOUR)))
        assert message.ts == message.original_timestamp == NOON - HOUR

    def test_a_time_that_the_program_set_wins_over_the_devices(self):
        message = accepted(track(timestamp=iso(NOON - 5 * HOUR), originalTimestamp=iso(NOON - HOUR)))
        assert message.ts == NOON - 5 * HOUR
        assert message.original_timestamp == NOON - HOUR

    def test_naive_times_are_utc_and_flagged(self):
        message = accepted(track(timestamp="2026-05-01T11:00:00"))
        assert message.ts == NOON - HOUR
        assert message.flags == ("naive_time",)


class TestSkew:
    """A browser's clock is wrong, and everybody can see by how much from when it says it sent."""

    def test_a_fast_clock_is_corrected(self):
        fast = 3 * HOUR
        message = accepted(track(timestamp=iso(NOON + fast - MINUTE)), rules=BROWSER, sent_at=NOON + fast)
        assert message.ts == NOON - MINUTE
        assert message.original_timestamp == NOON + fast - MINUTE
        assert message.sent_at == NOON + fast
        assert message.flags == ("skew_corrected",)

    def test_a_clock_of_1970_is_corrected_before_it_is_called_too_old(self):
        booted = datetime(1970, 1, 1, tzinfo=UTC)
        message = accepted(track(timestamp=iso(booted)), rules=BROWSER, sent_at=booted + 10 * MINUTE)
        assert message.ts == NOON - 10 * MINUTE

    @pytest.mark.parametrize("skew", [MINUTE, -MINUTE])
    def test_sixty_seconds_are_left_alone(self, skew):
        message = accepted(track(timestamp=iso(NOON + skew)), rules=BROWSER, sent_at=NOON + skew)
        assert (message.ts, message.flags) == (NOON + skew, ())

    @pytest.mark.parametrize("skew", [MINUTE + TICK, -MINUTE - TICK])
    def test_more_than_sixty_seconds_are_not(self, skew):
        message = accepted(track(timestamp=iso(NOON + skew)), rules=BROWSER, sent_at=NOON + skew)
        assert (message.ts, message.flags) == (NOON, ("skew_corrected",))

    def test_a_server_is_believed(self):
        message = accepted(track(timestamp=iso(NOON - 2 * HOUR)), rules=SERVER, sent_at=NOON - HOUR)
        assert (message.ts, message.flags) == (NOON - 2 * HOUR, ())

    def test_an_event_kept_offline_for_a_day_is_not_skewed(self):
        message = accepted(track(timestamp=iso(NOON - 24 * HOUR)), rules=BROWSER, sent_at=NOON)
        assert (message.ts, message.flags) == (NOON - 24 * HOUR, ())

    def test_an_items_own_sent_at_serves_where_the_request_has_none(self):
        item = track(timestamp=iso(NOON - 3 * HOUR), sentAt=iso(NOON - 2 * HOUR))
        assert accepted(item, rules=BROWSER).ts == NOON - HOUR
        assert accepted({**item, "sentAt": "soon"}, rules=BROWSER).sent_at is None

    def test_a_correction_beyond_the_calendar_is_refused(self):
        item = track(timestamp="9999-12-31T00:00:00Z")
        assert rejected(item, rules=BROWSER, sent_at=NOON - 400 * 24 * HOUR).code == "invalid_timestamp"


class TestFutureAndPast:
    def test_an_hour_ahead_is_kept(self):
        assert accepted(track(timestamp=iso(NOON + HOUR))).ts == NOON + HOUR

    def test_farther_ahead_counts_from_when_it_arrived(self):
        message = accepted(track(timestamp=iso(NOON + HOUR + TICK)))
        assert (message.ts, message.original_timestamp) == (NOON, NOON + HOUR + TICK)
        assert message.flags == ("future_time",)

    def test_the_last_day_of_the_calendar(self):
        assert accepted(track(timestamp="9999-12-31T23:59:59Z")).flags == ("future_time",)

    def test_a_corrected_time_may_still_be_in_the_future(self):
        message = accepted(track(timestamp=iso(NOON + 9 * HOUR)), rules=BROWSER, sent_at=NOON + 2 * HOUR)
        assert (message.ts, message.flags) == (NOON, ("skew_corrected", "future_time"))

    def test_exactly_as_old_as_retention_is_kept(self):
        assert accepted(track(timestamp=iso(NOON - timedelta(days=180)))).ts == NOON - timedelta(days=180)

    @pytest.mark.parametrize("stamp", [iso(NOON - timedelta(days=180) - TICK), 0, -5, "0001-01-01T00:00:00Z"])
    def test_older_is_refused_with_the_reason(self, stamp):
        fault = rejected(track(timestamp=stamp))
        assert fault.code == "too_old"
        assert "180 days" in fault.reason
