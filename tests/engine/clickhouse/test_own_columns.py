"""Properties in columns of their own and in maps: the same answers, whatever came first and whatever is known."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cdp.engine import open_engine
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.clickhouse.known import LISTS, NUMBERS, OTHERS, ROUGH
from cdp.engine.clickhouse.properties import MOST_OWN
from cdp.engine.events import Events
from cdp.engine.predicates import Test
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_engine
from tests.engine.story import at, batch

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
LATER = at(10_000)
# In the order in which they come: of each the questions are asked before the next one is there.
VALUES: list[Any] = [5, 7.25, "x", "6", True, None, 0.1234567, 7, "0.12345671", 10**13, [5, "y"], {"q": 1}, 5.0]
OPERANDS: list[Any] = [5, 7.25, "6", "x", 0.1234567, 0.123457, 10**13, -1]


class Both:
    """The same history in both engines; the embedded one is known to be right."""

    def __init__(self, folder: Path) -> None:
        self.asked = clickhouse_engine()
        self.engines: list[Any] = [self.asked, open_engine(f"columnar://{folder}", 1)]

    def append(self, *properties: dict[str, Any]) -> None:
        events = batch([(n % 3, at(n), "a", one) for n, one in enumerate(properties)])
        self.change(lambda writer: writer.append(events))

    def change(self, what: Any) -> None:
        for engine in self.engines:
            with engine.writing(1) as writer:
                what(writer)
                writer.commit({})

    def agree(self, name: str) -> None:
        """All filters in one question, and everything that is made of values in another."""
        asked = filters(name)
        self.same([AggregateSpec(Events(("a",), where), "count") for where in asked], asked)
        functions = ("count", "sum", "avg", "min", "max", "unique", "first", "last", "mode")
        self.same([AggregateSpec(Events(("a",)), fn, name) for fn in functions], functions)

    def same(self, specs: list[AggregateSpec], about: Sequence[Any]) -> None:
        served, embedded = (one.aggregates(specs, LATER) for one in self.engines)
        for one, other, what in zip(served, embedded, about, strict=True):
            assert told(one) == told(other), what

    def histories(self) -> list[list[tuple[int, dict[str, Any]]]]:
        return [
            [(event.seq, event.properties) for profile in range(3) for event in engine.timeline(profile, LATER, 100)]
            for engine in self.engines
        ]


def filters(name: str) -> list[Test]:
    found = [Test(name, op, one) for op in ("eq", "neq", "gt", "gte", "lt", "lte", "contains") for one in OPERANDS]
    found += [Test(name, "in", (5, 7.25)), Test(name, "in", (5, "x")), Test(name, "between", (5, 7.25))]
    return [*found, Test(name, "exists", None), Test(name, "not_exists", None)]


def told(one: Any) -> Any:
    values = [one.labels[value] if one.labels else value for value in one.value.tolist()]
    return (
        one.profile.tolist(),
        one.present.tolist(),
        [v for v, there in zip(values, one.present, strict=True) if there],
    )


def test_every_kind_of_value_when_it_first_comes(tmp_path: Path) -> None:
    both = Both(tmp_path)
    for value in VALUES:
        both.append({"p": value}, {}, {"p": value, "r": 1})
        both.agree("p")
    assert (
        both.asked.head().known.own["p"].kinds & (NUMBERS | OTHERS | LISTS | ROUGH) == NUMBERS | OTHERS | LISTS | ROUGH
    )


def test_a_property_that_came_too_late_for_columns_is_asked_alike(tmp_path: Path) -> None:
    both = Both(tmp_path)
    both.append(*[{f"p{n}": n for n in range(MOST_OWN)}] * 3)
    both.append(*({"late": value, "p0": value} for value in VALUES))
    assert "late" not in both.asked.head().known.own
    both.agree("late")
    both.agree("p0")
    served, embedded = both.histories()
    assert served == embedded
    assert names_of(both.asked) == names_of(both.engines[1]) and len(names_of(both.asked)) == MOST_OWN + 1


def names_of(engine: Any) -> set[tuple[str, int, tuple[str, ...]]]:
    (event,) = engine.catalog(0, LATER).events
    return {(one.name, one.count, one.types) for one in event.properties}


def test_merges_and_compaction_keep_them(tmp_path: Path) -> None:
    both = Both(tmp_path)
    both.append(*({"p": value, "q": n} for n, value in enumerate(VALUES)))
    known = both.asked.head().known
    both.change(lambda writer: writer.relink({1: 2}))
    both.agree("p")
    assert isinstance(both.asked, ClickHouseEngine) and both.asked.compact()
    assert both.asked.head().known == known
    both.agree("p")
    both.append({"q": "new", "s": 1})
    both.agree("q")
    assert both.histories()[0] == both.histories()[1]
