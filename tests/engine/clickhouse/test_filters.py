"""Filters in ClickHouse: whatever it compares by itself, and whatever is decided here, is what `predicates.holds` says."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.engine.clickhouse import filters, pushed
from cdp.engine.clickhouse import given as carried
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.funnels import Breakdown, ByProperty, Exclusion, Step
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Not, OfProfile, Predicate, Ref, Test, holds
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_engine
from tests.engine.story import at, batch, funnel, happen

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
LATER = at(10_000)
EXAMPLES = int(os.environ.get("HISTORIES", "15"))

ODD: list[Any] = [
    0, 5, -7, 5.0, 2.5, -0.0, -0.5, 19.99, 0.1, 0.1 + 0.2, 1e-7, 100.0, 1e16, 1e300, 2**53, 2**53 + 1, 2**60, 2**60 + 1, -(2**63), 2**70,
    999_999_999_999_999, 123_456_789_012_345_678, True, False, None, "", " ", "5", " 5", "5\n", "\t5.0\u00a0", "\u20035", "+5", ".5", "5.",
    "1e3", "5e", "-", "-7", "0005", "9007199254740993", "0.1000000000000000055511151231257827", "0.30000000000000004", "1e400", "x", "X",
    "xx", "a5", "5a", "é", "É", "ß", "STRASSE", "straße", "\u212a", "ﬁn", "x\\y", 'a"b', "a\nb", "\\", "\u0001", "🎈", "true", "TRUE", "null",
    "[]", "2026-01-30", "2026-01-30T10:00:00Z", [], ["x"], [5], ["5", 7], [[5]], [None], [""], [True], {}, {"a": 1}, {"a": {"b": "x"}},
]  # fmt: skip
NUMBERS: list[Any] = [
    0,
    5,
    5.0,
    2.5,
    0.1,
    0.1 + 0.2,
    -1,
    100,
    1000,
    2**53 + 1,
    2**60,
    10**30,
    1e16,
    999_999_999_999_999,
]
TEXTS = [
    "5",
    " 5 ",
    "5.0",
    "1e3",
    "-7",
    "x",
    "é",
    "ß",
    "x\\y",
    'a"b',
    "a\nb",
    "",
    "true",
    "0.30000000000000004",
    "9007199254740993",
]
FILTERS: list[Predicate] = [
    Test("p", "exists"),
    Test("p", "not_exists"),
    *(Test("p", op, one) for op in ("eq", "neq", "gt", "gte", "lt", "lte") for one in [*NUMBERS, *TEXTS, True, False]),
    *(Test("p", op, one) for op in ("between", "not_between") for one in [(0, 5), (-1, 2.5), ("5", "x"), (5, "x"), ("-7", 100), (0, 2**60)]),
    *(Test("p", op, one) for op in ("in", "not_in", "has_any", "has_all", "has_none") for one in [(5, "x"), ("5", True), ("", "é"), (2**60, 0.1)]),
    *(Test("p", op, one) for op in ("contains", "not_contains", "starts_with", "ends_with") for one in ["s", "ss", "k", "fi", "5", ".", "0", "TRUE", "é", "\\", "-", "e", "a\nb", 5, True]),
    *(Test("p", op, one) for op in ("matches", "not_matches") for one in ["^x", "5$", "."]),
    *(Test("p", op, "2026-01-30") for op in ("on", "before", "after")),
    Test("p", "older_than", "PT5S"),
    Test("p", "eq", Ref("q")),
    Test("q", "lt", Ref("p")),
    AnyItem("p", Test("value", "eq", 5)),
    Test("p.a", "eq", 1),
    Test("p.a.b", "contains", "X"),
    Not(AllOf((Test("p", "gt", 1), Not(Test("p", "contains", "5"))))),
    AnyOf((Test("p", "gt", 2**60), AllOf((Test("q", "exists"), Test("p", "neq", "x"))))),
]  # fmt: skip


def values(engine: Any, some: list[dict[str, Any]]) -> None:
    """Everybody has one event."""
    with engine.writing(1) as writer:
        writer.append(batch([(profile, at(1), "a", one) for profile, one in enumerate(some)]))
        writer.commit({})


def people(engine: Any, where: Predicate, **options: Any) -> list[int]:
    found: list[int] = engine.funnel_people(funnel(Step(("a",), where), **options), LATER).profile.tolist()
    return found


def by_sql(engine: ClickHouseEngine, where: Predicate) -> list[int]:
    """Who satisfies the filter, told by SQL alone."""
    head = engine.head()
    asked = head.question("undecided", LATER, values="1 AS one", named="1")
    asked.parts["open"] = filters.Scope(engine.server, head, LATER, 0, LATER).condition(where, lambda of: "1", asked)
    asked.parameters |= {"start": 0, "last": LATER}
    return sorted(profile for _, profile, _ in engine.server.rows(asked.text, asked.parameters))


GIVEN: list[dict[str, Any]] = [{"p": value, "q": other} for value in ODD for other in (5, "x")] + [{}]


@pytest.fixture(scope="module")
def odd() -> ClickHouseEngine:
    engine = clickhouse_engine()
    values(engine, GIVEN)
    return engine


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many different values events are decided, and what was decided becomes a table."""
    monkeypatch.setattr(filters, "MOST_VALUES", 3)
    monkeypatch.setattr(carried, "MOST_IDS", 1)
    monkeypatch.setattr(carried, "MOST_LETTERS", 1)


def agree(engine: ClickHouseEngine, where: Predicate) -> None:
    expected = [profile for profile, one in enumerate(GIVEN) if holds(where, one, LATER)]
    assert people(engine, where) == by_sql(engine, where) == expected


@pytest.mark.parametrize("where", FILTERS, ids=str)
def test_the_law_holds_for_odd_values(odd: ClickHouseEngine, where: Predicate) -> None:
    agree(odd, where)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("where", [*FILTERS[2:150:5], *FILTERS[150:]], ids=str)
def test_the_law_holds_where_values_are_many(odd: ClickHouseEngine, where: Predicate) -> None:
    agree(odd, where)


SCALARS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=2).map(float),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-20, 20),
    st.booleans(),
    st.text(st.sampled_from('15.eE+- xßKk\\"\n\u00a0'), max_size=5),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4),
    st.integers(-20, 20).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
COMPARISONS = st.one_of(
    st.builds(Test, st.just("p"), st.sampled_from(["eq", "gt", "gte", "lt", "lte"]), SCALARS),
    st.builds(Test, st.just("p"), st.just("in"), st.tuples(SCALARS, SCALARS)),
    st.builds(Test, st.just("p"), st.just("between"), st.tuples(SCALARS, SCALARS)),
    st.builds(Test, st.just("p"), st.sampled_from(["contains", "starts_with", "ends_with"]), SCALARS),
)


@given(
    st.lists(SCALARS | st.lists(SCALARS, max_size=2), min_size=1, max_size=40),
    st.lists(COMPARISONS, min_size=1, max_size=8),
)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, suppress_health_check=list(HealthCheck))
def test_the_law_holds_for_any_values(some: list[Any], wheres: list[Test]) -> None:
    engine = clickhouse_engine()
    operands = [one for where in wheres for one in (where.value if isinstance(where.value, tuple) else [where.value])]
    all_ = [{"p": value} for value in [*some, *operands]]
    values(engine, all_)
    for where in wheres:
        assert people(engine, where) == [profile for profile, one in enumerate(all_) if holds(where, one, LATER)], where


def test_only_these_letters_fold_into_ascii() -> None:
    folding = {one for one in map(chr, range(128, sys.maxunicode)) if any(c < "\x80" for c in one.casefold())}
    assert folding == set(pushed.FOLDING)


KNOWN = OfProfile(np.array([1, 2, 4, 5, 6, 8]), np.array([0, 1, 2, 3, 4, 5]), [5, "x", None, [5], 2.5, "5"], "none")
ABOUT_PROFILES: list[Predicate] = [
    *(Test("p", op, KNOWN) for op in ("eq", "neq", "gt", "gte", "lt", "lte")),
    AnyItem("p", Test("value", "eq", KNOWN)),
    AllOf((Test("p", "exists"), Not(Test("p", "gte", KNOWN)))),
    AnyOf((Test("q", "eq", 7), Test("p", "eq", KNOWN), Test("q", "lt", KNOWN))),
]


@pytest.mark.parametrize("where", ABOUT_PROFILES, ids=lambda where: type(where).__name__)
def test_fields_of_profiles_are_compared_as_in_the_embedded_engine(where: Predicate, tmp_path: Path) -> None:
    ours, theirs = clickhouse_engine(), ColumnarEngine(tmp_path / "1")
    rows = [(profile, at(n), "a", {"p": value, "q": n}) for profile in range(10) for n, value in enumerate(ODD)]
    for engine in (ours, theirs):
        with engine.writing(1) as writer:
            writer.append(batch(rows))
            writer.relink({9: 8})
            writer.commit({})
    for spec in (
        funnel(Step(("a",), where), "a", Step(("a",), Not(where))),
        funnel(Step(("a",), where), "a", mode="strict"),
        funnel("a", Step(("a",), where), counting="totals", breakdown=Breakdown(ByProperty("p"), 3)),
        funnel("a", Step(("a",), where), breakdown=Breakdown(ByProperty("p", "step", 1), 3)),
        funnel(Step(("a",), where), "a", breakdown=Breakdown(ByProperty("q", "all_steps"), 3)),
        replace(funnel("a", "a"), exclusions=(Exclusion(("a",), where, 0, 1),)),
    ):
        ours_found, theirs_found = ours.funnel_people(spec, LATER), theirs.funnel_people(spec, LATER)
        for one in ("profile", "depth", "step_ts"):
            assert getattr(ours_found, one).tolist() == getattr(theirs_found, one).tolist()
        assert ours_found.groups == theirs_found.groups
        assert ours.funnel(spec, LATER) == theirs.funnel(spec, LATER)


def test_profiles_may_be_many() -> None:
    engine = clickhouse_engine()
    values(engine, [{"p": 1}] * 3_000)
    some = set(range(0, 3_000, 2))
    assert people(engine, Test("p", "exists"), profiles=some) == sorted(some)


def test_more_different_values_than_are_decided_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "MOST_VALUES", 100)
    engine = clickhouse_engine()
    values(engine, [{"p": f"value {profile}"} for profile in range(500)])
    where = Test("p", "matches", "7$")
    assert people(engine, where) == by_sql(engine, where) == list(range(7, 500, 10))


@pytest.mark.parametrize("far", [1, 10**12])
def test_profiles_are_told_apart_however_far_their_ids_lie(far: int) -> None:
    engine = clickhouse_engine()
    happen(engine, *(f"{profile * far}: a@0 b@1" for profile in (1, 3, 4)), f"{2 * far}: b@5 a@6")
    found = engine.funnel_people(funnel("a", "b"), LATER)
    assert found.profile.tolist() == [far, 2 * far, 3 * far, 4 * far] and found.depth.tolist() == [2, 1, 2, 2]
