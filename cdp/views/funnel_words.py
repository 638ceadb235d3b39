"""A funnel's numbers as people read them. The numbers themselves come ready from queries."""

from collections.abc import Iterator
from dataclasses import dataclass

from cdp.definitions.funnels import event_words
from cdp.queries.funnel_results import FunnelResult, StepResult
from cdp.queries.funnels import FunnelCard

DAY, HOUR, MINUTE = 86_400, 3_600, 60

DEFINITIONS = {
    "overall": "Overall Conversion: users who reached the last step, of those who entered the funnel.",
    "entered": "Users whose first step lies in the Date Range.",
    "converted": "Users who did all steps in order within the Conversion Window.",
    "time": "Avg. Time to Convert: from the first step to the last, over converted users. "
    "The median is the middle user's time: half were faster.",
    "in_progress": "Users who have not converted yet, but entered so lately that their window is still open.",
    "rate": "Conversion Rate: users who reached this step, of those who entered the funnel.",
    "step": "Step Conversion: users who reached this step, of those at the step before.",
    "drop": "Drop-off Rate: users at this step who did not reach the next one.",
    "step_time": "Time from the previous step, over users who reached this one.",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One step as drawn. `lost` and what follows tell of the way from the step before; empty for the first."""

    number: int
    label: str
    events: str
    count: int
    width: float
    rate: str
    step_conversion: str
    lost: int
    drop_off: str
    average: str
    median: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list; `conversion` is empty when it cannot be told."""

    card: FunnelCard
    steps: str
    conversion: str
    width: float


def line(card: FunnelCard) -> Line:
    rate = card.overall_conversion if card.entered else None
    steps = " → ".join(step.title for step in card.definition.steps)
    return Line(card, steps, "" if rate is None else percent(rate), round((rate or 0) * 100, 3))


def bars(result: FunnelResult) -> list[Bar]:
    return list(_bars(result))


def _bars(result: FunnelResult) -> Iterator[Bar]:
    before: StepResult | None = None
    for step in result.steps:
        events = event_words((step.event,) if isinstance(step.event, str) else tuple(step.event))
        yield Bar(
            number=step.index + 1,
            label=step.label,
            events="" if events == step.label else events,
            count=step.count,
            width=round(step.conversion_from_start * 100, 3),
            rate=percent(step.conversion_from_start),
            step_conversion=percent(step.conversion_from_previous) if before else "",
            lost=before.drop_off if before else 0,
            drop_off=percent(before.drop_off_rate) if before else "",
            average=duration(step.average_seconds) if before else "",
            median=duration(step.median_seconds) if before else "",
        )
        before = step


def caption(result: FunnelResult) -> str:
    """The chart in one sentence."""
    who = "users" if result.counting == "unique" else "attempts"
    if not result.entered:
        return f"No {who} entered this funnel between {_days(result)}."
    worst = max(result.steps, key=lambda step: (step.drop_off, -step.index))
    sentence = (
        f"Of {result.entered:,} {who} who entered between {_days(result)}, {result.converted:,} converted "
        f"({percent(result.overall_conversion)})."
    )
    if worst.drop_off:
        following = result.steps[worst.index + 1]
        sentence += (
            f" Most were lost between {worst.label} and {following.label}: "
            f"{worst.drop_off:,} ({percent(worst.drop_off_rate)})."
        )
    return sentence


def moment(result: FunnelResult) -> str:
    """When the numbers were true, in the workspace's time zone."""
    return f"{result.as_of.astimezone(result.period.zone):%-d %b %Y, %H:%M:%S}"


def _days(result: FunnelResult) -> str:
    return f"{result.period.first_day:%-d %b %Y} and {result.period.last_day:%-d %b %Y}"


def percent(rate: float) -> str:
    """One decimal at most; never 0 % or 100 % for what is only nearly so."""
    if 0 < rate < 0.001:
        return "<0.1%"
    if 0.999 < rate < 1:
        return ">99.9%"
    return f"{rate * 100:.1f}".removesuffix(".0") + "%"


def duration(seconds: float | None) -> str:
    """The two largest units: `2 d 4 h`, `3 min 20 s`, `0.4 s`; a dash for no time."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    for unit, name, smaller, smaller_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // smaller
            return f"{whole // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{whole} s"
