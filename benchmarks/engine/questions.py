"""What everybody is asked, and the shape in which answers are compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.data import DAY, END, SHOP
from cdp.engine.base import Engine
from cdp.engine.funnels import Breakdown, Bucket, ByProperty, Exclusion, FunnelAnswer, FunnelSpec, Step
from cdp.engine.predicates import Test

# An answer to compare: columns of one length, rows in a certain order.
Columns = tuple[Sequence[Any] | NDArray[Any], ...]
Shape = Literal["counts", "times", "values", "days"]

WINDOW = 7 * DAY
TREND_DAYS = 30


class Asked(Protocol):
    """Anything that everybody can be asked; `wanted` is how many times faster than ClickHouse it is meant to be."""

    @property
    def key(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def wanted(self) -> float | None: ...

    def ask(self, engine: Engine) -> Any: ...

    def columns(self, answer: Any) -> Columns:
        """Of what `ask` answered."""


@dataclass(frozen=True)
class Question:
    """A funnel of which one thing is wanted: counts per step, its times, counts per value, or counts per day of entry.

    Times are computed only where they are wanted.
    """

    key: str
    title: str
    spec: FunnelSpec
    shape: Shape = "counts"
    wanted: float | None = None

    def ask(self, engine: Engine) -> Any:
        if self.shape == "days":
            return engine.trend(self.spec, self.edges(), END)
        return engine.funnel(self.spec, END)

    def edges(self) -> list[int]:
        return list(range(self.spec.start, self.spec.end + 1, DAY))

    def columns(self, answer: Any) -> Columns:
        match self.shape:
            case "counts":
                return counts([answer])
            case "times":
                return (*counts([answer]), *times(answer))
            case "values":
                groups = sorted(answer.breakdown, key=lambda group: group.value or "")
                return ([group.value or "" for group in groups], *counts([group.answer for group in groups]))
            case "days":
                return days(answer)


def counts(answers: Sequence[FunnelAnswer]) -> Columns:
    """One column per step."""
    return tuple(np.array([[step.count for step in answer.steps] for answer in answers]).T)


def times(answer: FunnelAnswer) -> Columns:
    """The averages of all steps but the first, then their medians."""
    timed = answer.steps[1:]
    return (*([step.average_us] for step in timed), *([step.median_us] for step in timed))


def days(buckets: Sequence[Bucket]) -> Columns:
    """Days without entries are left out, as GROUP BY does."""
    entered = [bucket for bucket in buckets if bucket.answer.steps[0].count]
    return ([bucket.start for bucket in entered], *counts([bucket.answer for bucket in entered]))


def funnel(days: int = 180, names: Sequence[str] = SHOP) -> FunnelSpec:
    steps = tuple(Step((name,)) for name in names)
    return FunnelSpec(steps, "ordered", WINDOW, "unique", END - days * DAY, END, timed=False)


def timed(spec: FunnelSpec) -> FunnelSpec:
    return replace(spec, timed=True)


def filtered(spec: FunnelSpec) -> FunnelSpec:
    """Only content of more than 40 viewed, put into the cart on two of the platforms."""
    first, second, third, *rest = spec.steps
    dear = replace(second, where=Test("value", "gt", 40))
    paid = replace(third, where=Test("$platform", "in", ("meta", "google")))
    return replace(spec, steps=(first, dear, paid, *rest))


def by_platform(spec: FunnelSpec) -> FunnelSpec:
    return replace(spec, breakdown=Breakdown(ByProperty("$platform"), 10))


def totals(spec: FunnelSpec) -> FunnelSpec:
    return replace(spec, counting="totals")


LONG = (*SHOP, *(f"event_{number}" for number in range(15)))
NO_RARE_EVENT = (Exclusion(("event_1",), None, 1, 4),)

FUNNELS = (
    Question("funnel_180", "5 steps, 7-day window, 180 days", funnel(), wanted=12),
    Question("funnel_30", "… 30 days", funnel(30), wanted=9),
    Question("filters_180", "filters on two steps, 180 days", filtered(funnel()), wanted=10),
    Question("filters_30", "… 30 days", filtered(funnel(30)), wanted=8),
    Question("long_180", "20 steps with rare events, 180 days", funnel(180, LONG), wanted=12),
    Question("long_30", "… 30 days", funnel(30, LONG), wanted=12),
)
BREAKDOWNS = (
    Question("platform_180", "by first touch, 5 values, 180 days", by_platform(funnel()), "values", wanted=8),
    Question("platform_30", "… 30 days", by_platform(funnel(30)), "values", wanted=5),
)
TOTALS = (
    Question("totals_180", "total events, 180 days", totals(funnel()), wanted=30),
    Question("totals_30", "… 30 days", totals(funnel(30)), wanted=30),
    Question("times_180", "times of every step, 180 days", timed(funnel()), "times", wanted=30),
    Question("times_30", "… 30 days", timed(funnel(30)), "times", wanted=30),
)
MODES = (
    Question("trend_30", "trend of 30 days", funnel(TREND_DAYS), "days"),
    Question("strict_180", "strict order, 180 days", replace(funnel(), mode="strict")),
    Question("any_order_180", "any order, 180 days", replace(funnel(), mode="any_order")),
    Question("exclusion_180", "with an exclusion, 180 days", replace(funnel(), exclusions=NO_RARE_EVENT)),
)


def difference(ours: Columns, theirs: Columns) -> str | None:
    """What tells two answers apart. Floats may differ in their last places, and by the sixth one, to which we round."""
    if len(ours) != len(theirs):
        return f"{len(ours)} columns against {len(theirs)}"
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if len(one) != len(other):
            return f"column {number}: {len(one)} rows against {len(other)}"
        if not is_same(np.asarray(one), np.asarray(other)):
            return f"column {number}: {list(one)[:10]} against {list(other)[:10]}"
    return None


def is_same(one: Any, other: Any) -> bool:
    if one.dtype.kind == "f" or other.dtype.kind == "f":
        return bool(np.allclose(one.astype(float), other.astype(float), rtol=1e-9, atol=1e-6, equal_nan=True))
    return bool(np.array_equal(one, other))
