"""Events go in as an SDK sends them, a funnel comes out as a program asks: what each sentence about counting means."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from stratum.workspaces.models import Workspace

Send = Callable[..., dict[str, Any]]
Ask = Callable[..., dict[str, Any]]
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def moment(now: datetime) -> datetime:
    return now - timedelta(hours=5)


@pytest.fixture
def send(client: Any, write_key_text: str) -> Send:
    """`send({"userId": "anna", "event": "a", …}, …)` to /v1/batch; tracks, unless they say another type."""

    def post(*items: dict[str, Any]) -> dict[str, Any]:
        body = {"writeKey": write_key_text, "batch": [{"type": "track", **item} for item in items]}
        answer = client.post("/v1/batch", body, content_type="application/json")
        assert answer.status_code == 200
        return dict(answer.json())

    return post


@pytest.fixture
def ask(api: APIClient, workspace: Workspace) -> Ask:
    """`ask("a", "b", window="PT1M", to="2026-01-01")`: the answer of the preview; a step may be given whole."""

    def preview(*steps: str | dict[str, Any], window: str = "P7D", **question: str) -> dict[str, Any]:
        told = [{"event": step} if isinstance(step, str) else step for step in steps]
        question = {name.rstrip("_"): value for name, value in question.items()}
        body = {"funnel": {"steps": told, "window": window}, **question}
        answer = api.post("/api/v1/cdp/funnels/preview", body, format="json")
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    return preview


def did(who: str, event: str, at: datetime, **properties: Any) -> dict[str, Any]:
    return {"userId": who, "event": event, "timestamp": at.isoformat(), "properties": properties}


def counts(answer: dict[str, Any]) -> list[int]:
    return [step["count"] for step in answer["steps"]]


@pytest.mark.parametrize("limit", [{"window": "PT1M"}, {"max_gap": "PT1M"}], ids=["window", "Time Window"])
def test_a_limit_holds_to_the_microsecond(send: Send, ask: Ask, moment: datetime, limit: dict[str, str]) -> None:
    late = moment + timedelta(minutes=1)
    send(did("in", "a", moment), did("in", "b", late), did("out", "a", moment), did("out", "b", late + MICROSECOND))
    second = {"event": "b", **({"max_gap": "PT1M"} if "max_gap" in limit else {})}
    assert counts(ask("a", second, window=limit.get("window", "P7D"))) == [2, 1]


def test_equal_times_convert_in_either_order(send: Send, ask: Ask, moment: datetime) -> None:
    send(did("anna", "b", moment), did("anna", "a", moment))
    assert counts(ask("a", "b")) == counts(ask("b", "a")) == [1, 1]


def test_one_event_serves_one_step(send: Send, ask: Ask, moment: datetime) -> None:
    send(did("once", "a", moment), did("twice", "a", moment), did("twice", "a", moment))
    assert counts(ask("a", "a")) == counts(ask("a", {"event": ["a", "b"]})) == [2, 1]
    assert counts(ask("a", "*")) == [2, 1]


def test_the_best_entry_counts_not_the_first(send: Send, ask: Ask, moment: datetime) -> None:
    send(did("anna", "a", moment - timedelta(days=8)), did("anna", "a", moment), did("anna", "b", moment + MICROSECOND))
    answer = ask("a", "b")
    assert counts(answer) == [1, 1]
    assert answer["average_seconds_to_convert"] == 0.000001


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2026-03-29", datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("2025-10-26", datetime(2025, 10, 25, 22, tzinfo=UTC), datetime(2025, 10, 26, 23, tzinfo=UTC)),
    ],
    ids=["23 hours", "25 hours"],
)
def test_a_day_is_the_workspaces_own(
    send: Send, ask: Ask, move_clock: Any, day: str, first: datetime, last: datetime
) -> None:
    move_clock(last + timedelta(days=2))
    instants = {"before": first - MICROSECOND, "first": first, "last": last - MICROSECOND, "after": last}
    send(*(did(who, "a", at) for who, at in instants.items()), did("last", "b", last + timedelta(days=1)))
    answer = ask("a", "b", from_=day, to=day)
    assert counts(answer) == [2, 1]
    assert answer["in_progress"] == 1


def test_an_event_of_the_future_waits_for_its_time(send: Send, ask: Ask, now: datetime, move_clock: Any) -> None:
    send(did("anna", "a", now), did("anna", "b", now + timedelta(minutes=50)))
    assert counts(ask("a", "b")) == [1, 0]
    move_clock(now + timedelta(minutes=50))
    assert counts(ask("a", "b")) == [1, 1]


def test_in_progress_are_those_whose_window_is_open(send: Send, ask: Ask, now: datetime) -> None:
    week = timedelta(days=7)
    send(did("open", "a", now - week), did("closed", "a", now - week - MICROSECOND))
    send(did("done", "a", now - week), did("done", "b", now))
    answer = ask("a", "b")
    assert (counts(answer), answer["in_progress"]) == ([3, 1], 1)


def test_a_merge_joins_what_two_did(send: Send, ask: Ask, moment: datetime) -> None:
    visit = {"anonymousId": "visitor", "event": "a", "timestamp": moment.isoformat()}
    send(visit, did("anna", "b", moment + MICROSECOND))
    assert counts(ask("a", "b")) == [1, 0]
    send({"type": "identify", "anonymousId": "visitor", "userId": "anna"})
    assert counts(ask("a", "b")) == [1, 1]


def test_two_copies_of_one_event_are_one(send: Send, ask: Ask, moment: datetime) -> None:
    send(did("anna", "Order Completed", moment, event_id="7"), did("anna", "purchase", moment, event_id="7"))
    assert counts(ask("purchase", "purchase")) == [1, 0]


def test_nobody_entered_is_an_answer_too(ask: Ask) -> None:
    answer = ask("a", "b")
    assert (answer["entered"], answer["overall_conversion"], answer["average_seconds_to_convert"]) == (0, 0.0, None)
    assert [step["conversion_from_start"] for step in answer["steps"]] == [0.0, 0.0]
