"""Who satisfies a condition, in the most obvious way: one person after the other, over plain lists.

An event is (micros, number, name, properties); everything else as counting.md words it. Windows are only those the
generator of histories uses.
"""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

DAY = 86_400_000_000
Event = tuple[int, int, str, dict[str, Any]]


@dataclass
class Person:
    events: list[Event] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)


def satisfies(node: dict[str, Any], person: Person, now: int) -> bool:
    match node["type"]:
        case "all":
            return True
        case "and":
            return all(satisfies(child, person, now) for child in node["children"])
        case "or":
            return any(satisfies(child, person, now) for child in node["children"])
        case "not":
            return not satisfies(node["child"], person, now)
        case "profile":
            return passes(node, person.attributes.get(node["field"].removeprefix("attributes.")))
        case "event":
            return performed(node, person, now)
        case "first_event":
            happened = [one for one in matching(node, person, now) if one[0] <= now]
            return bool(happened) and inside(min(happened)[0], node["window"], now)
        case "last_event":
            happened = [one for one in matching(node, person, now) if inside(one[0], node.get("window"), now)]
            return bool(happened) and passes(node["has"], max(happened)[3].get(node["has"]["property"]))
        case "regular":
            return regularly(node, person, now)
    assert node["type"] == "sequence"
    return in_sequence(node, person, now)


def passes(test: dict[str, Any], value: Any, wanted: Any = None) -> bool:
    """`wanted`: what a reference leads to; nothing compares with what is missing."""
    missing = value in (None, "", [], {})
    if not isinstance(test.get("value"), dict):
        wanted = test.get("value")
    elif wanted is None:
        return bool(test["op"] == "neq")
    match test["op"]:
        case "exists":
            return not missing
        case "not_exists":
            return missing
        case "eq":
            return not missing and value == wanted
        case "neq":
            return missing or value != wanted
        case "gt":
            return isinstance(value, int) and value > wanted
    assert test["op"] == "in"
    return not missing and value in wanted


def matching(node: dict[str, Any], person: Person, now: int, chain: tuple[Event, ...] = ()) -> list[Event]:
    """`chain`: the events that the steps took which it may be compared with."""
    names = node["event"] if isinstance(node["event"], list) else [node["event"]]
    where = node.get("where")
    return [
        one
        for one in person.events
        if one[0] <= now
        and ("*" in names or one[2] in names)
        and (where is None or passes(where, one[3].get(where["property"]), led_to(where, one, person, chain)))
    ]


def led_to(where: dict[str, Any], event: Event, person: Person, chain: tuple[Event, ...]) -> Any:
    if not isinstance(where.get("value"), dict):
        return None
    head, *path = where["value"]["ref"].split(".")
    if head == "attributes":
        return person.attributes.get(path[0])
    return event[3].get(path[0]) if head == "event" else chain[int(path[0])][3].get(path[1])


def inside(ts: int, window: dict[str, Any] | None, now: int) -> bool:
    if window is None:
        return True
    if "last" in window:
        return now - days(window["last"]) <= ts <= now
    if "before" in window:
        return ts < now - days(window["before"])
    first, second = map(days, window["between"])
    return now - first <= ts < now - second


def days(text: str) -> int:
    return int(text[1:-1]) * DAY


def compare(op: str, left: float, right: Any) -> bool:
    match op:
        case "gt":
            return left > right
        case "gte":
            return left >= right
        case "lt":
            return left < right
        case "lte":
            return left <= right
        case "eq":
            return left == right
        case "neq":
            return left != right
    return bool(right[0] <= left <= right[1])


def performed(node: dict[str, Any], person: Person, now: int) -> bool:
    found = [one for one in matching(node, person, now) if inside(one[0], node.get("window"), now)]
    measure = node.get("measure", {"fn": "count"})
    op, value = node.get("op", "gte"), node.get("value", 1)
    if measure["fn"] == "count":
        return compare(op, len(found), value)
    numbers = [one[3]["n"] for one in found if "n" in one[3]]
    if measure["fn"] == "sum":
        return compare(op, sum(numbers), value)
    if not numbers:
        return op == "neq"
    return compare(op, max(numbers), value)


def regularly(node: dict[str, Any], person: Person, now: int) -> bool:
    period, done = days(node["per"]), 0
    for k in range(node["periods"]):
        start, end = now - (k + 1) * period, now - k * period
        count = sum(start < one[0] <= end for one in matching(node, person, now))
        done += compare(node.get("op", "gte"), count, node.get("value", 1))
    return done >= node["at_least"]


def in_sequence(node: dict[str, Any], person: Person, now: int) -> bool:
    happened = [one for one in person.events if one[0] <= now and inside(one[0], node.get("window"), now)]
    return any(is_clean(chosen, node, person, now) for chosen in product(happened, repeat=len(node["steps"])))


def is_clean(chosen: tuple[Event, ...], node: dict[str, Any], person: Person, now: int) -> bool:
    if any(event not in matching(step, person, now, chosen) for step, event in zip(node["steps"], chosen, strict=True)):
        return False
    for place in range(1, len(chosen)):
        gap = node["steps"][place].get("gap", {})
        apart = chosen[place][0] - chosen[place - 1][0]
        if chosen[place][:2] <= chosen[place - 1][:2] or apart < days(gap.get("min", "P0D")):
            return False
        if "max" in gap and apart > days(gap["max"]):
            return False
    if "total" in node and chosen[-1][0] - chosen[0][0] > days(node["total"]):
        return False
    return not any(
        chosen[one["between"][0]][:2] < event[:2] < chosen[one["between"][1]][:2]
        for one in node.get("exclude", [])
        for event in matching(one, person, now, chosen)
    )
