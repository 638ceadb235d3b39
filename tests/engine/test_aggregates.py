"""What the events of a profile come to: every rule by hand, for the oracle and the engine."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cdp.engine.aggregates import Aggregate, AggregateSpec, Fn
from cdp.engine.columnar.aggregate_kernels import EXACT
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.errors import NotSupported
from cdp.engine.events import ANY_EVENT, TIMESTAMP, Events, Prefix
from cdp.engine.predicates import Test
from tests.engine.reference import Reference
from tests.engine.reference_aggregates import aggregate
from tests.engine.story import SECOND, at, batch, happen

NOW = at(1_000)
BUY = Events(("buy",))


def spend(engine: ColumnarEngine | Reference, *values: Any, profile: int = 7, name: str = "buy") -> None:
    """One purchase a second, with these values."""
    rows = [(profile, second * SECOND, name, {"value": value}) for second, value in enumerate(values)]
    with engine.writing(1) as writer:
        writer.append(batch(rows))
        writer.commit({})


def value(engine: Any, fn: Fn, name: str | None = "value", events: Events = BUY, **more: Any) -> Any:
    """Of profile 7; scaled numbers as decimals."""
    spec = AggregateSpec(events, fn, name, **more)
    if isinstance(engine, Reference):
        return aggregate(engine, spec, NOW)[7].value
    found = one(engine, spec)
    place = found.profile.tolist().index(7)
    if found.unit == "scaled" and found.present[place]:
        return Decimal(int(found.value[place])) / 10**6
    return found.decoded()[place]


def one(engine: ColumnarEngine, spec: AggregateSpec, as_of: int = NOW) -> Aggregate:
    (found,) = engine.aggregates([spec], as_of)
    return found


def test_numbers_and_numeric_texts_count(engine: Any) -> None:
    spend(engine, 10, "5.50", " 0.1 ", 0.2, "abc", True, None, "", {"a": 1})
    assert value(engine, "sum") == Decimal("15.8")
    assert value(engine, "avg") == Decimal("3.95")
    assert value(engine, "min") == Decimal("0.1")
    assert value(engine, "max") == 10
    assert value(engine, "count") == 7
    assert value(engine, "count", None) == 9


def test_what_is_no_number_is_reported(storing: Any) -> None:
    spend(storing, 10, "abc", True, None, "", 10**13, [1, "x"])
    found = one(storing, AggregateSpec(BUY, "sum", "value"))
    assert (found.value.tolist(), found.skipped.tolist(), found.events.tolist()) == ([11_000_000], [4], [7])


def test_sums_are_exact(engine: Any) -> None:
    spend(engine, *[0.1] * 30, 8_999_999_999_999, 0.000001)
    assert value(engine, "sum") == Decimal("9000000000002.000001")


def test_a_sum_beyond_64_bits_is_no_value(engine: Any) -> None:
    spend(engine, 8_999_999_999_999, 8_999_999_999_999)
    assert value(engine, "sum") is None
    assert value(engine, "avg") is None
    assert value(engine, "max") == 8_999_999_999_999


def test_a_sum_that_comes_back_into_64_bits_is_a_value(engine: Any) -> None:
    spend(engine, 8_999_999_999_999, 8_999_999_999_999, -8_999_999_999_999)
    assert value(engine, "sum") == 8_999_999_999_999


@pytest.mark.parametrize(("values", "average"), [((0.000001, 0), "0"), ((0.000003, 0), "0.000002"), ((-0.000001, 0), "0"), ((-0.000003, 0), "-0.000002"), ((1, 0, 0), "0.333333"), ((2, 0, 0), "0.666667")])  # fmt: skip
def test_averages_are_rounded_half_even(engine: Any, values: tuple[float, ...], average: str) -> None:
    spend(engine, *values)
    assert value(engine, "avg") == Decimal(average)


def test_more_than_six_places_are_rounded_before_they_are_added(engine: Any) -> None:
    spend(engine, 1 / 3, 1 / 3, 1 / 3)
    assert value(engine, "sum") == Decimal("0.999999")


def test_nothing_counted(engine: Any) -> None:
    spend(engine, None, "")
    assert [value(engine, fn) for fn in ("count", "sum", "unique")] == [0, 0, 0]
    assert [value(engine, fn) for fn in ("avg", "min", "max", "mode", "first", "last")] == [None] * 6


def test_most_frequent_breaks_ties_by_text_or_by_time(engine: Any) -> None:
    spend(engine, "a", "b", "b", "a", "b", "a", "c")
    assert value(engine, "mode") == "a"
    assert value(engine, "mode", tie="most_recent") == "a"
    assert value(engine, "mode", min_count=4) is None
    spend(engine, "z", "z", "z", name="sell")
    assert value(engine, "mode", events=Events((ANY_EVENT,)), tie="most_recent") == "a"
    assert value(engine, "mode", events=Events((ANY_EVENT,), end=at(5)), tie="most_recent") == "b"


def test_numbers_tie_by_their_text(engine: Any) -> None:
    spend(engine, 9, 10)
    assert value(engine, "mode") == 10


def test_first_and_last_pass_over_missing_values(engine: Any) -> None:
    spend(engine, None, "x", 5, "", None)
    assert value(engine, "first") == "x"
    assert value(engine, "last") == 5


def test_first_and_last_know_when(storing: Any) -> None:
    spend(storing, None, "x", 5, None)
    found = storing.aggregates([AggregateSpec(BUY, "first", "value"), AggregateSpec(BUY, "last", "value")], NOW)
    assert [None if one.ts is None else one.ts.tolist() for one in found] == [[at(1)], [at(2)]]


def test_ends_of_one_instant_go_by_when_they_were_received(engine: Any) -> None:
    rows = batch([(7, at(5), "buy", {"value": 1}), (7, at(5), "sell", {"value": 2}), (7, at(5), "buy", {"value": 3})])
    rows.received[:] = [30, 10, 20]
    with engine.writing(1) as writer:
        writer.append(rows)
        writer.commit({})
    assert value(engine, "first", events=Events(("buy", "sell"))) == 2
    assert value(engine, "last", events=Events(("buy", "sell"))) == 1


def test_ends_before_1970_and_one_instant(engine: Any) -> None:
    rows = batch([(7, at(-9), "buy", {"value": one}) for one in "abc"] + [(7, at(-10), "buy", {"value": "d"})])
    rows.received[:3] = [-20, -10, -10]
    with engine.writing(1) as writer:
        writer.append(rows)
        writer.commit({})
    assert (value(engine, "first"), value(engine, "last")) == ("d", "c")


def test_nothing_is_inside_of_a_number(engine: Any) -> None:
    spend(engine, 5, {"net": 4}, {"net": "x"})
    assert [value(engine, fn, "value.net") for fn in ("sum", "min", "unique")] == [4, 4, 2]
    spend(engine, 5, name="refund")
    assert value(engine, "sum", "value.net", Events(("refund",))) == 0


def test_the_time_of_the_event(engine: Any) -> None:
    happen(engine, "7: buy@3 buy@9 buy@5")
    assert [value(engine, fn, TIMESTAMP) for fn in ("first", "last", "min", "max")] == [at(3), at(9), at(3), at(9)]


def test_unique_values(engine: Any) -> None:
    spend(engine, 1, 1.0, "1", True, None, "", [1, "x"], {"a": 1}, {"a": 1})
    assert value(engine, "unique") == 5
    assert value(engine, "unique_list") == [1, "1", True, "x", {"a": 1}]


def test_arrays_count_item_by_item(engine: Any) -> None:
    spend(engine, [3, 4], [], [None, 5])
    assert value(engine, "sum") == 12
    assert value(engine, "count") == 3
    assert (value(engine, "first"), value(engine, "last")) == (3, 5)


def test_windows_are_half_open_and_the_future_does_not_count(engine: Any) -> None:
    happen(engine, "7: buy@0 buy@5 buy@10 buy@2000")
    assert value(engine, "count", None, Events(("buy",), start=at(5), end=at(10))) == 1
    assert value(engine, "count", None) == 3


def test_events_are_named_in_many_ways(engine: Any) -> None:
    happen(engine, "7: email_opened@1 email_sent@2 buy@3 emailed@4")
    assert value(engine, "count", None, Events((Prefix("email_"),))) == 2
    assert value(engine, "count", None, Events((Prefix("email_"), "buy", "email_sent"))) == 3
    assert value(engine, "count", None, Events((ANY_EVENT,))) == 4


def test_predicates_that_are_equal_in_python_only_are_not_shared(storing: Any) -> None:
    spend(storing, 1, True, True)
    asked = [AggregateSpec(Events(("buy",), Test("value", "eq", one)), "count") for one in (1, True)]
    assert [one.value.tolist() for one in storing.aggregates(asked, NOW)] == [[1], [2]]


def test_only_some_profiles(storing: Any) -> None:
    happen(storing, "1: buy@1", "2: buy@1 buy@2", "3: buy@1")
    assert storing.compact()
    happen(storing, "3: buy@2 buy@3", "4: buy@5")
    (found,) = storing.aggregates([AggregateSpec(BUY, "count")], NOW, np.array([2, 3, 5]))
    assert (found.profile.tolist(), found.value.tolist()) == ([2, 3], [2, 3])


@pytest.mark.parametrize("size", [0, 1_500, 100_001])
def test_many_profiles_or_none_at_all(storing: Any, size: int) -> None:
    """However their list travels."""
    happen(storing, "2: buy@1 buy@2", "3: buy@1", "300000: buy@5")
    some = np.arange(3, 3 + size)
    (found,) = storing.aggregates([AggregateSpec(BUY, "count")], NOW, some)
    assert (found.profile.tolist(), found.value.tolist()) == (([3], [1]) if size else ([], []))


def test_an_empty_engine(storing: Any) -> None:
    for fn in ("count", "sum", "mode", "unique_list", "last"):
        found = one(storing, AggregateSpec(BUY, fn, "value"))
        assert (found.profile.tolist(), found.decoded()) == ([], [])


def test_numbers_here_and_texts_there(storing: Any) -> None:
    """The base holds plain numbers, the events since then do not."""
    spend(storing, 5, 6)
    assert storing.compact()
    spend(storing, "x", profile=8)
    found = one(storing, AggregateSpec(BUY, "last", "value"))
    assert (found.profile.tolist(), found.decoded()) == ([7, 8], [6, "x"])


def test_many_rows_of_one_profile_and_many_profiles(storing: Any) -> None:
    """More than one range of rows, narrow and wide values."""
    rows = [
        (p % 3_000, p * 1_000, "buy", {"value": p % 97, "wide": p * 10**6, "text": f"t{p % 11}"})
        for p in range(120_000)
    ]
    oracle = Reference()
    for one_engine in (storing, oracle):
        with one_engine.writing(1) as writer:
            writer.append(batch(rows, seqs=list(range(1, len(rows) + 1))))
            writer.commit({})
    assert storing.compact()
    specs = [AggregateSpec(BUY, "sum", "value"), AggregateSpec(BUY, "max", "wide"), AggregateSpec(BUY, "mode", "text"), AggregateSpec(BUY, "unique", "value")]  # fmt: skip
    for spec, found in zip(specs, storing.aggregates(specs, NOW), strict=True):
        theirs = aggregate(oracle, spec, NOW)
        scale = 10**6 if found.unit == "scaled" else 1
        expected = [one.value * scale if scale > 1 else one.value for one in theirs.values()]
        assert found.profile.tolist() == list(theirs)
        assert (found.value.tolist() if scale > 1 else found.decoded()) == expected


@pytest.mark.parametrize("spec", [AggregateSpec(BUY, "sum"), AggregateSpec(BUY, "avg", TIMESTAMP), AggregateSpec(BUY, "mode", "value", min_count=0)])  # fmt: skip
def test_it_refuses_what_makes_no_sense(storing: Any, spec: AggregateSpec) -> None:
    with pytest.raises(NotSupported):
        storing.aggregates([spec], NOW)


def test_profiles_with_few_and_many_different_values(storing: Any) -> None:
    """Values are counted eight at a time; profile n has n events of n % 5 + 1 values."""
    sizes = range(1, 40)
    rows = [
        (size, number * SECOND, "buy", {"value": f"v{number % (size % 5 + 1)}"})
        for size in sizes
        for number in range(size)
    ]
    with storing.writing(1) as writer:
        writer.append(batch(rows))
        writer.commit({})
    storing.compact()
    found = one(storing, AggregateSpec(BUY, "unique", "value"))
    assert found.value.tolist() == [min(size, size % 5 + 1) for size in sizes]


def test_sums_and_averages_of_profiles_of_every_size(storing: Any) -> None:
    """More events than are added up at once, and averages beyond what doubles hold beside small ones."""
    values = {profile: [profile + number / 100 for number in range(profile % 7 + 1)] for profile in range(1, 3_000)}
    values[1_500] = [250_000_000 + number / 3 for number in range(10)]
    values[7] = [-19.99, 1, 0.01, 7]
    rows = [
        (profile, number * SECOND, "buy", {"value": value})
        for profile, some in values.items()
        for number, value in enumerate(some)
    ]
    with storing.writing(1) as writer:
        writer.append(batch(rows))
        writer.commit({})
    storing.compact()
    exact = {profile: [round(value * 10**6) for value in some] for profile, some in values.items()}
    total, average = storing.aggregates([AggregateSpec(BUY, fn, "value") for fn in ("sum", "avg")], NOW)
    assert total.value.tolist() == [sum(some) for some in exact.values()]
    assert max(map(abs, total.value.tolist())) >= EXACT
    assert average.value.tolist() == [round(Fraction(sum(some), len(some))) for some in exact.values()]
