"""A computed trait in one plain English sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdp.definitions.predicate_words import predicate_words
from cdp.definitions.traits import EventPart, TraitDefinition
from cdp.engine.events import ANY_EVENT, TIMESTAMP, EventName, Prefix

FREQUENCY = {
    "realtime": "Kept up to date as events arrive.",
    "hourly": "Computed anew every hour.",
    "daily": "Computed anew every day.",
}


def sentence(definition: TraitDefinition) -> str:
    """`The sum of revenue over purchase events in the last 30 days. Computed anew every day.`"""
    told = f"{_told(definition)}{_audience(definition)}."
    extras = " ".join(_extras(definition))
    return " ".join(filter(None, (told[0].upper() + told[1:], extras, FREQUENCY[definition.frequency])))


def _told(definition: TraitDefinition) -> str:
    if definition.kind == "ratio":
        top, bottom = (f"the number of {_events(part)}" for part in definition.parts)
        return f"{top}, divided by {bottom}"
    events = _events(definition.part)
    name = definition.property_name or ""
    match definition.kind, definition.fn:
        case "aggregation", "count":
            return f"the number of {events}" + (f" with a {name}" if name and name != TIMESTAMP else "")
        case "aggregation", fn:
            titles = {"sum": "the sum", "avg": "the average", "min": "the least", "max": "the greatest"}
            return f"{titles[fn or 'sum']} of {_taken(name)} over {events}"
        case "most_frequent", _:
            return f"the most frequent {name} of {events}"
        case "unique_count", _:
            return f"how many different {name} there are among {events}"
        case "unique_list", _:
            return f"every different {name} of {events}"
    return _end(definition, name)


def _end(definition: TraitDefinition, name: str) -> str:
    if name == TIMESTAMP:
        told = f"the {definition.kind} {_events(definition.part, 'event')}"
    else:
        told = f"the {definition.kind} {name} of {_events(definition.part)}"
    if definition.calculation:
        return f"{'days' if definition.calculation == 'DAYS_SINCE' else 'hours'} since {told}"
    return f"the time of {told}" if name == TIMESTAMP else told


def _taken(name: str) -> str:
    return "the time" if name == TIMESTAMP else name


def _events(part: EventPart, noun: str = "events") -> str:
    where = f" where {predicate_words(part.where)}" if part.where else ""
    window = f" {part.window.words()}" if part.window else ""
    return f"{event_words(part.events)} {noun}{where}{window}"


def event_words(events: Sequence[EventName]) -> str:
    if ANY_EVENT in events:
        return "any"
    return " or ".join(f"{event.text}…" if isinstance(event, Prefix) else event for event in events)


def _audience(definition: TraitDefinition) -> str:
    if definition.profile_filter is None:
        return ""
    return f", for profiles with {filter_words(definition.profile_filter.source)}"


def filter_words(node: Mapping[str, Any]) -> str:
    """A profile filter, read as the predicate it stands for."""
    return predicate_words(_as_predicate(node))


def _as_predicate(node: Mapping[str, Any]) -> dict[str, Any]:
    match node.get("type"):
        case "and" | "or":
            return {"type": node["type"], "children": [_as_predicate(child) for child in node["children"]]}
        case "not":
            return {"type": "not", "child": _as_predicate(node["child"])}
        case "profile_item":
            return {"type": "any_item", "property": _field(node["field"]), "where": node["where"]}
        case "profile":
            comparison = {key: node[key] for key in ("op", "value") if key in node}
            return {"property": _field(node["field"]), **comparison}
    return {"type": "all"}


def _field(name: str) -> str:
    return name.removeprefix("attributes.").removeprefix("traits.")


def _extras(definition: TraitDefinition) -> list[str]:
    told = []
    if definition.kind == "most_frequent":
        if definition.min_count > 1:
            told.append(f"It has to occur {definition.min_count:,} times.")
        if definition.tie == "most_recent":
            told.append("Of equally frequent ones the most recent counts.")
    if definition.currency:
        told.append(f"Only amounts in {definition.currency} are taken.")
    if definition.default is not None:
        told.append(f"Where there is none, it is {definition.default}.")
    return told
