"""GET …/trend and …/time-to-convert."""

from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.models import Funnel
from cdp.queries.funnel_views import bucket_edges
from stratum.lib import periods
from tests.cdp.funnels.conftest import Did


def get(api: APIClient, funnel: Funnel, what: str, **query: object) -> dict[str, Any]:
    answer = api.get(f"/api/v1/cdp/funnels/{funnel.pk}/{what}", query)
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


class TestTrend:
    def test_it_works(self, api: APIClient, funnel: Funnel, did: Did) -> None:
        did("anna", "page_view", "purchase", hours_ago=24 * 9)
        did("anna", "page_view", hours_ago=24)
        did("ben", "page_view", hours_ago=1)
        answer = get(api, funnel, "trend", **{"from": "2026-01-06", "to": "2026-01-15"})
        assert (answer["interval"], len(answer["buckets"]), answer["previous"]) == ("day", 10, None)
        assert answer["buckets"][0] == {
            "start": "2026-01-06T00:00:00+01:00",
            "end": "2026-01-07T00:00:00+01:00",
            "is_open": False,
            "is_partial": False,
            "entered": 1,
            "converted": 1,
            "conversion": 1.0,
            "counts": [1, 1],
            "median_seconds": 60.0,
        }
        assert [each["entered"] for each in answer["buckets"]] == [1, 0, 0, 0, 0, 0, 0, 0, 1, 1]
        # A window of 7 days: who entered on the 8th at noon or later may still convert.
        assert [each["is_open"] for each in answer["buckets"]] == [False, False, *[True] * 8]

    def test_weeks_begin_on_monday_and_are_cut_by_the_period(self, api: APIClient, funnel: Funnel) -> None:
        answer = get(api, funnel, "trend", interval="week", **{"from": "2025-12-25", "to": "2026-01-07"})
        found = [(each["start"][:10], each["end"][:10], each["is_partial"]) for each in answer["buckets"]]
        assert found == [
            ("2025-12-25", "2025-12-29", True),
            ("2025-12-29", "2026-01-05", False),
            ("2026-01-05", "2026-01-08", True),
        ]

    def test_months_and_the_period_before(self, api: APIClient, funnel: Funnel, did: Did) -> None:
        did("anna", "page_view", hours_ago=24 * 70)
        question = {"interval": "month", "compare": "previous", "from": "2025-12-01", "to": "2026-01-31"}
        answer = get(api, funnel, "trend", **question)
        assert [each["start"][:10] for each in answer["buckets"]] == ["2025-12-01", "2026-01-01"]
        previous = [(each["start"][:10], each["entered"]) for each in answer["previous"]["buckets"]]
        assert previous == [("2025-09-30", 0), ("2025-10-01", 0), ("2025-11-01", 1)]

    def test_days_that_have_not_begun_are_left_out(self, api: APIClient, funnel: Funnel) -> None:
        answer = get(api, funnel, "trend", **{"from": "2026-01-14", "to": "2026-02-20"})
        assert [each["start"][:10] for each in answer["buckets"]] == ["2026-01-14", "2026-01-15"]
        assert get(api, funnel, "trend", **{"from": "2026-02-01", "to": "2026-02-20"})["buckets"] == []

    @pytest.mark.parametrize(
        ("query", "pointer", "code"),
        [
            ({"interval": "hour"}, "/interval", "unknown_choice"),
            ({"from": "2024-01-01"}, "/interval", "too_many"),
            ({"from": "2016-01-01", "interval": "week"}, "/interval", "too_many"),
            ({"breakdown": "device"}, "/breakdown", "not_supported"),
            ({"from": "2026-01-10", "to": "2026-01-01"}, "/to", "reversed"),
        ],
    )
    def test_bad_questions(
        self, api: APIClient, funnel: Funnel, query: dict[str, str], pointer: str, code: str
    ) -> None:
        answer = api.get(f"/api/v1/cdp/funnels/{funnel.pk}/trend", query)
        assert answer.status_code == 400
        assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-10-27", 24)])
def test_days_are_as_long_as_the_clock_says(now: datetime, day: str, hours: int) -> None:
    zone = periods.ZoneInfo("Europe/Berlin")
    period = periods.parse_period(day, day, now=now, zone=zone)
    first, last = bucket_edges(period, "day", now)
    assert (last - first).total_seconds() == hours * 3_600


class TestTimes:
    def test_it_works(self, api: APIClient, funnel: Funnel, did: Did) -> None:
        for who, seconds in (("anna", 60), ("ben", 90), ("cleo", 300), ("dora", 4_000)):
            did(who, "page_view", "purchase", every=seconds)
        did("eve", "page_view")
        answer = get(api, funnel, "time-to-convert")
        assert (answer["step"], answer["count"], answer["average"], answer["median"]) == (None, 4, 1112.5, 195.0)
        assert (answer["p25"], answer["p75"]) == (82.5, 1225.0)
        bins = [(each["start_seconds"], each["end_seconds"], each["count"]) for each in answer["bins"]]
        assert bins == [
            (60, 120, 2), (120, 300, 0), (300, 600, 1), (600, 1_200, 0), (1_200, 1_800, 0), (1_800, 3_600, 0),
            (3_600, 7_200, 1),
        ]  # fmt: skip

    def test_nobody_converted(self, api: APIClient, funnel: Funnel) -> None:
        answer = get(api, funnel, "time-to-convert", step=1, compare="previous")
        assert (answer["count"], answer["median"], answer["bins"], answer["previous"]["count"]) == (0, None, [], 0)

    @pytest.mark.parametrize("step", [0, 2, "x"])
    def test_steps_that_have_no_time(self, api: APIClient, funnel: Funnel, step: object) -> None:
        answer = api.get(f"/api/v1/cdp/funnels/{funnel.pk}/time-to-convert", {"step": step})
        assert answer.status_code == 400
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/step"]
