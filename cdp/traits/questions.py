"""What the engine is asked for the values of traits: the specs of all definitions, each of them once."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from cdp.definitions.traits import EventPart, TraitDefinition
from cdp.engine.aggregates import AggregateSpec, Fn
from cdp.engine.events import BEGINNING, ENDLESS, TIMESTAMP, Events
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Not, Predicate, Test

CURRENCY = "currency"
BY_THE_CLOCK = {"within_last", "within_next", "older_than", "later_than"}
OF_KIND: dict[str, Fn] = {
    "most_frequent": "mode",
    "first": "first",
    "last": "last",
    "unique_count": "unique",
    "unique_list": "unique_list",
    "ratio": "count",
}


def fn_of(definition: TraitDefinition) -> Fn:
    return definition.fn if definition.fn is not None else OF_KIND[definition.kind]


@dataclass(frozen=True, slots=True)
class PartPlan:
    """Places of the answers about one part. Of those that tell when the value changes by itself, None where nothing
    can happen.

    `leaving`: when the first of the counted events happened, which is the first to leave. `waiting`: the first event
    that enters the window later. `clocked`: whose events a filter looks at again as time goes by.
    """

    part: EventPart
    main: int
    leaving: int | None
    waiting: int | None
    clocked: int | None
    ahead: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`foreign`: the place of the answer about events left out for their currency."""

    definition: TraitDefinition
    parts: tuple[PartPlan, ...]
    foreign: int | None


@dataclass(slots=True)
class Specs:
    """A spec that two definitions need is asked once."""

    asked: list[AggregateSpec] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def place(self, spec: AggregateSpec) -> int:
        # Predicates that differ in 1 and true only are equal, but their texts are not.
        key = repr(spec)
        if key not in self.places:
            self.places[key] = len(self.asked)
            self.asked.append(spec)
        return self.places[key]


@dataclass(slots=True)
class Question:
    """`now`: what is asked as of now. `ahead`: of events whose time has not come. All time begins at `beginning`: what
    was before it has expired."""

    as_of: int
    zone: ZoneInfo
    beginning: int = BEGINNING
    now: Specs = field(default_factory=Specs)
    ahead: Specs = field(default_factory=Specs)

    def plan(self, definition: TraitDefinition) -> Plan:
        parts = tuple(self._part(definition, part) for part in definition.parts)
        return Plan(definition, parts, self._foreign(definition))

    def _part(self, definition: TraitDefinition, part: EventPart) -> PartPlan:
        events = counted_events(definition, part, self.as_of, self.zone, self.beginning)
        name = None if definition.kind == "ratio" else definition.property_name
        main = AggregateSpec(events, fn_of(definition), name, definition.tie, definition.min_count)
        return PartPlan(
            part,
            main=self.now.place(main),
            leaving=self._leaving(part, events),
            waiting=self._waiting(part, events),
            clocked=self._clocked(part, events),
            ahead=self.ahead.place(AggregateSpec(Events(part.events, None, self.as_of + 1), "min", TIMESTAMP)),
        )

    def _leaving(self, part: EventPart, events: Events) -> int | None:
        if part.window is None or part.window.stays:
            return None
        return self.now.place(AggregateSpec(events, "min", TIMESTAMP))

    def _waiting(self, part: EventPart, events: Events) -> int | None:
        if part.window is None or not part.window.is_waited_for:
            return None
        later = Events(part.events, events.where, events.end, ENDLESS)
        return self.now.place(AggregateSpec(later, "min", TIMESTAMP))

    def _clocked(self, part: EventPart, events: Events) -> int | None:
        if part.predicate is None or not looks_at_the_clock(part.predicate):
            return None
        return self.now.place(AggregateSpec(Events(part.events, None, events.start, events.end), "count"))

    def _foreign(self, definition: TraitDefinition) -> int | None:
        events = foreign_events(definition, self.as_of, self.zone)
        return None if events is None else self.now.place(AggregateSpec(events, "unique_list", CURRENCY))


def counted_events(
    definition: TraitDefinition, part: EventPart, as_of: int, zone: ZoneInfo, beginning: int = BEGINNING
) -> Events:
    start, end = part.window.bounds(as_of, zone) if part.window else (beginning, ENDLESS)
    return Events(part.events, counting(definition, part), start, end)


def counting(definition: TraitDefinition, part: EventPart) -> Predicate | None:
    """The part's own filter; with a currency only events in it, and those that name none."""
    if definition.currency is None or not definition.is_money:
        return part.predicate
    return both(part.predicate, is_in(definition.currency))


def foreign_events(definition: TraitDefinition, as_of: int, zone: ZoneInfo) -> Events | None:
    """Those that would count, were they not in another currency than the trait's. None where any will do."""
    if definition.currency is None or not definition.is_money:
        return None
    part = definition.part
    events = counted_events(definition, part, as_of, zone)
    return Events(part.events, both(part.predicate, Not(is_in(definition.currency))), events.start, events.end)


def is_in(currency: str) -> Predicate:
    named = Test(CURRENCY, "in", (currency, currency.lower()))
    return AnyOf((named, Test(CURRENCY, "not_exists")))


def both(predicate: Predicate | None, more: Predicate) -> Predicate:
    return more if predicate is None else AllOf((predicate, more))


def looks_at_the_clock(predicate: Predicate) -> bool:
    """Whether it may come true, or cease to be true, with nothing but time passing."""
    match predicate:
        case AllOf(children) | AnyOf(children):
            return any(map(looks_at_the_clock, children))
        case Not(child) | AnyItem(_, child):
            return looks_at_the_clock(child)
        case Test(_, op):
            return op in BY_THE_CLOCK
