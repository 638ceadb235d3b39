"""A segment's condition read from the JSON of the segment grammar, with every fault named at its place."""

from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any
from uuid import UUID

from cdp.definitions import condition_events, condition_parts
from cdp.definitions.condition_fields import field_name, field_test
from cdp.definitions.conditions import (
    All,
    Both,
    Condition,
    Either,
    Held,
    InSegment,
    Neither,
    ProfileCondition,
    StaticList,
    leaves,
    weight,
)
from cdp.definitions.profile_filters import EVERYBODY
from cdp.definitions.reading import Reading
from cdp.engine.predicate_grammar import MAX_DEPTH, MAX_LEAVES
from cdp.engine.predicates import AnyItem
from stratum.lib.refusal import Invalid

GROUPS: tuple[str, ...] = ("and", "or", "not")
MOST_FAULTS = 20  # of one list: nobody reads two hundred thousand
LARGEST_ID = 2**63 - 1
MOST_IDS = 200_000


def parse_condition(raw: object, pointer: str = "/condition", zone: tzinfo = UTC) -> Condition:
    """`zone` is where dates without one are read. Raises Invalid with every fault of the condition at once."""
    reading = Reading(zone)
    condition = read_condition(raw, pointer, reading)
    if reading.faults:
        raise Invalid(reading.faults)
    return condition


def read_condition(raw: object, pointer: str, reading: Reading) -> Condition:
    """Faults go to the reading."""
    before = len(reading.faults)
    condition = _node(raw, pointer, reading, depth=1)
    if len(reading.faults) == before and sum(map(weight, leaves(condition))) > MAX_LEAVES:
        reading.fault(pointer, f"A condition can have at most {MAX_LEAVES} comparisons.", "too_many")
    return condition


def _node(raw: object, path: str, reading: Reading, depth: int) -> Condition:
    if not isinstance(raw, Mapping):
        reading.fault(path, 'A condition is an object, such as {"type": "event", "event": "purchase"}.', "wrong_type")
        return All(path)
    if depth > MAX_DEPTH:
        reading.fault(path, f"Conditions can be nested at most {MAX_DEPTH} levels deep.", "too_deep")
        return All(path)
    match raw.get("type"):
        case "and":
            return Both(path, _children(raw, path, reading, depth))
        case "or":
            return Either(path, _children(raw, path, reading, depth))
        case "not":
            fields = reading.fields(raw, path, ("type", "child"))
            return Neither(path, _node(fields.get("child"), f"{path}/child", reading, depth + 1))
        case str(kind) if kind in _READERS:
            return _READERS[kind](raw, path, reading)
    reading.fault(f"{path}/type", f"A condition is one of: {', '.join((*GROUPS, *_READERS))}.", "unknown_type")
    return All(path)


def _children(raw: Mapping[str, Any], path: str, reading: Reading, depth: int) -> tuple[Condition, ...]:
    children = reading.fields(raw, path, ("type", "children")).get("children")
    if not isinstance(children, list) or not children:
        reading.fault(f"{path}/children", "A group needs at least one condition.", "required")
        return ()
    return tuple(_node(child, f"{path}/children/{place}", reading, depth + 1) for place, child in enumerate(children))


def _all(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    reading.fields(raw, path, ("type",))
    return All(path)


def _static(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "ids"))
    return StaticList(path, read_ids(fields.get("ids"), f"{path}/ids", reading))


def read_ids(value: object, pointer: str, reading: Reading) -> tuple[int, ...]:
    """Profile numbers, written as numbers or as text."""
    if not isinstance(value, list):
        sentence = "List the numbers of the profiles; an empty list holds nobody."
        reading.fault(pointer, sentence, "required" if value is None else "wrong_type")
        return ()
    if len(value) > MOST_IDS:
        reading.fault(pointer, f"List at most {MOST_IDS:,} profiles.", "too_many")
        return ()
    numbers = [_number(each) for each in value]
    sentence = "A profile's number is a whole number, as the profiles API writes its id."
    wrong = (index for index, number in enumerate(numbers) if number is None)
    for _, index in zip(range(MOST_FAULTS), wrong, strict=False):
        reading.fault(f"{pointer}/{index}", sentence)
    return tuple(number for number in numbers if number is not None)


def _number(value: object) -> int | None:
    """None for what is no number of a profile. True is a number to Python, but to nobody else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    return value if type(value) is int and 0 <= value <= LARGEST_ID else None


def _segment(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "segment"))
    try:
        return InSegment(path, UUID(str(fields.get("segment"))))
    except ValueError:
        reading.fault(f"{path}/segment", "Name the other segment by its id, as the segments API writes it.")
        return All(path)


def _profile(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "field", "op", "value"))
    test = field_test(fields, path, reading)
    return All(path) if test is None else ProfileCondition(path, test)


def _item(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "field", "where"))
    name = field_name(fields.get("field"), f"{path}/field", reading)
    where = reading.where(fields.get("where") or {}, f"{path}/where")
    return ProfileCondition(path, AnyItem(name, where or EVERYBODY))


def _held(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "field", "op", "value", "for"))
    test = field_test(fields, path, reading, attributes_only=True)
    op, duration = condition_parts.held_for(fields.get("for"), f"{path}/for", reading)
    return All(path) if test is None else Held(path, test, op, duration)


_READERS: Mapping[str, Callable[[Mapping[str, Any], str, Reading], Condition]] = {
    "all": _all,
    "static": _static,
    "segment": _segment,
    "profile": _profile,
    "profile_item": _item,
    "event": condition_events.performed,
    "first_event": condition_events.first_performed,
    "last_event": condition_events.last_performed,
    "regular": condition_events.regularly_performed,
    "sequence": condition_events.sequence,
    "held": _held,
}
