"""What is read straight from files that do not change: whole dictionaries, sparse columns, remembered masks."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from cdp.engine.aggregates import Aggregate, AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.columnar.shared_masks import Kept
from cdp.engine.columnar.table import encode_columns
from cdp.engine.conditions import Members
from cdp.engine.events import Events
from cdp.engine.predicates import Not, Test
from tests.engine.story import SECOND, at, batch

NOW = at(1_000)
EVENTS = Events(("buy",))


def store(engine: ColumnarEngine, rows: list[tuple[int, int, dict[str, Any]]]) -> None:
    """(profile, second, properties), folded into the base."""
    with engine.writing(1) as writer:
        writer.append(batch([(profile, second * SECOND, "buy", properties) for profile, second, properties in rows]))
        writer.commit({})
    engine.compact()


def one(engine: ColumnarEngine, fn: Any, events: Events = EVENTS, **more: Any) -> Aggregate:
    (found,) = engine.aggregates([AggregateSpec(events, fn, "value", **more)], NOW)
    return found


def test_properties_in_any_order_stay_with_their_event() -> None:
    told: list[dict[str, Any]] = [
        {"a": 1, "b": "x"},
        {"b": "y", "a": 2},
        {},
        {"a": 3},
        {"a": None, "b": [5]},
        {"b": "x"},
    ]
    columns = encode_columns(told)
    assert [{name: value[1] for name in "ab" if (value := columns[name].at(row))[0]} for row in range(6)] == told


@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 200, 300])
def test_dictionaries_of_any_size(columnar: ColumnarEngine, size: int) -> None:
    """Up to 64 values are counted as bits, and codes get wider with the dictionary."""
    values = [f"v{number:03}" for number in range(size)]
    half = [(8, second, {"value": value}) for second, value in enumerate(values[size // 2 :])]
    store(columnar, [*((7, second, {"value": value}) for second, value in enumerate([*values, *values])), *half])
    assert one(columnar, "unique").value.tolist() == [size, size - size // 2]
    assert one(columnar, "unique_list").decoded() == [values, values[size // 2 :]]
    assert one(columnar, "mode").decoded() == [values[0], values[size // 2]]
    assert one(columnar, "mode", tie="most_recent").decoded() == [values[-1], values[-1]]
    assert one(columnar, "first").decoded() == [values[0], values[size // 2]]


def test_a_property_that_few_events_have(columnar: ColumnarEngine) -> None:
    rows = [(7, 1, {}), (7, 2, {"value": "b"}), (7, 3, {}), (8, 1, {}), (9, 5, {"value": "a"}), (9, 6, {"value": "b"})]
    store(columnar, rows)
    assert one(columnar, "last").decoded() == ["b", None, "b"]
    assert one(columnar, "last").ts is not None
    assert one(columnar, "first", Events(("buy",), None, at(6))).decoded() == ["b"]
    assert one(columnar, "unique", Events(("buy",), None, at(1), at(6))).value.tolist() == [1, 0, 1]
    has_not = Events(("buy",), Not(Test("value", "eq", "b")))
    assert one(columnar, "last", has_not).decoded() == [None, None, "a"]


def test_a_remembered_mask_does_not_outlive_its_moment(columnar: ColumnarEngine) -> None:
    store(columnar, [(7, 1, {"value": "1970-01-01T00:00:00Z"})])
    events = Events(("buy",), Test("value", "within_last", "PT20M"))
    spec = AggregateSpec(events, "count")
    counts = [columnar.aggregates([spec], at(when))[0].value.tolist() for when in (600, 1_800, 600)]
    assert counts == [[1], [], [1]]


def test_remembered_masks_stay_within_their_budget() -> None:
    kept = Kept(most_bytes=10)
    kept.put("a", np.zeros(4, np.uint8))  # type: ignore[arg-type]
    kept.put("b", np.zeros(4, np.uint8))  # type: ignore[arg-type]
    kept.get("a")  # type: ignore[arg-type]
    kept.put("c", np.zeros(4, np.uint8))  # type: ignore[arg-type]
    assert (list(kept.masks), kept.bytes) == (["a", "c"], 8)


def test_new_events_come_between_stored_ones(columnar: ColumnarEngine) -> None:
    store(columnar, [(profile, 1, {"value": profile}) for profile in (2, 4, 6, 8)])
    with columnar.writing(1) as writer:
        writer.append(batch([(profile, 2 * SECOND, "buy", {"value": 1}) for profile in (1, 4, 9)]))
        writer.commit({})
    found = one(columnar, "sum")
    assert found.profile.tolist() == [1, 2, 4, 6, 8, 9]
    assert found.decoded() == [1, 2, 5, 6, 8, 1]


def test_decoded_numbers_are_whole_where_they_can_be(columnar: ColumnarEngine) -> None:
    store(
        columnar, [(7, 1, {"value": 0.5}), (8, 1, {"value": 3}), (9, 1, {"value": 2**53 / 1_000_000 + 1}), (10, 1, {})]
    )
    assert [repr(value) for value in one(columnar, "max").decoded()] == ["0.5", "3", "9007199255.740992", "None"]
    assert Decimal(repr(one(columnar, "max").decoded()[2])) == Decimal("9007199255.740992")


def ints(*values: int) -> Ints:
    return np.array(values, np.int64)


@pytest.mark.parametrize("step", [1, 10**9])
def test_members_among_everybody(step: int) -> None:
    """Whether ids are near each other or far apart, in the universe or not."""
    universe, members = ints(1, 2, 3, 5, 8) * step, ints(0, 2, 4, 8, 9) * step
    assert Members(members).among(universe).tolist() == [2 * step, 8 * step]
    assert Members(members, is_complement=True).among(universe).tolist() == [step, 3 * step, 5 * step]
    assert Members(ints()).among(universe).tolist() == []
    assert Members(members).among(ints()).tolist() == []
