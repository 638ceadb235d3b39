"""What every number of a funnel means, rule by rule, as a program sees it: events in by the tracking API, counts out.

A life is written `"a@0", "b@10 plan=pro"`: an event, its second after noon of 10 January, its properties as JSON or text.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from rest_framework.test import APIClient

NOON = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
HOUR = "PT1H"

Lived = Callable[..., None]
Ask = Callable[..., dict[str, Any]]
Counts = Callable[..., list[int]]


@pytest.fixture
def lived(write_key_text: str) -> Lived:
    """`lived("anna", "a@0", "b@10")`, sent in that order; `since` replaces noon."""
    numbers = count()
    shop = APIClient()

    def send(who: str, *events: str, since: datetime = NOON, kind: str = "track") -> None:
        batch = [_event(who, event, since, kind, f"{who}-{next(numbers)}") for event in events]
        answer = shop.post("/v1/batch", {"writeKey": write_key_text, "batch": batch})
        assert answer.json() == {"success": True}

    return send


def _event(who: str, event: str, since: datetime, kind: str, message: str) -> dict[str, Any]:
    first, *properties = event.split()
    name, _, second = first.partition("@")
    at = since + timedelta(microseconds=round(float(second) * 1_000_000))
    named = {"event": name} if kind == "track" else {"name": name}
    return {
        "type": kind, **named, "userId": who, "messageId": message, "timestamp": at.isoformat(),
        "properties": {key: _value(text) for key, _, text in (each.partition("=") for each in properties)},
    }  # fmt: skip


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@pytest.fixture
def ask(api: APIClient) -> Ask:
    """`ask("a", "b", window="PT1H", question={"breakdown": …})`: the answer to a preview; a step may be an object."""

    def asked(*steps: str | dict[str, Any], question: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        listed = [step if isinstance(step, dict) else {"event": step} for step in steps]
        body = {"funnel": {"steps": listed, "window": HOUR, **fields}, **(question or {})}
        answer = api.post("/api/v1/cdp/funnels/preview", body)
        assert answer.status_code == 200, answer.json()
        found: dict[str, Any] = answer.json()
        return found

    return asked


@pytest.fixture
def counts(ask: Ask) -> Counts:
    def counted(*steps: str | dict[str, Any], **fields: Any) -> list[int]:
        return [step["count"] for step in ask(*steps, **fields)["steps"]]

    return counted


def gap(event: str, longest: str) -> dict[str, Any]:
    return {"event": event, "max_gap": longest}


def times(answer: dict[str, Any]) -> list[float | None]:
    return [step["median_seconds"] for step in answer["steps"]]


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (["a@0", "b@10", "c@20"], [1, 1, 1]),
        (["b@0", "a@10", "c@20"], [1, 0, 0]),
        (["a@0", "c@10", "b@20"], [1, 1, 0]),
        (["b@0", "c@10"], [0, 0, 0]),
        # Not the first entry only, and not the first middle step only.
        (["a@0", "a@3000", "b@4000", "c@6600"], [1, 1, 1]),
        (["a@0", "b@10", "a@3590", "b@3600", "c@7000"], [1, 1, 1]),
        (["a@0", "b@10", "a@3590", "c@7000"], [1, 1, 0]),
        # Equal times in either order, however they were sent.
        (["c@0", "b@0", "a@0"], [1, 1, 1]),
        (["a@0", "c@5", "b@5"], [1, 1, 1]),
        # The window runs from step 1, to the microsecond.
        (["a@0", "b@1", "c@3600"], [1, 1, 1]),
        (["a@0", "b@1", "c@3600.000001"], [1, 1, 0]),
        (["a@0", "b@3600", "c@3601"], [1, 1, 0]),
    ],
)
def test_steps_follow_one_another(lived: Lived, counts: Counts, life: list[str], expected: list[int]) -> None:
    lived("anna", *life)
    assert counts("a", "b", "c") == expected


@pytest.mark.parametrize(
    ("steps", "life", "expected"),
    [
        (["*", "a"], ["a@0"], [1, 0]),
        (["*", "a"], ["x@0", "a@0"], [1, 1]),
        (["a", "a", "a"], ["a@0", "a@0"], [1, 1, 0]),
        (["a", "a", "a"], ["a@0", "a@5", "a@9"], [1, 1, 1]),
        ([{"event": ["a", "b"]}, "b", "a"], ["b@0", "a@0", "b@0"], [1, 1, 1]),
        ([{"event": ["a", "b"]}, "b"], ["b@0"], [1, 0]),
    ],
)
def test_one_event_serves_one_step(
    lived: Lived, counts: Counts, steps: list[Any], life: list[str], expected: list[int]
) -> None:
    lived("anna", *life)
    assert counts(*steps) == expected


@pytest.mark.parametrize(
    ("steps", "life", "expected"),
    [
        (["a", "b", gap("c", "PT1M")], ["a@0", "b@10", "b@100", "c@150"], [1, 1, 1]),
        (["a", gap("b", "PT30S"), gap("c", "PT1M")], ["a@0", "b@10", "b@100", "c@150"], [1, 1, 0]),
        (["a", gap("b", "PT30S")], ["a@0", "b@30"], [1, 1]),
        (["a", gap("b", "PT30S")], ["a@0", "b@30.000001"], [1, 0]),
        (["a", gap("b", "PT30S")], ["a@0", "a@20", "b@50"], [1, 1]),
    ],
)
def test_a_time_window_is_the_longest_gap(
    lived: Lived, counts: Counts, steps: list[Any], life: list[str], expected: list[int]
) -> None:
    lived("anna", *life)
    assert counts(*steps) == expected


def test_a_window_of_a_day_is_24_hours_when_the_clocks_change(lived: Lived, counts: Counts) -> None:
    """26 October 2025 has 25 hours in Berlin."""
    day = datetime(2025, 10, 25, 20, tzinfo=UTC)
    lived("in-time", "a@0", "b@86400", since=day)
    lived("late", "a@0", "b@86401", since=day)
    assert counts("a", "b", window="P1D", question={"from": "2025-10-25", "to": "2025-10-26"}) == [2, 1]


def test_only_the_entry_lies_in_the_date_range(lived: Lived, counts: Counts) -> None:
    """Dates are those of Berlin, an hour ahead; the whole last day is in."""
    midnight = datetime(2026, 1, 9, 23, tzinfo=UTC)
    lived("first-instant", "a@0", "b@1", since=midnight)
    lived("last-instant", "a@86399.999999", "b@86500", since=midnight)
    lived("too-early", "a@-0.000001", "b@1", since=midnight)
    lived("too-late", "a@86400", "b@86401", since=midnight)
    assert counts("a", "b", question={"from": "2026-01-10", "to": "2026-01-10"}) == [2, 2]
    # Two instants that are both included.
    to = {"from": "2026-01-09T23:00:00Z", "to": "2026-01-10T22:59:59.999999Z"}
    assert counts("a", "b", question=to) == [2, 2]


def test_who_may_still_convert_is_in_progress(lived: Lived, ask: Ask, now: datetime) -> None:
    lived("open", "a@-3000", since=now)
    lived("closed", "a@-4000", since=now)
    lived("converted-and-back", "a@-9000", "b@-8000", "a@-10", since=now)
    lived("deeper-before", "a@-9000", "b@-8999", "a@-10", since=now)
    answer = ask("a", "b", "c")
    assert (answer["entered"], answer["converted"], answer["in_progress"]) == (4, 0, 3)
    answer = ask("a", "b")
    assert (answer["entered"], answer["converted"], answer["in_progress"]) == (4, 2, 1)
    assert ask("a", "b", question={"to": "2026-01-14"})["in_progress"] == 0


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (["a@0", "a@10", "b@20", "b@30", "c@40"], [None, 10, 20]),  # the latest entry, then the earliest middle
        (["a@0", "b@5", "b@8", "c@10", "c@90"], [None, 5, 5]),  # the earliest completion
        (["a@0", "b@10", "c@20", "a@100", "b@101", "c@102"], [None, 10, 10]),  # the first completion only
        (["a@0", "b@100"], [None, 100, None]),  # who drops out counts for the steps done
    ],
)
def test_times_are_those_of_the_deepest_chain(
    lived: Lived, ask: Ask, life: list[str], expected: list[float | None]
) -> None:
    lived("anna", *life)
    assert times(ask("a", "b", "c")) == expected


def test_the_median_of_two_is_their_middle(lived: Lived, ask: Ask) -> None:
    lived("anna", "a@0", "b@10", "c@30")
    lived("ben", "a@0", "b@20", "c@90")
    lived("cleo", "a@0", "b@40")
    answer = ask("a", "b", "c")
    assert (answer["average_seconds_to_convert"], answer["median_seconds_to_convert"]) == (60.0, 60.0)
    assert times(answer) == [None, 20.0, 45.0]
    assert answer["steps"][1]["average_seconds"] == pytest.approx(70 / 3)


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (["a@0", "x@5", "b@10", "c@20"], [0, 0, 0]),
        (["a@0", "b@10", "x@15", "c@20"], [1, 1, 1]),
        (["a@0", "x@0", "b@10"], [1, 1, 0]),  # strictly between
        (["a@0", "x@10", "b@10"], [1, 1, 0]),
        (["a@0", "x@5", "b@10", "a@20", "b@30"], [1, 1, 0]),  # one clean chain is enough
        (["a@0", "x@5", "b@10", "a@5000"], [0, 0, 0]),  # a clean chain that is less deep is not
        (["a@0", "x@5"], [0, 0, 0]),  # step b was not reached: until the window ends
        (["a@0", "x@3700"], [1, 0, 0]),
    ],
)
def test_an_excluded_event_taints_the_chain(lived: Lived, counts: Counts, life: list[str], expected: list[int]) -> None:
    lived("anna", *life)
    assert counts("a", "b", "c", exclusions=[{"event": "x", "between": [0, 1]}]) == expected


def test_an_exclusion_does_not_begin_before_its_step(lived: Lived, counts: Counts) -> None:
    lived("anna", "a@0", "x@5")
    lived("ben", "a@0", "x@5", "b@10", "c@20")
    lived("cleo", "a@0", "b@10", "x@15")
    assert counts("a", "b", "c", exclusions=[{"event": "x", "between": [1, 2]}]) == [2, 1, 1]


def test_an_exclusion_may_have_filters(lived: Lived, counts: Counts) -> None:
    lived("anna", "a@0", "x@5 kind=refund", "b@10")
    lived("ben", "a@0", "x@5 kind=question", "b@10")
    refund = {"event": "x", "where": {"property": "kind", "op": "eq", "value": "refund"}, "between": [0, 1]}
    assert counts("a", "b", exclusions=[refund]) == [1, 1]


@pytest.mark.parametrize("between", [[1, 1], [1, 0], [0, 2], [-1, 1]])
def test_exclusions_outside_the_steps_are_refused(api: APIClient, between: list[int]) -> None:
    funnel = {"steps": [{"event": "a"}, {"event": "b"}], "exclusions": [{"event": "x", "between": between}]}
    answer = api.post("/api/v1/cdp/funnels/preview", {"funnel": funnel})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/funnel/exclusions/0/between"]


def test_strict_steps_are_neighbours_in_the_whole_timeline(lived: Lived, counts: Counts) -> None:
    lived("straight", "a@0", "b@10")
    lived("astray", "a@0", "z@5", "b@10")
    lived("paged", "a@0", "b@10")
    lived("paged", "Home@5", kind="page")
    lived("again", "a@0", "z@5", "a@6", "b@10")
    lived("at-once", "a@0", "z@5", "b@5")
    assert counts("a", "b", mode="strict") == [5, 3]
    assert counts("a", "b") == [5, 5]


def test_in_any_order_bars_read_any_k_of_n(lived: Lived, counts: Counts) -> None:
    lived("backwards", "c@0", "b@10", "a@20")
    lived("two", "b@0", "a@10")
    lived("twice-the-same", "a@0", "a@10")
    lived("too-slow", "a@0", "b@10", "c@3601")
    assert counts("a", "b", "c", mode="any_order") == [4, 3, 1]
    assert counts("a", "*", mode="any_order") == [4, 4]


def test_in_any_order_the_best_clean_attempt_counts(lived: Lived, counts: Counts) -> None:
    lived("anna", "b@0", "x@5", "a@10")
    lived("ben", "b@0", "a@10")
    assert counts("a", "b", mode="any_order", exclusions=[{"event": "x", "between": [0, 1]}]) == [2, 1]


class TestTrend:
    """26 October 2025 has 25 hours in Berlin: it begins at 22:00 UTC of the 25th and ends at 23:00 UTC."""

    BEGIN = datetime(2025, 10, 25, 22, tzinfo=UTC)

    @pytest.fixture
    def asked(self, api: APIClient) -> Ask:
        steps = [{"event": "a"}, {"event": "b"}]
        saved = api.post("/api/v1/cdp/funnels", {"name": "Shop", "steps": steps, "window": "P1D"}).json()

        def ask(what: str, **query: str) -> dict[str, Any]:
            answer = api.get(f"/api/v1/cdp/funnels/{saved['id']}/{what}", query)
            assert answer.status_code == 200, answer.json()
            found: dict[str, Any] = answer.json()
            return found

        return ask

    def test_buckets_are_local_days_by_entry(self, lived: Lived, asked: Ask) -> None:
        lived("day-before", "a@-1", "b@5", since=self.BEGIN)
        lived("first-instant", "a@0", since=self.BEGIN)
        lived("25th-hour", f"a@{25 * 3600 - 1}", f"b@{25 * 3600 + 9}", since=self.BEGIN)
        lived("day-after", f"a@{25 * 3600}", since=self.BEGIN)
        question = {"from": "2025-10-25", "to": "2025-10-27"}
        days = asked("trend", **question)["buckets"]
        assert [day["counts"] for day in days] == [[1, 1], [2, 1], [1, 0]]
        assert (days[1]["start"], days[1]["end"]) == ("2025-10-26T00:00:00+02:00", "2025-10-27T00:00:00+01:00")
        assert not any(day["is_open"] for day in days)

    def test_a_user_counts_once_in_every_bucket_entered(self, lived: Lived, asked: Ask) -> None:
        lived("anna", "a@0", "a@60", "b@120", "a@172800")
        question = {"from": "2026-01-10", "to": "2026-01-12"}
        assert [day["counts"] for day in asked("trend", **question)["buckets"]] == [[1, 1], [0, 0], [1, 0]]
        assert asked("analyze", **question)["entered"] == 1
        (week, monday) = asked("trend", interval="week", **question)["buckets"]
        assert (week["counts"], monday["counts"]) == ([1, 1], [1, 0])

    def test_the_previous_period_has_as_many_local_days(self, lived: Lived, asked: Ask) -> None:
        lived("before", "a@0", "b@1", since=self.BEGIN)
        lived("long-before", "a@-0.000001", since=self.BEGIN)
        lived("within", f"a@{25 * 3600}", since=self.BEGIN)
        answer = asked("analyze", compare="previous", **{"from": "2025-10-27", "to": "2025-10-27"})
        assert (answer["entered"], answer["previous"]["entered"], answer["previous"]["converted"]) == (1, 1, 1)
        assert answer["previous"]["period"]["from"] == "2025-10-26T00:00:00+02:00"
        previous = asked("trend", compare="previous", **{"from": "2025-10-27", "to": "2025-10-27"})["previous"]
        assert [day["counts"] for day in previous["buckets"]] == [[1, 1]]

    def test_days_whose_window_is_open_are_marked(self, asked: Ask) -> None:
        """Now is 13:00 in Berlin on 15 January, the window a day."""
        days = asked("trend", **{"from": "2026-01-12", "to": "2026-01-15"})["buckets"]
        assert [day["is_open"] for day in days] == [False, False, True, True]


class TestBreakdown:
    def values(self, ask: Ask, *steps: str, **question: Any) -> dict[Any, list[int]]:
        breakdown = ask(*steps, question={"breakdown": "event.p", **question})["breakdown"]
        return {json.dumps(each["value"]): [step["count"] for step in each["steps"]] for each in breakdown["values"]}

    def test_by_the_first_or_the_last_value_that_is_not_empty(self, lived: Lived, ask: Ask) -> None:
        lived("anna", "a@0", "b@10 p=x", "b@20 p=y")
        lived("ben", 'a@0 p=""', "a@1 p=y", "b@10 p=null")
        lived("cleo", "a@0", "other@1 p=z")
        assert self.values(ask, "a", "b") == {'"x"': [1, 1], '"y"': [1, 1], "null": [1, 0]}
        assert self.values(ask, "a", "b", attribution="last_touch") == {'"y"': [2, 2], "null": [1, 0]}

    def test_zero_and_false_are_values(self, lived: Lived, ask: Ask) -> None:
        for value in ("0", "false", "1", "1.0", '"1"'):
            lived(f"with {value}", f"a@0 p={value}")
        lived("without", "a@0", "b@1")
        found = self.values(ask, "a", "b")
        assert found.pop("null") == [1, 1]
        assert sorted(found.values()) == [[1, 0], [1, 0], [1, 0], [2, 0]]
        assert {"0", "false", '"1"'} < found.keys()

    def test_the_value_at_a_step(self, lived: Lived, ask: Ask) -> None:
        lived("anna", "a@0 p=x", "b@10 p=y")
        lived("ben", "a@0 p=x")
        lived("cleo", "a@0 p=x", "b@10")
        assert self.values(ask, "a", "b", attribution="step:1") == {'"y"': [1, 1], "null": [1, 1]}
        assert self.values(ask, "a", "b", attribution="step:0") == {'"x"': [3, 2]}

    def test_all_steps_by_one_value(self, lived: Lived, ask: Ask) -> None:
        lived("anna", "a@0 p=x", "b@10 p=x")
        lived("ben", "a@0 p=x", "b@10 p=y")
        lived("cleo", "a@0", "b@10")
        found = self.values(ask, "a", "b", attribution="all_steps")
        assert (found['"x"'], found["null"]) == ([2, 1], [1, 1])

    @pytest.mark.parametrize("attribution", ["first_touch", "last_touch"])
    @pytest.mark.parametrize("counting", ["unique", "totals"])
    @pytest.mark.parametrize("mode", ["ordered", "strict", "any_order"])
    def test_the_values_add_up(self, lived: Lived, ask: Ask, attribution: str, counting: str, mode: str) -> None:
        for number in range(12):
            first, middle, last = number % 4, number % 3, number % 2
            lived(f"u{number}", f"a@0 p={first}", "b@5", f"a@20 p={middle}", "a@5000", f"b@5010 p=z{last}")
        lived("missing", "a@0", "b@1", "c@2")
        question = {"breakdown": "event.p", "attribution": attribution, "limit": 1}
        answer = ask("a", "b", "c", question=question, mode=mode, counting=counting)
        groups = answer["breakdown"]["values"]
        assert groups[-1]["value"] == "__other__"
        sums = [sum(step) for step in zip(*([s["count"] for s in g["steps"]] for g in groups), strict=True)]
        assert sums == [step["count"] for step in answer["steps"]]
        assert sum(group["in_progress"] for group in groups) == answer["in_progress"]


class TestTotals:
    @pytest.mark.parametrize(
        ("life", "expected"),
        [
            (["a@0", "b@10", "a@20", "b@30"], [2, 2]),
            (["a@0", "a@10", "b@20"], [1, 1]),
            (["a@0", "a@3000", "b@6000"], [1, 1]),  # a further step 1 refreshes the attempt
            (["a@0", "a@3601"], [2, 0]),
            (["a@0", "a@3600"], [1, 0]),
            (["a@0", "b@3601"], [1, 0]),
            (["b@0", "a@0"], [1, 1]),
            (["a@0", "b@0", "a@0", "b@0"], [2, 2]),
            (["a@0", "b@10", "b@20"], [1, 1]),
        ],
    )
    def test_attempts(self, lived: Lived, counts: Counts, life: list[str], expected: list[int]) -> None:
        lived("anna", *life)
        assert counts("a", "b", counting="totals") == expected

    def test_an_excluded_event_closes_the_attempt(self, lived: Lived, counts: Counts) -> None:
        lived("anna", "a@0", "x@5", "b@10", "a@20", "b@30")
        exclusions = [{"event": "x", "between": [0, 1]}]
        assert counts("a", "b", exclusions=exclusions) == [1, 1]
        assert counts("a", "b", counting="totals", exclusions=exclusions) == [2, 1]

    def test_in_any_order_any_step_opens_one(self, lived: Lived, counts: Counts) -> None:
        lived("anna", "b@0", "a@10", "a@20", "b@30", "b@40")
        assert counts("a", "b", counting="totals", mode="any_order") == [3, 2]
