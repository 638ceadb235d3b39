"""What a funnel's answer looks like: the engine's counts with their rates, worked out in plain Python."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cdp.definitions.funnels import Counting, FunnelDefinition, Mode
from cdp.engine.funnels import FunnelAnswer
from stratum.lib.periods import Period

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class StepResult:
    """One bar. Times are from the previous step; `drop_off` is what is lost between this step and the next."""

    index: int
    label: str
    event: str | list[str]
    count: int
    conversion_from_start: float
    conversion_from_previous: float
    drop_off: int
    drop_off_rate: float
    average_seconds: float | None
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class FunnelName:
    """Which funnel was asked; an unsaved one has neither id nor version."""

    id: UUID | None
    name: str
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Of everybody, or of one value of a breakdown. Rates 0…1, and 0 where nobody entered."""

    steps: tuple[StepResult, ...]
    entered: int
    converted: int
    overall_conversion: float
    average_seconds_to_convert: float | None
    median_seconds_to_convert: float | None
    in_progress: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownValue(Numbers):
    """`value` (JSON) is None for the missing one and OTHER for those beyond the limit.

    `previous`: the same value in the previous period, when that was asked for.
    """

    value: Any
    previous: Numbers | None = None


@dataclass(frozen=True, slots=True)
class BreakdownResult:
    """`by` and `attribution` as the API writes them; `attribution` is None where the value is the profile's.

    The values by falling number of entries, then the missing one, then the rest.
    """

    by: str
    attribution: str | None
    values: tuple[BreakdownValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelResult(Numbers):
    """What page, fragment, API and CSV show. `window` in µs.

    `previous` is the same funnel in the period of equal length right before; its own breakdown stays empty, because
    each value carries its previous numbers.
    """

    funnel: FunnelName
    period: Period
    as_of: datetime
    counting: Counting
    mode: Mode
    window: int
    breakdown: BreakdownResult | None = None
    previous: "FunnelResult | None" = None


def numbers_of(definition: FunnelDefinition, answer: FunnelAnswer) -> dict[str, Any]:
    """The fields of Numbers."""
    return {
        "steps": _steps(definition, answer),
        "entered": answer.steps[0].count,
        "converted": answer.converted,
        "overall_conversion": rate(answer.converted, answer.steps[0].count),
        "average_seconds_to_convert": seconds(answer.average_us),
        "median_seconds_to_convert": seconds(answer.median_us),
        "in_progress": answer.in_progress,
    }


def _steps(definition: FunnelDefinition, answer: FunnelAnswer) -> tuple[StepResult, ...]:
    counts = [step.count for step in answer.steps]
    following, previous = [*counts[1:], counts[-1]], [counts[0], *counts[:-1]]
    return tuple(
        StepResult(
            index=index,
            label=step.title,
            event=step.match.event,
            count=count,
            conversion_from_start=rate(count, counts[0]),
            conversion_from_previous=rate(count, before),
            drop_off=count - after,
            drop_off_rate=rate(count - after, count),
            average_seconds=seconds(found.average_us),
            median_seconds=seconds(found.median_us),
        )
        for index, (step, found, count, before, after) in enumerate(
            zip(definition.steps, answer.steps, counts, previous, following, strict=True)
        )
    )


def rate(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def seconds(micros: float | None) -> float | None:
    return None if micros is None else micros / MICROS
