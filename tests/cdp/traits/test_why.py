"""Which events make a value."""

from datetime import timedelta
from typing import Any

import pytest

from cdp.engine.timeline import TimelineEvent
from cdp.traits.why import Evidence, why
from stratum.lib import clock
from tests.cdp.traits.story import BERLIN, NOON, definition, trait

EVENTS: list[tuple[int, str, dict[str, Any]]] = [
    (40, "purchase", {"revenue": 100}),
    (5, "purchase", {"revenue": "20", "currency": "EUR"}),
    (4, "purchase", {"revenue": "abc"}),
    (3, "page_view", {"revenue": 1}),
    (2, "purchase", {"revenue": 20, "currency": "USD"}),
    (1, "purchase", {}),
    (-1, "purchase", {"revenue": 7}),
]


def evidence(**body: Any) -> tuple[Evidence, ...]:
    events = [
        TimelineEvent(days, 1, clock.to_micros(NOON - timedelta(days=days)), 0, name, 0, properties)
        for days, name, properties in EVENTS
    ]
    return why(definition(trait(**body)), events, as_of=clock.to_micros(NOON), zone=BERLIN)


@pytest.mark.parametrize(
    ("body", "makers"),
    [
        ({}, [1, 2, 4, 5, 40]),
        ({"window": {"last": "P30D"}}, [1, 2, 4, 5]),
        ({"fn": "sum", "property": "revenue"}, [2, 5, 40]),
        ({"fn": "min", "property": "revenue"}, [2, 5]),
        ({"fn": "max", "property": "revenue"}, [40]),
        ({"kind": "last", "property": "revenue"}, [2]),
        ({"kind": "first", "property": "revenue", "window": {"last": "P30D"}}, [5]),
        ({"kind": "last", "property": "timestamp"}, [1]),
        ({"kind": "most_frequent", "property": "revenue"}, [40]),  # "100" comes before "20" and "abc"
        ({"kind": "most_frequent", "property": "revenue", "tie": "most_recent"}, [2]),
        ({"kind": "most_frequent", "property": "revenue", "min_count": 2}, []),
        ({"kind": "unique_list", "property": "revenue"}, [2, 4, 5, 40]),
        ({"kind": "ratio", "numerator": {"event": "page_view"}, "denominator": {"event": "purchase", "window": {"last": "P3D"}}}, [1, 2, 3]),
    ],
)  # fmt: skip
def test_the_events_that_make_the_value_newest_first(body: dict[str, Any], makers: list[int]) -> None:
    assert [one.event.seq for one in evidence(**body) if one.makes] == makers


def test_what_is_skipped_and_what_is_in_another_currency_is_shown_as_such() -> None:
    found = evidence(fn="sum", property="revenue", currency="EUR")
    assert [(one.event.seq, one.fate, one.values, one.skipped, one.makes) for one in found] == [
        (1, "counted", (), 0, False),
        (2, "foreign", (), 0, False),
        (4, "counted", (), 1, False),
        (5, "counted", (20,), 0, True),
        (40, "counted", (100,), 0, True),
    ]


def test_times_are_told_as_the_api_writes_them() -> None:
    assert evidence(kind="last", property="timestamp")[0].values == ("2026-07-30T10:00:00Z",)


def test_the_parts_of_a_ratio_are_told_apart() -> None:
    found = evidence(
        kind="ratio", numerator={"event": "page_view"}, denominator={"event": "*", "window": {"last": "P3D"}}
    )
    assert [(one.event.seq, one.part) for one in found] == [(1, 1), (2, 1), (3, 0), (3, 1)]
