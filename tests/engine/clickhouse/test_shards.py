"""Why a cluster answers like one server: rows lie with their profile, so every shard knows all about its own.

Some databases that know nothing of each other hold the rows of a part of the profiles each, changes go to all of them,
and what they answer, put together by adding and joining alone, is what the oracle says about everything.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from cdp.engine.aggregates import Aggregate
from cdp.engine.batches import AttributeBatch, EventBatch
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.funnels import FunnelAnswer, FunnelPeople, FunnelSpec
from tests.engine import test_profile_histories as about_profiles
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_engine
from tests.engine.reference import Reference
from tests.engine.test_histories import CHANGES, Change, apply, settled, specs

SHARDS = 3
EXAMPLES = int(os.environ.get("HISTORIES", "4"))
PROFILES = range(1, 5)
EDGES = (0, 4, 5, 9, 14)
QUESTIONS = specs().map(lambda spec: replace(spec, breakdown=None))

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)


def shard_of(profile: int) -> int:
    return profile % SHARDS


class Shards:
    """`owner`: of a profile in the end. In a cluster a merge copies rows to the survivor's shard; here they lie there
    from the beginning, since nobody asks before the end."""

    def __init__(self, owner: Callable[[int], int]) -> None:
        self.engines = [clickhouse_engine() for _ in range(SHARDS)]
        self.owner = owner

    def of(self, profile: int) -> ClickHouseEngine:
        return self.engines[shard_of(self.owner(profile))]

    @contextmanager
    def writing(self) -> Iterator["Writers"]:
        with ExitStack() as stack:
            writers = Writers([stack.enter_context(engine.writing(1)) for engine in self.engines], self.owner)
            yield writers
            for writer in writers.all:
                writer.commit({})


class Writers:
    """Rows go to the shard of their profile, everything else to all."""

    def __init__(self, writers: list[Any], owner: Callable[[int], int]) -> None:
        self.all = writers
        self.owner = owner

    def append(self, batch: EventBatch) -> None:
        for writer, part in zip(self.all, self.parts(batch), strict=True):
            writer.append(part)

    def set_attributes(self, batch: AttributeBatch) -> None:
        for writer, part in zip(self.all, self.parts(batch), strict=True):
            writer.set_attributes(part)

    def parts(self, batch: Any) -> Iterator[Any]:
        shards = np.array([shard_of(self.owner(profile)) for profile in batch.profile.tolist()])
        for shard in range(SHARDS):
            rows = np.flatnonzero(shards == shard)
            yield replace(batch, **{one.name: taken(getattr(batch, one.name), rows) for one in fields(batch)})

    def __getattr__(self, change: str) -> Callable[[Any], None]:
        return lambda what: [getattr(writer, change)(what) for writer in self.all] and None


def taken(column: Any, rows: Any) -> Any:
    return column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows.tolist()]


@given(st.lists(CHANGES, min_size=1, max_size=8), st.lists(QUESTIONS, min_size=1, max_size=2), st.integers(0, 26))
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, suppress_health_check=list(HealthCheck))
def test_shards_put_together_answer_like_the_oracle(
    changes: list[Change], questions: list[FunnelSpec], as_of: int
) -> None:
    note(f"{changes=}\n{questions=}\n{as_of=}")
    told = [change for change in changes if change.kind not in ("compact", "reopen", "ask")]
    oracle, seq = Reference(), 1
    for change in told:
        seq = apply(oracle, change, seq)
    shards, seq = Shards(oracle.owner), 1
    for change in told:
        with shards.writing() as writers:
            seq = apply(writers, change, seq)
    for spec in questions:
        compare_funnels(shards, oracle, spec, as_of)
    compare_overviews(shards, oracle, as_of)


def compare_funnels(shards: Shards, oracle: Reference, spec: FunnelSpec, as_of: int) -> None:
    """Rows are joined, which times come from, and counts are added."""
    rows, whole = (
        joined([engine.funnel_people(spec, as_of) for engine in shards.engines]),
        oracle.funnel_people(spec, as_of),
    )
    assert rows == sorted(rows_of(whole))
    added = sum((counts_of(engine.funnel(spec, as_of)) for engine in shards.engines), start=0)
    assert np.array_equal(added, counts_of(oracle.funnel(spec, as_of)))
    buckets = zip(*(engine.trend(spec, EDGES, as_of) for engine in shards.engines), strict=True)
    for parts, bucket in zip(buckets, oracle.trend(spec, EDGES, as_of), strict=True):
        assert np.array_equal(sum((counts_of(part.answer) for part in parts), start=0), counts_of(bucket.answer))


def joined(parts: Sequence[FunnelPeople]) -> list[tuple[Any, ...]]:
    return sorted(row for part in parts for row in rows_of(part))


def rows_of(people: FunnelPeople) -> list[tuple[Any, ...]]:
    return [
        (profile, depth, *times)
        for profile, depth, times in zip(
            people.profile.tolist(), people.depth.tolist(), people.step_ts.tolist(), strict=True
        )
    ]


def counts_of(answer: FunnelAnswer) -> Any:
    return np.array([*(step.count for step in answer.steps), answer.converted, answer.in_progress])


def compare_overviews(shards: Shards, oracle: Reference, as_of: int) -> None:
    for profile in PROFILES:
        assert shards.of(profile).timeline(profile, as_of, 99) == oracle.timeline(profile, as_of, 99)
        assert settled(shards.of(profile).attributes(profile)) == settled(oracle.attributes(profile))
    events, profiles = Counter[str](), Counter[str]()
    for engine in shards.engines:
        for one in engine.catalog(3, as_of).events:
            events[one.name] += one.count
            profiles[one.name] += one.profiles
    assert {name: (events[name], profiles[name]) for name in events} == oracle.counts(3, as_of)
    active = [
        list(zip(*map(np.ndarray.tolist, vars(engine.activity(as_of)).values()), strict=True))
        for engine in shards.engines
    ]
    assert sorted(row for part in active for row in part) == list(
        zip(*map(np.ndarray.tolist, vars(oracle.activity(as_of)).values()), strict=True)
    )
    days = [engine.daily(3, 11, as_of, offset=-5) for engine in shards.engines]
    whole = oracle.daily(3, 11, as_of, offset=-5)
    assert sum(day.events for day in days).tolist() == whole.events.tolist()
    assert sum(day.profiles for day in days).tolist() == whole.profiles.tolist()


@given(st.lists(about_profiles.CHANGES, min_size=1, max_size=8), about_profiles.QUESTIONS)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, suppress_health_check=list(HealthCheck))
def test_traits_and_conditions_put_together_are_those_of_one_engine(
    changes: list[Change], questions: about_profiles.Questions
) -> None:
    """One engine: the embedded one, which other tests compare with the oracle."""
    note(f"{changes=}\n{questions=}")
    told = [change for change in changes if change.kind not in ("compact", "reopen", "ask")]
    with tempfile.TemporaryDirectory() as folder:
        whole, oracle, seq = ColumnarEngine(Path(folder)), Reference(), 1
        for change in told:
            with whole.writing(1) as writer:
                about_profiles.apply(writer, change, seq)
                writer.commit({})
            seq = about_profiles.apply(oracle, change, seq)
        shards, seq = Shards(oracle.owner), 1
        for change in told:
            with shards.writing() as writers:
                seq = about_profiles.apply(writers, change, seq)
        compare_profiles(shards, whole, questions)


def compare_profiles(shards: Shards, whole: ColumnarEngine, questions: about_profiles.Questions) -> None:
    parts = [engine.aggregates(questions.specs, questions.as_of) for engine in shards.engines]
    for spec, one, *some in zip(
        questions.specs, whole.aggregates(questions.specs, questions.as_of), *parts, strict=True
    ):
        assert sorted(row for part in some for row in values_of(part)) == values_of(one), spec
    universe = np.array(about_profiles.EVERYBODY)
    for condition in questions.conditions:
        found: set[int] = set()
        for shard, engine in enumerate(shards.engines):
            mine = universe[[shard_of(shards.owner(profile)) == shard for profile in universe.tolist()]]
            found |= set(engine.members(condition, questions.as_of).among(mine).tolist())
        expected = set(whole.members(condition, questions.as_of).among(universe).tolist())
        assert found == expected, condition


def values_of(aggregate: Aggregate) -> list[tuple[Any, ...]]:
    values = [about_profiles.labels_of(value) for value in aggregate.decoded()]
    columns = (aggregate.profile, aggregate.present, aggregate.events, aggregate.skipped)
    return [(*row, repr(value)) for *row, value in zip(*(one.tolist() for one in columns), values, strict=True)]
