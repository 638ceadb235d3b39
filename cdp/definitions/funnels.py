"""A funnel's definition: read from the API's body with every fault named, written back, asked of the engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from math import isfinite
from typing import Any, Literal, cast, get_args

from cdp.engine.funnels import Exclusion, FunnelSpec, Step
from cdp.engine.predicate_grammar import PredicateError, parse_predicate
from cdp.engine.predicates import Predicate
from stratum.lib import clock, periods, problems
from stratum.lib.periods import DAY, SECOND, Period
from stratum.lib.refusal import Fault, Invalid

Mode = Literal["ordered", "strict", "any_order"]
Counting = Literal["unique", "totals"]

ANY_EVENT = "*"
MIN_STEPS, MAX_STEPS = 2, 20
MAX_EVENTS_OF_A_STEP = 50
MAX_EXCLUSIONS = 20
MAX_EVENT_NAME = 200
MAX_NAME = 120
MAX_DESCRIPTION = 2000
MAX_DEPTH = 20  # of the body as JSON: a filter nests 8 levels, each two deep
MIN_WINDOW, MAX_WINDOW = SECOND, 366 * DAY
DEFAULT_WINDOW = 7 * DAY

DEFINITION_FIELDS = ("steps", "mode", "window", "counting", "exclusions")
FIELDS = ("name", "description", *DEFINITION_FIELDS)


@dataclass(frozen=True, slots=True)
class EventMatch:
    """Which events count: any of these names, and only those whose properties pass `where`.

    `where` is the predicate as written; `predicate` the same, parsed.
    """

    events: tuple[str, ...]
    where: dict[str, Any] | None = None
    predicate: Predicate | None = None

    @property
    def event(self) -> str | list[str]:
        """As the API writes it: one name, or a list of several."""
        return self.events[0] if len(self.events) == 1 else list(self.events)

    def as_json(self) -> dict[str, Any]:
        return {"event": self.event} | ({"where": self.where} if self.where else {})


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """`max_gap`: the longest time from the previous step, in µs, inclusive (the "Time Window")."""

    match: EventMatch
    label: str = ""
    max_gap: int | None = None

    @property
    def title(self) -> str:
        return self.label or event_words(self.match.events)

    def as_json(self) -> dict[str, Any]:
        written = self.match.as_json()
        if self.label:
            written["label"] = self.label
        if self.max_gap is not None:
            written["max_gap"] = periods.format_duration(self.max_gap)
        return written


@dataclass(frozen=True, slots=True)
class ExclusionDefinition:
    """Who does this between the steps `after` and `before` (0-based) is not counted."""

    match: EventMatch
    after: int
    before: int

    def as_json(self) -> dict[str, Any]:
        return {**self.match.as_json(), "between": [self.after, self.before]}


@dataclass(frozen=True, slots=True)
class FunnelDefinition:
    """`window` in µs, from the first step to the last."""

    steps: tuple[StepDefinition, ...]
    mode: Mode = "ordered"
    window: int = DEFAULT_WINDOW
    counting: Counting = "unique"
    exclusions: tuple[ExclusionDefinition, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "steps": [step.as_json() for step in self.steps],
            "mode": self.mode,
            "window": periods.format_duration(self.window),
            "counting": self.counting,
            "exclusions": [exclusion.as_json() for exclusion in self.exclusions],
        }

    def spec(self, period: Period) -> FunnelSpec:
        """The question for the engine: entries of `period`, half-open as the engine takes them."""
        return FunnelSpec(
            steps=tuple(Step(step.match.events, step.match.predicate, step.max_gap) for step in self.steps),
            mode=self.mode,
            window=self.window,
            counting=self.counting,
            start=clock.to_micros(period.start),
            end=clock.to_micros(period.end),
            exclusions=tuple(
                Exclusion(each.match.events, each.match.predicate, each.after, each.before) for each in self.exclusions
            ),
        )


@dataclass(frozen=True, slots=True)
class FunnelDraft:
    """A definition with its name: what a person saves."""

    name: str
    description: str
    definition: FunnelDefinition


def event_words(events: tuple[str, ...]) -> str:
    return "Any event" if ANY_EVENT in events else " or ".join(events)


def parse_draft(body: object, pointer: str = "", *, zone: tzinfo = UTC, name_required: bool = True) -> FunnelDraft:
    """Raises Invalid with every fault of the body at once. Dates in filters that name no zone are read in `zone`."""
    refuse_unstorable(body, pointer)
    faults: list[Fault] = []
    fields = _object(body, pointer, FIELDS, faults)
    name = _text(fields, "name", pointer, MAX_NAME, faults)
    if name_required and not name and not _at(faults, f"{pointer}/name"):
        faults.append(Fault(f"{pointer}/name", "Give the funnel a name.", "required"))
    description = _text(fields, "description", pointer, MAX_DESCRIPTION, faults)
    definition = _Reading(faults, zone).definition(fields, pointer)
    if faults:
        raise Invalid(faults)
    return FunnelDraft(name, description, definition)


def parse_stored(definition: Mapping[str, Any], zone: tzinfo) -> FunnelDefinition:
    """A definition that was checked before it was stored."""
    return parse_draft(definition, zone=zone, name_required=False).definition


def parse_window(value: object, pointer: str) -> int:
    """A Conversion Window or Time Window in µs. Raises Invalid."""
    faults: list[Fault] = []
    window = _duration(value, pointer, faults)
    if faults:
        raise Invalid(faults)
    return window


def parse_counting(value: object, pointer: str) -> Counting:
    """Raises Invalid."""
    faults: list[Fault] = []
    counting = _choice(value, pointer, get_args(Counting), faults)
    if faults:
        raise Invalid(faults)
    return cast(Counting, counting)


def refuse_unstorable(body: object, pointer: str = "") -> None:
    """What JSON can carry but PostgreSQL cannot hold, and nesting no reader should follow. Raises Invalid."""
    remaining = [(body, 0)]
    while remaining:
        value, depth = remaining.pop()
        if depth > MAX_DEPTH:
            raise Invalid([Fault(pointer, f"This is nested deeper than {MAX_DEPTH} levels.", "too_deep")])
        if isinstance(value, float) and not isfinite(value):
            raise Invalid([Fault(pointer, "A number in here is too large to be stored.", "unstorable")])
        if isinstance(value, Mapping):
            remaining += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            remaining += [(inner, depth + 1) for inner in value]
    if faults := list(problems.unstorable(body, pointer)):
        raise Invalid(faults)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One pass over a body: every fault is kept, and something harmless stands in for what was wrong."""

    faults: list[Fault]
    zone: tzinfo

    def definition(self, fields: Mapping[str, object], pointer: str) -> FunnelDefinition:
        steps = self.steps(fields.get("steps"), f"{pointer}/steps")
        mode = cast(Mode, self.choice(fields, "mode", "ordered", pointer, get_args(Mode)))
        if mode == "any_order":
            self.refuse_gaps(steps, f"{pointer}/steps")
        return FunnelDefinition(
            steps=steps,
            mode=mode,
            window=_duration(fields.get("window", "P7D"), f"{pointer}/window", self.faults),
            counting=cast(Counting, self.choice(fields, "counting", "unique", pointer, get_args(Counting))),
            exclusions=self.exclusions(fields.get("exclusions", []), f"{pointer}/exclusions", len(steps)),
        )

    def choice(
        self, fields: Mapping[str, object], name: str, default: str, pointer: str, choices: tuple[str, ...]
    ) -> str:
        return _choice(fields.get(name, default), f"{pointer}/{name}", choices, self.faults)

    def steps(self, value: object, pointer: str) -> tuple[StepDefinition, ...]:
        if not isinstance(value, list):
            self.fault(pointer, "Give the steps as a list of 2 to 20 steps.", "required")
            return ()
        if len(value) < MIN_STEPS:
            self.fault(pointer, "A funnel needs at least 2 steps. Add another step.", "too_few")
        if len(value) > MAX_STEPS:
            sentence = f"A funnel has at most {MAX_STEPS} steps; this one has {len(value)}. Remove some."
            self.fault(pointer, sentence, "too_many")
            return ()
        return tuple(self.step(step, index, f"{pointer}/{index}") for index, step in enumerate(value))

    def step(self, value: object, index: int, pointer: str) -> StepDefinition:
        fields = _object(value, pointer, ("event", "label", "where", "max_gap"), self.faults)
        label = _text(fields, "label", pointer, MAX_NAME, self.faults)
        max_gap = None
        if fields.get("max_gap") is not None:
            max_gap = _duration(fields["max_gap"], f"{pointer}/max_gap", self.faults)
            if index == 0:
                sentence = "A Time Window runs from the previous step, and the first step has none. Leave it out here."
                self.fault(f"{pointer}/max_gap", sentence)
        return StepDefinition(self.match(fields, pointer), label, max_gap)

    def refuse_gaps(self, steps: tuple[StepDefinition, ...], pointer: str) -> None:
        sentence = "Steps in any order have no previous step, so a Time Window cannot be kept. Leave it out."
        for index, step in enumerate(steps):
            if index and step.max_gap is not None:
                self.fault(f"{pointer}/{index}/max_gap", sentence)

    def exclusions(self, value: object, pointer: str, steps: int) -> tuple[ExclusionDefinition, ...]:
        if not isinstance(value, list):
            self.fault(pointer, "Give the exclusions as a list; leave it empty for none.", "wrong_type")
            return ()
        if len(value) > MAX_EXCLUSIONS:
            self.fault(pointer, f"A funnel has at most {MAX_EXCLUSIONS} exclusions. Remove some.", "too_many")
            return ()
        return tuple(self.exclusion(each, f"{pointer}/{index}", steps) for index, each in enumerate(value))

    def exclusion(self, value: object, pointer: str, steps: int) -> ExclusionDefinition:
        fields = _object(value, pointer, ("event", "where", "between"), self.faults)
        match = self.match(fields, pointer)
        after, before = self.between(fields.get("between"), f"{pointer}/between", steps)
        return ExclusionDefinition(match, after, before)

    def between(self, value: object, pointer: str, steps: int) -> tuple[int, int]:
        if not (isinstance(value, list) and len(value) == 2 and all(type(index) is int for index in value)):
            sentence = "Say between which two steps, as two step indexes counted from 0, such as [0, 1]."
            self.fault(pointer, sentence, "required" if value is None else "wrong_type")
            return 0, 1
        after, before = value
        if steps and not 0 <= after < before < steps:
            sentence = (
                "The excluded event must lie between an earlier and a later step. "
                f"Use two different indexes from 0 to {steps - 1}, the smaller one first."
            )
            self.fault(pointer, sentence, "out_of_range")
        return after, before

    def match(self, fields: Mapping[str, object], pointer: str) -> EventMatch:
        events = _events(fields.get("event"), f"{pointer}/event", self.faults)
        where = fields.get("where")
        if where is None:
            return EventMatch(events)
        try:
            predicate = parse_predicate(where, f"{pointer}/where", self.zone)
        except PredicateError as error:
            self.fault(error.pointer, error.sentence)
            return EventMatch(events)
        return EventMatch(events, cast(dict[str, Any], where), predicate)

    def fault(self, pointer: str, sentence: str, code: str = "invalid") -> None:
        self.faults.append(Fault(pointer, sentence, code))


def _events(value: object, pointer: str, faults: list[Fault]) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    if value in (None, "", []):
        faults.append(Fault(pointer, "Choose an event, or “*” for any event.", "required"))
        return ()
    if len(names) > MAX_EVENTS_OF_A_STEP:
        faults.append(Fault(pointer, f"List at most {MAX_EVENTS_OF_A_STEP} event names here.", "too_many"))
        return ()
    for index, name in enumerate(names):
        here = f"{pointer}/{index}" if isinstance(value, list) else pointer
        if fault := _name_fault(name, here):
            faults.append(fault)
    if ANY_EVENT in names and len(names) > 1:
        faults.append(Fault(pointer, "“*” is already any event. Give it alone, or list the names without it."))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))


def _name_fault(name: object, pointer: str) -> Fault | None:
    if not isinstance(name, str):
        return Fault(
            pointer, "An event name is text, such as “purchase”. Give one name or a list of names.", "wrong_type"
        )
    if not name.strip():
        return Fault(pointer, "An event name cannot be empty.", "required")
    if len(name) > MAX_EVENT_NAME:
        return Fault(pointer, f"An event name has at most {MAX_EVENT_NAME} characters.", "too_long")
    return None


def _object(value: object, pointer: str, known: tuple[str, ...], faults: list[Fault]) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        faults.append(Fault(pointer, f"This must be a JSON object with {', '.join(known)}.", "wrong_type"))
        return {}
    faults += problems.unknown_fields(value, known, pointer)
    return value


def _text(fields: Mapping[str, object], name: str, pointer: str, longest: int, faults: list[Fault]) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        faults.append(Fault(f"{pointer}/{name}", f"The {name} must be text.", "wrong_type"))
        return ""
    if len(value) > longest:
        faults.append(Fault(f"{pointer}/{name}", f"The {name} has at most {longest} characters.", "too_long"))
    return value.strip()


def _duration(value: object, pointer: str, faults: list[Fault]) -> int:
    if not isinstance(value, str):
        faults.append(Fault(pointer, "Write the window as text like P7D (7 days) or PT1H (1 hour).", "wrong_type"))
        return DEFAULT_WINDOW
    try:
        micros = periods.parse_duration(value)
    except ValueError as error:
        faults.append(Fault(pointer, str(error)))
        return DEFAULT_WINDOW
    if not MIN_WINDOW <= micros <= MAX_WINDOW:
        faults.append(Fault(pointer, "Choose a window between 1 second (PT1S) and 366 days (P366D).", "out_of_range"))
    return micros


def _choice(value: object, pointer: str, choices: tuple[str, ...], faults: list[Fault]) -> str:
    if value in choices:
        return str(value)
    faults.append(Fault(pointer, f"Choose one of: {', '.join(choices)}.", "unknown_choice"))
    return choices[0]


def _at(faults: list[Fault], pointer: str) -> bool:
    return any(fault.pointer == pointer for fault in faults)
