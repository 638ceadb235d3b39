"""Questions about each profile: what its events come to, who fulfils a condition, and how sets of profiles overlap.

Answers are columns by ascending profile, in which who has nothing counted stands as 0, "" or nan, as in a database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.data import DAY, END, PLACES, PRIME, SHOP
from benchmarks.engine.questions import Columns
from cdp.engine.aggregates import MILLION, Aggregate, AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.conditions import Condition, EventCondition, SequenceCondition, SequenceStep
from cdp.engine.events import Events
from cdp.engine.overlap import region_sizes
from cdp.engine.predicates import Test

VIEWED, CARRIED, BOUGHT = SHOP[1], SHOP[2], SHOP[4]


@dataclass(frozen=True)
class TraitsQuestion:
    """Aggregates of everybody who has any of the events, asked at once."""

    key: str
    title: str
    specs: tuple[AggregateSpec, ...]
    wanted: float | None = None

    def ask(self, engine: Engine) -> tuple[Aggregate, ...]:
        return engine.aggregates(self.specs, END)

    def columns(self, answer: Sequence[Aggregate]) -> Columns:
        everybody = np.unique(np.concatenate([one.profile for one in answer]))
        return (everybody, *(spread(spec, one, everybody) for spec, one in zip(self.specs, answer, strict=True)))


def spread(spec: AggregateSpec, answer: Aggregate, everybody: Ints) -> NDArray[Any]:
    """One value for each profile of `everybody`, who has one or not."""
    values = plain_values(answer)
    filled = np.full(len(everybody), np.nan if spec.fn == "avg" else np.zeros(1, values.dtype)[0], values.dtype)
    filled[np.searchsorted(everybody, answer.profile[answer.present])] = values[answer.present]
    return filled


def plain_values(answer: Aggregate) -> NDArray[Any]:
    if answer.unit == "label":
        return np.array(answer.labels, str)[answer.value]
    return answer.value / MILLION if answer.unit == "scaled" else answer.value


@dataclass(frozen=True)
class MembersQuestion:
    """Who fulfils a condition, of everybody who has any event."""

    key: str
    title: str
    condition: Condition
    wanted: float | None = None

    def ask(self, engine: Engine) -> Ints:
        members = engine.members(self.condition, END)
        return members.among(everybody(engine)) if members.is_complement else members.profile

    def columns(self, answer: Ints) -> Columns:
        return (answer,)


@dataclass(frozen=True)
class OverlapQuestion:
    """How many profiles are in which of the sets that `data.PLACES` describes."""

    key: str
    title: str
    wanted: float | None = None

    def ask(self, engine: Engine) -> Ints:
        return region_sizes(segments(engine))

    def columns(self, answer: Ints) -> Columns:
        """Combinations of sets, as bits, in which there is anybody."""
        return (np.flatnonzero(answer), answer[answer > 0])


ProfileQuestion = TraitsQuestion | MembersQuestion | OverlapQuestion


@lru_cache(maxsize=2)
def everybody(engine: Engine) -> Ints:
    """Whoever asks for segments knows the profiles that live; ClickHouse has a table of them."""
    return engine.activity(END).profile


@lru_cache(maxsize=2)
def segments(engine: Engine) -> list[Ints]:
    users = everybody(engine)
    return [users[users * factor % PRIME < below] for factor, below in PLACES]


def bought(fn: Any, name: str | None = None) -> AggregateSpec:
    return AggregateSpec(Events((BOUGHT,)), fn, name)


def viewed(fn: Any, name: str | None = None) -> AggregateSpec:
    return replace(bought(fn, name), events=Events((VIEWED,)))


def last(days: int, name: str, where: Test | None = None) -> Events:
    return Events((name,), where, END - days * DAY, END)


TOUCHES = (viewed("first", "$platform"), viewed("last", "$platform"))
TEN_TRAITS = (
    bought("count"), bought("sum", "value"), bought("avg", "value"), bought("min", "value"), bought("max", "value"),
    bought("first", "$platform"), bought("last", "$platform"),
    viewed("count"), viewed("unique", "category"), AggregateSpec(Events((CARRIED,)), "count"),
)  # fmt: skip
THREE_DEAR_VIEWS = EventCondition(last(30, VIEWED, Test("value", "gt", 40)), "count", None, "gte", 3)
NO_PURCHASE = EventCondition(last(90, BOUGHT), "count", None, "eq", 0)
WITHIN_A_WEEK = SequenceCondition(tuple(SequenceStep((name,)) for name in (VIEWED, CARRIED, BOUGHT)), total=7 * DAY)
A_WEEK_APART = SequenceCondition(
    (SequenceStep((VIEWED,)), SequenceStep((CARRIED,), max_gap=7 * DAY), SequenceStep((BOUGHT,), max_gap=7 * DAY))
)

TRAITS = (
    TraitsQuestion("count", "number of views", (viewed("count"),), 10),
    TraitsQuestion("money", "number, sum and average of purchases", TEN_TRAITS[:3], 10),
    TraitsQuestion("mode", "most frequent category viewed", (viewed("mode", "category"),), 20),
    TraitsQuestion("unique", "number of categories viewed", (viewed("unique", "category"),), 20),
    TraitsQuestion("touches", "first and last platform of views", TOUCHES, 10),
    TraitsQuestion("ten", "ten of three events in one question", TEN_TRAITS, 10),
)
MEMBERS = (
    MembersQuestion("three_30", "at least 3 dear views in 30 days", THREE_DEAR_VIEWS, 7),
    MembersQuestion("none_90", "no purchase in 90 days", NO_PURCHASE, 7),
    MembersQuestion("week", "view, cart, purchase within 7 days", WITHIN_A_WEEK, 7),
    MembersQuestion("gaps", "view, cart, purchase, each within 7 days of the last", A_WEEK_APART, 7),
    OverlapQuestion("overlap", "overlap of ten segments", 20),
)
