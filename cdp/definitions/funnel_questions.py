"""What is asked of a funnel beside its definition: the range, what replaces the definition's own settings, by what to
break it down, whom to look at, and what to compare with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, cast, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.definitions import funnels
from cdp.definitions.funnels import Counting, FunnelDefinition
from cdp.engine.funnels import OTHER, Attribution, Rest
from stratum.lib import periods, problems
from stratum.lib.periods import Period
from stratum.lib.refusal import Fault, Invalid

Interval = Literal["day", "week", "month"]
Outcome = Literal["converted", "dropped"]
Which = Literal["current", "previous"]
Read = TypeVar("Read")

FIELDS = ("from", "to", "window", "counting", "breakdown", "attribution", "limit", "segment", "compare")
WHOM_FIELDS = ("step", "outcome", "breakdown_value", "seconds_min", "seconds_max", "period")
# Short for what is derived from an event's context when it comes in.
DERIVED = ("platform", "device", "campaign")
EVENT, PROFILE, TRAIT, SEGMENT = "event.", "profile.", "traits.", "segment:"
DEFAULT_LIMIT, MAX_LIMIT = 10, 50
MAX_PROPERTY = 200
LONGEST_TIME = 10 * 366 * 86_400  # seconds; more than any window

ATTRIBUTIONS = "first_touch, last_touch, all_steps, or step:0 for the value at the first step"


@dataclass(frozen=True, slots=True)
class BreakdownBy:
    """`by` as written: `platform`, `device`, `campaign`, `event.<property>`, `profile.<attribute>`, `traits.<name>`,
    `segment:<id>`.

    `attribution` says which event gives the value, with the 0-based `step` for "step"; of profiles it means nothing.
    """

    by: str
    attribution: Attribution = "first_touch"
    step: int | None = None
    limit: int = DEFAULT_LIMIT

    @property
    def event_property(self) -> str | None:
        """Of the events, as the engine knows it."""
        if self.by in DERIVED:
            return f"${self.by}"
        return self.by.removeprefix(EVENT) if self.by.startswith(EVENT) else None

    @property
    def attribute(self) -> str | None:
        """Of the profiles."""
        return self.by.removeprefix(PROFILE) if self.by.startswith(PROFILE) else None

    @property
    def trait(self) -> str | None:
        """The name of a computed trait."""
        return self.by.removeprefix(TRAIT) if self.by.startswith(TRAIT) else None

    @property
    def segment(self) -> UUID | None:
        return UUID(self.by.removeprefix(SEGMENT)) if self.by.startswith(SEGMENT) else None

    @property
    def written_attribution(self) -> str | None:
        """As the API writes it; None where the value is the profile's."""
        if self.event_property is None:
            return None
        return self.attribution if self.step is None else f"step:{self.step}"


@dataclass(frozen=True, slots=True)
class Question:
    """`window` (µs) and `counting` are None where the definition's own apply. `segment`: only its members are asked.

    `compare`: with the period of equal length right before.
    """

    period: Period
    window: int | None = None
    counting: Counting | None = None
    breakdown: BreakdownBy | None = None
    segment: UUID | None = None
    compare: bool = False

    @property
    def before(self) -> Period:
        """The period of equal length right before; whole local days stay whole local days."""
        period = self.period
        days = period.days
        if period == periods.between_days(period.first_day, period.last_day, period.zone):
            return periods.between_days(
                period.first_day - timedelta(days=days), period.first_day - timedelta(days=1), period.zone
            )
        return Period(period.start - (period.end - period.start), period.start, period.zone)


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose names are wanted: behind a bar, a drop-off, a cell of the breakdown, a bin of the histogram.

    "converted" are those who reached the 0-based `step`, "dropped" those of them who did not reach the next one;
    without a step, all steps are meant. `has_value`: only those of `value` (JSON, None for the missing one, OTHER for
    the rest) in the question's breakdown. Times (seconds, from included to excluded) are those from the previous step,
    and without a step those from the first to the last. `which`: of the period, or of the one before it.
    """

    step: int | None = None
    outcome: Outcome = "converted"
    has_value: bool = False
    value: Any = None
    seconds_min: float | None = None
    seconds_max: float | None = None
    which: Which = "current"


@dataclass(frozen=True, slots=True)
class _Reading:
    """One pass over query parameters or members of a body: every fault is kept."""

    fields: Mapping[str, object]
    faults: list[Fault] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Empty where nothing is given."""
        value = self.fields.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        self.fault(name, f"Write {name} as text.", "wrong_type")
        return ""

    def read(self, name: str, parse: Callable[[str, str], Read]) -> Read | None:
        """What `parse` makes of the text and its pointer; None where nothing, or something wrong, is given."""
        text = self.text(name)
        try:
            return parse(text, f"/{name}") if text else None
        except Invalid as refused:
            self.faults.extend(refused.faults)
            return None

    def number(self, name: str, least: int, most: int) -> int | None:
        """A whole number, as such or as text."""
        value = self.fields.get(name)
        if value in (None, ""):
            return None
        digits = str(value) if type(value) is int else value
        if isinstance(digits, str) and digits.isascii() and digits.isdigit() and least <= int(digits[:9]) <= most:
            return int(digits)
        self.fault(name, f"Write {name} as a whole number from {least} to {most}.", "out_of_range")
        return None

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        text = self.text(name)
        if text and text not in choices:
            self.fault(name, f"Choose one of: {', '.join(choices)}.", "unknown_choice")
        return text if text in choices else default

    def fault(self, name: str, sentence: str, code: str) -> None:
        self.faults.append(Fault(f"/{name}", sentence, code))

    def done(self) -> None:
        if self.faults:
            raise Invalid(self.faults)


def parse_question(fields: Mapping[str, object], *, now: datetime, zone: ZoneInfo, limit: str = "limit") -> Question:
    """Query parameters or members of a body, all optional. Raises Invalid with every fault.

    `limit` is what the number of values is called where a page of people has the limit.
    """
    known = [limit if name == "limit" else name for name in FIELDS]
    reading = _Reading(fields, problems.unknown_fields(fields, known))
    period = _period(reading, now, zone)
    question = Question(
        period=period,
        window=reading.read("window", funnels.parse_window),
        counting=reading.read("counting", funnels.parse_counting),
        breakdown=_breakdown(reading, limit),
        segment=reading.read("segment", _segment),
        compare=reading.choice("compare", ("previous",), "") == "previous",
    )
    reading.done()
    return question


def _period(reading: _Reading, now: datetime, zone: ZoneInfo) -> Period:
    first, last = reading.text("from"), reading.text("to")
    try:
        return periods.parse_period(first, last, now=now, zone=zone)
    except Invalid as refused:
        reading.faults.extend(refused.faults)
        return periods.last_days(30, now, zone)


def _breakdown(reading: _Reading, limited_by: str) -> BreakdownBy | None:
    by = reading.read("breakdown", _by)
    attribution, step = reading.read("attribution", _attribution) or ("first_touch", None)
    limit = reading.number(limited_by, 1, MAX_LIMIT)
    if not reading.fields.get("breakdown"):
        for name in ("attribution", limited_by):
            if reading.fields.get(name) not in (None, ""):
                reading.fault(
                    name, f"There is no breakdown that this {name} could belong to. Add one.", "needs_breakdown"
                )
    if by is None:
        return None
    found = BreakdownBy(by, attribution, step, limit or DEFAULT_LIMIT)
    if found.event_property is None and attribution != "first_touch":
        sentence = "A profile has one value, so there is none to choose by attribution. Leave attribution out."
        reading.fault("attribution", sentence, "invalid")
    return found


def _by(text: str, pointer: str) -> str:
    if text in DERIVED:
        return text
    if text.startswith(SEGMENT):
        return f"{SEGMENT}{_segment(text.removeprefix(SEGMENT), pointer)}"
    for start in (EVENT, PROFILE, TRAIT):
        if text.startswith(start) and 0 < len(text) - len(start) <= MAX_PROPERTY:
            return text
    sentence = (
        "Break down by platform, device, campaign, event.<property>, profile.<attribute>, traits.<name> or "
        "segment:<id>, such as event.category."
    )
    raise Invalid([Fault(pointer, sentence, "unknown_choice")])


def _segment(text: str, pointer: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid([Fault(pointer, f"“{text[:60]}” is not the id of a segment.", "invalid")]) from None


def _attribution(text: str, pointer: str) -> tuple[Attribution, int | None]:
    """`step:2` is the value at the step with the 0-based index 2."""
    name, _, step = text.partition(":")
    if name == "step" and step.isascii() and step.isdigit() and len(step) < 4:
        return "step", int(step)
    if name != "step" and not step and name in get_args(Attribution):
        return cast(Attribution, name), None
    raise Invalid([Fault(pointer, f"Choose one of: {ATTRIBUTIONS}.", "unknown_choice")])


def require_fit(question: Question, definition: FunnelDefinition) -> None:
    """A question that this funnel has no answer for. Raises Invalid."""
    by, steps = question.breakdown, len(definition.steps)
    if by is None or by.step is None:
        return
    if definition.mode == "any_order":
        sentence = "In any order no step has a place of its own. Choose first_touch, last_touch or all_steps."
        raise Invalid([Fault("/attribution", sentence, "not_supported")])
    if by.step >= steps:
        sentence = f"This funnel has {steps} steps: choose step:0 to step:{steps - 1}."
        raise Invalid([Fault("/attribution", sentence, "out_of_range")])


def parse_interval(fields: Mapping[str, object]) -> Interval:
    """Of a trend; days without one. Raises Invalid."""
    reading = _Reading(fields)
    interval = cast(Interval, reading.choice("interval", get_args(Interval), "day"))
    reading.done()
    return interval


def parse_step(fields: Mapping[str, object], definition: FunnelDefinition, *, first: int = 0) -> int | None:
    """A 0-based step of this funnel, not below `first`; None without one. Raises Invalid."""
    reading = _Reading(fields)
    step = reading.number("step", first, len(definition.steps) - 1)
    reading.done()
    return step


def parse_whom(fields: Mapping[str, object], definition: FunnelDefinition, breakdown: BreakdownBy | None) -> Whom:
    """Query parameters, all optional. Raises Invalid with every fault."""
    reading = _Reading(fields, problems.unknown_fields(fields, WHOM_FIELDS))
    value = reading.text("breakdown_value")
    whom = Whom(
        step=reading.number("step", 0, len(definition.steps) - 1),
        outcome=cast(Outcome, reading.choice("outcome", get_args(Outcome), "converted")),
        has_value=bool(value),
        value=read_value(value) if value else None,
        seconds_min=reading.read("seconds_min", _seconds),
        seconds_max=reading.read("seconds_max", _seconds),
        which=cast(Which, reading.choice("period", get_args(Which), "current")),
    )
    _refuse_whom(reading, whom, breakdown)
    reading.done()
    return whom


def _refuse_whom(reading: _Reading, whom: Whom, breakdown: BreakdownBy | None) -> None:
    low, high = whom.seconds_min, whom.seconds_max
    if whom.has_value and breakdown is None:
        sentence = "There is no breakdown that this value could belong to. Add one."
        reading.fault("breakdown_value", sentence, "needs_breakdown")
    if low is not None and high is not None and high <= low:
        reading.fault("seconds_max", "Choose an end above seconds_min.", "reversed")
    if (low, high) == (None, None):
        return
    name = "seconds_max" if low is None else "seconds_min"
    if whom.step == 0:
        reading.fault(name, "The first step takes no time. Choose a later step, or leave it out.", "invalid")
    elif whom.step is None and whom.outcome == "dropped":
        reading.fault(name, "Who dropped off has no time to convert. Choose a step.", "invalid")


def _seconds(text: str, pointer: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= LONGEST_TIME:
        raise Invalid([Fault(pointer, "Write a number of seconds, such as 90 or 0.5.", "invalid")])
    return seconds


def read_value(text: str) -> Any:
    """A value of a breakdown as it stands in an address: JSON, or else text as it is; the rest is OTHER."""
    if text == OTHER.value:
        return OTHER
    try:
        return json.loads(text)
    except ValueError:
        return text


def write_value(value: Any) -> str:
    """What `read_value` reads back: texts that look like JSON are put into quotes, the missing value is `null`."""
    if isinstance(value, Rest):
        return value.value
    if isinstance(value, str) and read_value(value) == value and value != OTHER.value:
        return value
    return json.dumps(value, ensure_ascii=False)
