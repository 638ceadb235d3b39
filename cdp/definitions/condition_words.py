"""A segment's condition in plain English, from the JSON that was found to be valid."""

from collections.abc import Iterator, Mapping
from typing import Any

from cdp.definitions.predicate_words import RANGES, predicate_words
from cdp.definitions.reading import Reading
from cdp.definitions.windows import parse_window
from cdp.engine.predicates import read_duration
from stratum.lib import periods

Names = Mapping[str, str]  # of other segments, by id
COUNTS = {
    "gt": "more than {}",
    "gte": "at least {}",
    "lt": "less than {}",
    "lte": "at most {}",
    "eq": "exactly {}",
    "neq": "any number but {}",
    "between": "{} to {}",
}
MEASURES = {
    "sum": "the sum of",
    "avg": "the average",
    "min": "the least",
    "max": "the greatest",
    "unique": "the number of different",
}


def sentence(node: Mapping[str, Any], names: Names | None = None) -> str:
    """`traits.total_spend is more than 500 and did not perform purchase in the last 90 days`."""
    return _words(node, names or {}, is_inside=False)


def lines(
    node: Mapping[str, Any], names: Names | None = None, path: str = "/condition", depth: int = 0
) -> Iterator[tuple[str, int, str]]:
    """Path, depth and words of each node in the order of writing, as a nested list shows it."""
    named = names or {}
    titles = {"and": "All of these", "or": "Any of these", "not": "Not"}
    yield path, depth, titles.get(node["type"]) or _words(node, named, is_inside=False)
    if node["type"] == "not":
        yield from lines(node["child"], named, f"{path}/child", depth + 1)
    for place, child in enumerate(node.get("children", ())):
        yield from lines(child, named, f"{path}/children/{place}", depth + 1)


def _words(node: Mapping[str, Any], names: Names, *, is_inside: bool) -> str:
    match node["type"]:
        case "and" | "or":
            joined = f" {node['type']} ".join(_words(child, names, is_inside=True) for child in node["children"])
            return f"({joined})" if is_inside and len(node["children"]) > 1 else joined
        case "not":
            return _without(node["child"], names)
        case "all":
            return "everybody"
        case "static":
            count = len(node["ids"])
            return f"one of {count:,} listed profiles" if count != 1 else "one listed profile"
        case "segment":
            return f"in the segment “{names.get(node['segment'], node['segment'])}”"
        case "profile":
            return predicate_words({**node, "type": None, "property": node["field"]})
        case "profile_item":
            return f"an item of {node['field']} with {predicate_words(node['where'])}"
        case "held":
            test = predicate_words({**node, "type": None, "property": node["field"]})
            length = COUNTS[node["for"]["op"]].format(_length(node["for"]["value"]))
            return f"{test} for {length}"
    return _of_events(node)


def _without(child: Mapping[str, Any], names: Names) -> str:
    if child["type"] == "event" and "op" not in child:
        return f"did not perform {_performed(child)}"
    inner = _words(child, names, is_inside=True)
    return f"not {inner}" if inner.startswith("(") else f"not ({inner})"


def _of_events(node: Mapping[str, Any]) -> str:
    match node["type"]:
        case "event":
            return _event(node)
        case "first_event":
            return f"performed {_events(node)} for the first time {_window(node['window'])}"
        case "last_event":
            return f"the last {_performed(node)} has {predicate_words(node['has'])}"
        case "regular":
            times = _times(node) if "op" in node else "at least once"
            span = f"in at least {node['at_least']} of the last {node['periods']} periods of {_length(node['per'])}"
            return f"performed {_events(node)} {times} {span}"
    return _sequence(node)


def _event(node: Mapping[str, Any]) -> str:
    measure = node.get("measure", {"fn": "count"})
    if measure["fn"] != "count":
        wanted = _count(node["op"], node["value"]) if "op" in node else "at least 1"
        return f"{MEASURES[measure['fn']]} {measure['property']} over {_performed(node)} is {wanted}"
    if "op" not in node:
        return f"performed {_performed(node)}"
    return f"performed {_events(node)} {' '.join(filter(None, (_times(node), _window(node.get('window')))))}"


def _times(node: Mapping[str, Any]) -> str:
    return f"{_count(node['op'], node['value'])} time{'' if node['value'] == 1 else 's'}"


def _count(op: str, value: Any) -> str:
    return COUNTS[op].format(*(f"{one:,}" for one in (value if op in RANGES else (value,))))


def _performed(node: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (_events(node), _window(node.get("window")))))


def _events(node: Mapping[str, Any]) -> str:
    event = node["event"]
    if isinstance(event, Mapping):
        told = f"an event that begins with {event['prefix']}"
    elif event == "*":
        told = "any event"
    else:
        told = event if isinstance(event, str) else " or ".join(event)
    return f"{told} where {predicate_words(node['where'])}" if node.get("where") else told


def _window(window: Any) -> str:
    read = parse_window(window, "", Reading())
    return "" if read is None else read.words()


def _sequence(node: Mapping[str, Any]) -> str:
    steps = [_events(node["steps"][0]), *(f"{_events(step)}{_gap(step.get('gap'))}" for step in node["steps"][1:])]
    told = f"performed {', then '.join(steps)}"
    ends = [_window(node.get("window")), f"all within {_length(node['total'])}" if node.get("total") else ""]
    without = [f"without {_events(one)} between {_place(one['between'])}" for one in node.get("exclude") or ()]
    return ", ".join([" ".join(filter(None, (told, *ends))), *without])


def _gap(gap: Mapping[str, str] | None) -> str:
    if not gap:
        return ""
    ends = (("min", "at least"), ("max", "at most"))
    words = [f"{told} {_length(gap[end])}" for end, told in ends if end in gap]
    return f" ({' and '.join(words)} later)"


def _place(between: list[int]) -> str:
    return f"steps {between[0] + 1} and {between[1] + 1}"


def _length(text: str) -> str:
    micros = read_duration(text)
    return text if micros is None else periods.duration_words(micros)
