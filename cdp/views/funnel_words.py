"""A funnel's numbers as people read them. The numbers themselves come ready from queries."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cdp.definitions.funnel_questions import EVENT, PROFILE, SEGMENT, TRAIT, Question, Whom
from cdp.definitions.funnels import Counting, FunnelDefinition, StepDefinition, event_words
from cdp.engine.funnels import Rest
from cdp.queries.funnel_results import BreakdownResult, FunnelResult, StepResult
from cdp.queries.funnel_views import Bin, FunnelPeopleResult, FunnelPerson, TimesResult, TrendResult
from cdp.queries.funnels import FunnelCard
from stratum.lib.clock import MICROSECOND

DAY, HOUR, MINUTE = 86_400, 3_600, 60
COUNTINGS: dict[Counting, str] = {"unique": "Unique users", "totals": "Total events"}

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
    "percentile": "The share of users who took at most this long.",
    "open": "Who entered lately may still convert: their Conversion Window is open, so these numbers can grow.",
    "bucket": "Users count in the day, week or month in which they entered, once in each.",
    "share": "Of everybody who entered the funnel.",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A rate against that of the previous period."""

    before: str
    words: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One step as drawn. `lost` and what follows tell of the way from the step before; empty for the first.

    `people` and `left` lead to those who reached this step, and who left after the one before; empty where nobody is.
    """

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
    people: str = ""
    left: str = ""
    before: int | None = None
    change: Change | None = None


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


PeopleAddress = Callable[[int, str], str]  # of a 0-based step and an outcome


def bars(result: FunnelResult, people: PeopleAddress | None = None) -> list[Bar]:
    """Steps lead to their people where an address for them is given."""
    return list(_bars(result, people or (lambda step, outcome: "")))


def _bars(result: FunnelResult, people: PeopleAddress) -> Iterator[Bar]:
    before: StepResult | None = None
    earlier = result.previous.steps if result.previous else None
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
            people=people(step.index, "converted") if step.count else "",
            left=people(before.index, "dropped") if before and before.drop_off else "",
            before=earlier[step.index].count if earlier else None,
            change=change(step.conversion_from_start, earlier[step.index].conversion_from_start) if earlier else None,
        )
        before = step


def change(rate: float, before: float) -> Change:
    """In percentage points."""
    points = (rate - before) * 100
    if abs(points) < 0.05:
        return Change(percent(before), "unchanged", "neutral", "minus")
    words = f"{points:+.1f} pp".replace("-", "−")
    return Change(percent(before), words, *(("ok", "trending-up") if points > 0 else ("danger", "trending-down")))


def caption(result: FunnelResult) -> str:
    """The chart in one sentence."""
    who = _who(result)
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


def times_caption(result: TimesResult, steps: Sequence[StepDefinition]) -> str:
    way = "from the first step to the last"
    if result.step is not None:
        way = f"from {steps[result.step - 1].title} to {steps[result.step].title}"
    if not result.count:
        return f"Nobody who entered between {_days(result)} went {way}."
    return (
        f"{result.count:,} {_who(result)} who entered between {_days(result)} went {way}. "
        f"Half of them took at most {duration(result.median)}, nine in ten at most {duration(result.p90)}."
    )


def trend_caption(result: TrendResult) -> str:
    closed = [one for one in result.buckets if not one.is_open and one.entered]
    if not closed:
        return (
            f"Every {result.interval} between {_days(result)} is still open or empty: there is no final conversion yet."
        )
    best, worst = (end(closed, key=lambda one: one.conversion) for end in (max, min))
    return (
        f"Overall Conversion by {result.interval} of entry: highest {percent(best.conversion)} "
        f"({days(best.start, best.end, result.interval)}), lowest {percent(worst.conversion)} "
        f"({days(worst.start, worst.end, result.interval)}), of those whose Conversion Window has closed."
    )


def breakdown_caption(result: FunnelResult, found: BreakdownResult) -> str:
    named = [one for one in found.values if one.entered and not isinstance(one.value, Rest)]
    if not named:
        return f"No {_who(result)} entered this funnel between {_days(result)}."
    most = max(named, key=lambda one: one.entered)
    best = max(named, key=lambda one: one.overall_conversion)
    return (
        f"By {dimension(found.by)}: “{value(most.value, found.by)}” has the most {_who(result)} ({most.entered:,}); "
        f"“{value(best.value, found.by)}” converts best ({percent(best.overall_conversion)} of {best.entered:,})."
    )


Told = FunnelResult | TimesResult | TrendResult | FunnelPeopleResult


def moment(result: Told) -> str:
    """When the numbers were true, in the workspace's time zone."""
    return f"{result.as_of.astimezone(result.period.zone):%-d %b %Y, %H:%M:%S}"


def _who(result: Told) -> str:
    return "users" if result.counting == "unique" else "attempts"


def _days(result: Told) -> str:
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


def span(one: Bin) -> str:
    """`1 h – 2 h`: from included to excluded."""
    return f"{short_time(one.start_seconds)} – {short_time(one.end_seconds)}"


def short_time(seconds: int) -> str:
    """A round number of seconds in one unit."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def value(value: Any, by: str) -> str:
    """A value of a breakdown."""
    if value is None:
        return "(none)"
    if isinstance(value, Rest):
        return "Other"
    if isinstance(value, bool):
        if by.startswith(SEGMENT):
            return "In the segment" if value else "Not in the segment"
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)


def dimension(by: str) -> str:
    """What a breakdown is by: `Platform`, `Event property “category”`."""
    for start, name in ((EVENT, "Event property"), (PROFILE, "Profile attribute"), (TRAIT, "Computed trait")):
        if by.startswith(start):
            return f"{name} “{by.removeprefix(start)}”"
    return "Segment" if by.startswith(SEGMENT) else by.capitalize()


def days(start: datetime, end: datetime, interval: str) -> str:
    """A bucket of a trend, in the zone of its instants."""
    last = (end - MICROSECOND).date()
    if interval == "month" and start.day == 1 and (last + timedelta(days=1)).day == 1:
        return f"{start:%B %Y}"
    if start.date() == last:
        return f"{start:%a %-d %b %Y}"
    return f"{start:%-d %b} – {last:%-d %b %Y}"


@dataclass(frozen=True, slots=True)
class Person:
    """A line of the list of people."""

    id: int
    name: str
    email: str
    entered_at: datetime
    last_step: str
    last_at: datetime
    is_converted: bool
    took: str


def person(one: FunnelPerson, definition: FunnelDefinition) -> Person:
    step = definition.steps[one.last_step].title
    number = one.last_step + 1
    return Person(
        id=one.profile.id,
        name=one.profile.name,
        email=one.profile.email or "",
        entered_at=one.entered_at,
        last_step=f"{number} of {len(definition.steps)}" if definition.mode == "any_order" else f"{number}. {step}",
        last_at=one.last_at,
        is_converted=one.completed_at is not None,
        took=duration(one.seconds),
    )


def people_title(definition: FunnelDefinition, whom: Whom, question: Question) -> str:
    """`reached 3. add_to_cart, platform meta, in 1 h – 2 h`."""
    parts = [_outcome(definition, whom)]
    if whom.has_value and question.breakdown:
        by = question.breakdown.by
        parts.append(f"{dimension(by)}: {value(whom.value, by)}")
    if whom.seconds_min is not None or whom.seconds_max is not None:
        parts.append(f"in {duration(whom.seconds_min or 0)} to {duration(whom.seconds_max)}")
    if whom.which == "previous":
        parts.append("previous period")
    return ", ".join(parts)


def _outcome(definition: FunnelDefinition, whom: Whom) -> str:
    if whom.step is None:
        return "converted" if whom.outcome == "converted" else "did not convert"
    if definition.mode == "any_order":
        done = f"{whom.step + 1} of {len(definition.steps)} steps"
        return f"did {done}" if whom.outcome == "converted" else f"did {done} and no more"
    step = f"{whom.step + 1}. {definition.steps[whom.step].title}"
    return f"reached {step}" if whom.outcome == "converted" else f"left after {step}"
