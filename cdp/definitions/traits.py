"""A computed trait's definition: read from the API's body with every fault named, and written back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Literal, cast, get_args

from cdp.definitions.funnels import MAX_DESCRIPTION, MAX_NAME, refuse_unstorable
from cdp.definitions.profile_filters import OWN_FIELDS, ProfileFilter, parse_filter
from cdp.definitions.reading import Reading
from cdp.definitions.windows import Window, parse_window
from cdp.engine.aggregates import Tie
from cdp.engine.events import ANY_EVENT, TIMESTAMP, EventName, Prefix
from cdp.engine.predicates import Predicate
from stratum.lib.refusal import Invalid

Kind = Literal["aggregation", "most_frequent", "first", "last", "unique_count", "unique_list", "ratio"]
Fn = Literal["count", "sum", "avg", "min", "max"]
Calculation = Literal["DAYS_SINCE", "HOURS_SINCE"]
Frequency = Literal["realtime", "hourly", "daily"]

KINDS: tuple[Kind, ...] = get_args(Kind)
FNS: tuple[Fn, ...] = get_args(Fn)
CALCULATIONS: tuple[Calculation, ...] = get_args(Calculation)
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
TIES: tuple[Tie, ...] = get_args(Tie)

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
CURRENCY = re.compile(r"[A-Z]{3}")
MAX_PROPERTY = 200
MAX_EVENTS = 50
MAX_MIN_COUNT = 1_000_000
MONEY_FNS = ("sum", "avg", "min", "max")

SYSTEM_NAMES = (
    *("total_spend", "total_spend_lifetime", "last_purchase_date", "purchase_count", "email_open_rate_30d"),
    *("first_touch_platform", "first_touch_campaign", "first_touch_source"),
    *("last_touch_platform", "last_touch_campaign", "last_touch_source", "attributed_revenue"),
)
PART_FIELDS = ("event", "where", "window")
FIELDS = (
    *("name", "label", "description", "kind", "fn", "event", "property", "window", "where", "profile_filter"),
    *("calculation", "min_count", "tie", "default", "currency", "frequency", "numerator", "denominator"),
)


@dataclass(frozen=True, slots=True)
class EventPart:
    """Which events count. `where` as it was written, `predicate` the same, parsed; no `window` is all time."""

    events: tuple[EventName, ...]
    where: Mapping[str, Any] | None = None
    predicate: Predicate | None = None
    window: Window | None = None

    @property
    def event(self) -> Any:
        """As the API writes it: one name, a list of several, or a prefix."""
        first = self.events[0] if self.events else ""
        if isinstance(first, Prefix):
            return {"prefix": first.text}
        return first if len(self.events) == 1 else list(self.events)

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, "where": self.where, "window": self.window.to_json() if self.window else None}


@dataclass(frozen=True, slots=True)
class TraitDefinition:
    """`parts` is one, or numerator and denominator of a ratio. `fn` is there for aggregations only.

    `currency`: of sums, averages and extremes only events in it count, and those that name none.
    """

    name: str
    kind: Kind
    parts: tuple[EventPart, ...]
    label: str = ""
    description: str = ""
    fn: Fn | None = None
    property_name: str | None = None
    calculation: Calculation | None = None
    min_count: int = 1
    tie: Tie = "alphabetical"
    default: str | float | bool | None = None
    currency: str | None = None
    profile_filter: ProfileFilter | None = None
    frequency: Frequency = "realtime"

    @property
    def part(self) -> EventPart:
        return self.parts[0]

    @property
    def title(self) -> str:
        return self.label or self.name

    @property
    def is_money(self) -> bool:
        """Whether it adds or compares numbers that may be in a currency."""
        return self.kind == "aggregation" and self.fn in MONEY_FNS

    @property
    def uses(self) -> frozenset[str]:
        """The traits that its profile filter asks about."""
        return self.profile_filter.traits if self.profile_filter else frozenset()

    @property
    def is_lifetime(self) -> bool:
        """Whether events that have expired still count."""
        return any(part.window is None for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """The API's shape: every field that its kind has."""
        written: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "kind": self.kind,
            "fn": self.fn,
        }
        if self.kind == "ratio":
            written |= {"numerator": self.parts[0].to_json(), "denominator": self.parts[1].to_json()}
        else:
            written |= {**self.part.to_json(), "property": self.property_name, "calculation": self.calculation}
        if self.kind == "most_frequent":
            written |= {"min_count": self.min_count, "tie": self.tie}
        if self.is_money:
            written["currency"] = self.currency
        filtered = self.profile_filter.source if self.profile_filter else None
        return written | {"default": self.default, "profile_filter": filtered, "frequency": self.frequency}


def parse_trait(body: object, pointer: str = "", *, zone: tzinfo = UTC) -> TraitDefinition:
    """Raises Invalid with every fault of the body at once."""
    refuse_unstorable(body, pointer)
    reading = _TraitReading(zone)
    definition = reading.trait(body, pointer)
    if reading.faults:
        raise Invalid(reading.faults)
    return definition


def parse_stored(definition: Mapping[str, Any], zone: tzinfo) -> TraitDefinition:
    """What `to_json` wrote. Names that people may not take are fine here: system traits have them."""
    reading = _TraitReading(zone, is_stored=True)
    parsed = reading.trait(definition, "")
    if reading.faults:
        raise Invalid(reading.faults)
    return parsed


@dataclass(frozen=True, slots=True)
class _TraitReading(Reading):
    is_stored: bool = False

    def trait(self, body: object, pointer: str) -> TraitDefinition:
        fields = self.fields(body, pointer, FIELDS)
        kind = cast(Kind, self.choice(fields.get("kind"), f"{pointer}/kind", KINDS))
        fn = self.fn(fields, kind, pointer)
        is_money = kind == "aggregation" and fn in MONEY_FNS
        definition = TraitDefinition(
            name=self.name(fields.get("name"), f"{pointer}/name"),
            label=self.text(fields, "label", pointer, MAX_NAME),
            description=self.text(fields, "description", pointer, MAX_DESCRIPTION),
            kind=kind,
            fn=fn,
            parts=self.parts(fields, kind, pointer),
            property_name=self.property_name(fields, kind, fn, pointer),
            calculation=self.calculation(fields, kind, pointer),
            min_count=self.min_count(fields, kind, pointer),
            tie=self.tie(fields, kind, pointer),
            default=self.default(fields.get("default"), kind, fn, f"{pointer}/default"),
            currency=self.currency(fields.get("currency"), f"{pointer}/currency", is_money),
            profile_filter=parse_filter(fields.get("profile_filter"), f"{pointer}/profile_filter", self),
            frequency=cast(Frequency, self.frequency(fields, pointer)),
        )
        if definition.name in definition.uses:
            self.fault(f"{pointer}/profile_filter", f"“{definition.name}” cannot filter on itself.", "cycle")
        return definition

    def name(self, value: object, pointer: str) -> str:
        if not isinstance(value, str) or not value:
            self.fault(pointer, "Give the trait a name, such as total_spend_30d.", "required")
            return "trait"
        if not NAME.fullmatch(value):
            sentence = "A name has small letters, digits and _, begins with a letter, and has at most 64 characters."
            self.fault(pointer, sentence, "malformed")
        elif not self.is_stored and is_reserved(value):
            self.fault(pointer, f"“{value}” is a name of Stratum's own. Choose another one.", "reserved")
        return value

    def fn(self, fields: Mapping[str, Any], kind: Kind, pointer: str) -> Fn | None:
        if kind == "aggregation":
            return cast(Fn, self.choice(fields.get("fn"), f"{pointer}/fn", FNS))
        if fields.get("fn") is not None:
            self.fault(f"{pointer}/fn", "Only an aggregation has a function. Leave it out.", "not_applicable")
        return None

    def parts(self, fields: Mapping[str, Any], kind: Kind, pointer: str) -> tuple[EventPart, ...]:
        alone, together = ("event", "where", "window"), ("numerator", "denominator")
        for name in alone if kind == "ratio" else together:
            if fields.get(name) is not None:
                sentence = "A ratio has a numerator and a denominator, each with its own event."
                other = "Only a ratio has this. Leave it out."
                self.fault(f"{pointer}/{name}", sentence if kind == "ratio" else other, "not_applicable")
        if kind != "ratio":
            return (self.part(fields, pointer),)
        return tuple(
            self.part(self.fields(fields.get(name), f"{pointer}/{name}", PART_FIELDS), f"{pointer}/{name}")
            for name in together
        )

    def part(self, fields: Mapping[str, Any], pointer: str) -> EventPart:
        where = fields.get("where")
        return EventPart(
            events=self.events(fields.get("event"), f"{pointer}/event"),
            where=where,
            predicate=self.where(where, f"{pointer}/where"),
            window=parse_window(fields.get("window"), f"{pointer}/window", self),
        )

    def events(self, value: object, pointer: str) -> tuple[EventName, ...]:
        if isinstance(value, Mapping):
            text = self.fields(value, pointer, ("prefix",)).get("prefix")
            if isinstance(text, str) and text:
                return (Prefix(text),)
            self.fault(f"{pointer}/prefix", "Give the beginning of the event names.", "required")
            return ()
        names = value if isinstance(value, list) else [value]
        if value in (None, "", []):
            self.fault(pointer, "Choose an event, or “*” for any event.", "required")
            return ()
        if len(names) > MAX_EVENTS:
            self.fault(pointer, f"List at most {MAX_EVENTS} event names here.", "too_many")
            return ()
        if any(not isinstance(name, str) or not name.strip() or len(name) > MAX_PROPERTY for name in names):
            self.fault(pointer, f"An event name is text of at most {MAX_PROPERTY} characters.", "wrong_type")
            return ()
        if ANY_EVENT in names and len(names) > 1:
            self.fault(pointer, "“*” is already any event. Give it alone, or list the names without it.")
        return tuple(dict.fromkeys(names))

    def property_name(self, fields: Mapping[str, Any], kind: Kind, fn: Fn | None, pointer: str) -> str | None:
        value, here = fields.get("property"), f"{pointer}/property"
        if kind == "ratio":
            if value is not None:
                self.fault(
                    here, "A ratio divides numbers of events, not of a property. Leave it out.", "not_applicable"
                )
            return None
        if value is None or value == "":
            if fn != "count":
                self.fault(here, "Choose the property whose values are taken.", "required")
            return None
        if not isinstance(value, str) or len(value) > MAX_PROPERTY:
            self.fault(here, f"A property is named by text of at most {MAX_PROPERTY} characters.", "wrong_type")
            return None
        if value == TIMESTAMP and (kind not in ("first", "last", "aggregation") or fn in ("sum", "avg")):
            self.fault(here, "The time of an event can be counted, be the first or last one, the least or greatest.")
        return value

    def calculation(self, fields: Mapping[str, Any], kind: Kind, pointer: str) -> Calculation | None:
        value = fields.get("calculation")
        if value is None:
            return None
        if kind not in ("first", "last"):
            sentence = "Only first and last have an instant to reckon from. Leave it out."
            self.fault(f"{pointer}/calculation", sentence, "not_applicable")
            return None
        return cast(Calculation, self.choice(value, f"{pointer}/calculation", CALCULATIONS))

    def min_count(self, fields: Mapping[str, Any], kind: Kind, pointer: str) -> int:
        value = fields.get("min_count")
        if value is None:
            return 1
        if kind != "most_frequent":
            self.fault(f"{pointer}/min_count", "Only most_frequent has this. Leave it out.", "not_applicable")
        return self.whole(value, f"{pointer}/min_count", 1, MAX_MIN_COUNT)

    def tie(self, fields: Mapping[str, Any], kind: Kind, pointer: str) -> Tie:
        value = fields.get("tie")
        if value is None:
            return "alphabetical"
        if kind != "most_frequent":
            self.fault(f"{pointer}/tie", "Only most_frequent has this. Leave it out.", "not_applicable")
        return cast(Tie, self.choice(value, f"{pointer}/tie", TIES))

    def default(self, value: object, kind: Kind, fn: Fn | None, pointer: str) -> str | float | bool | None:
        if value is not None and (fn in ("count", "sum") or kind == "unique_count"):
            sentence = "Where nothing is counted, counts and sums are 0. Leave the default out."
            self.fault(pointer, sentence, "not_applicable")
            return None
        return self.scalar(value, pointer)

    def currency(self, value: object, pointer: str, is_money: bool) -> str | None:
        if value is None or value == "":
            return None
        if not is_money:
            self.fault(pointer, "Only sums, averages and extremes have a currency. Leave it out.", "not_applicable")
        if not isinstance(value, str) or not CURRENCY.fullmatch(value.upper()):
            self.fault(pointer, "Give a currency by its three letters, such as EUR.", "malformed")
            return None
        return value.upper()

    def frequency(self, fields: Mapping[str, Any], pointer: str) -> str:
        return self.choice(fields.get("frequency") or "realtime", f"{pointer}/frequency", FREQUENCIES)


def is_reserved(name: str) -> bool:
    """Names of system traits, of RFM's results, and of a profile's own fields."""
    return name in SYSTEM_NAMES or name in OWN_FIELDS or name.startswith("rfm_")
