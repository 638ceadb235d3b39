"""Whom a definition is about: conditions on what a profile is now, as the segment grammar writes them.

The nodes `and`, `or`, `not`, `all`, `profile` and `profile_item`. They are decided over one flat mapping of a profile's
fields (`attributes.plan`, `traits.total_spend`, `email`, …), with the law that event properties obey too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cdp.definitions.reading import Reading
from cdp.engine.predicate_grammar import MAX_DEPTH, MAX_LEAVES
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Not, Predicate, Ref, Test

OWN_FIELDS = (
    *("id", "user_id", "email", "phone", "first_name", "last_name"),
    *("lifecycle_stage", "created_at", "last_seen_at"),
)
PREFIXES = ("attributes.", "traits.")
EVERYBODY = AllOf(())


@dataclass(frozen=True, slots=True)
class ProfileFilter:
    """`source` as it was written; `predicate` over a profile's flat fields."""

    source: Mapping[str, Any]
    predicate: Predicate

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(fields_of(self.predicate))

    @property
    def traits(self) -> frozenset[str]:
        """The names of the traits that it asks about."""
        return frozenset(name.removeprefix("traits.") for name in self.fields if name.startswith("traits."))


def fields_of(predicate: Predicate) -> Iterator[str]:
    match predicate:
        case AllOf(children) | AnyOf(children):
            for child in children:
                yield from fields_of(child)
        case Not(child):
            yield from fields_of(child)
        case Test(name, _, Ref(other)):
            yield from (name, other)
        case AnyItem(name) | Test(name):
            yield name


def parse_filter(value: object, pointer: str, reading: Reading) -> ProfileFilter | None:
    """None where everybody is meant; faults go to the reading."""
    if value is None:
        return None
    before = len(reading.faults)
    predicate = _node(value, pointer, reading, depth=1)
    if len(reading.faults) > before or not isinstance(value, Mapping):
        return None
    if len(list(fields_of(predicate))) > MAX_LEAVES:
        reading.fault(pointer, f"A filter can have at most {MAX_LEAVES} comparisons.", "too_many")
    return ProfileFilter(value, predicate)


def _node(value: object, pointer: str, reading: Reading, depth: int) -> Predicate:
    if not isinstance(value, Mapping):
        reading.fault(pointer, "A condition must be an object.", "wrong_type")
        return EVERYBODY
    if depth > MAX_DEPTH:
        reading.fault(pointer, f"Conditions can be nested at most {MAX_DEPTH} levels deep.", "too_deep")
        return EVERYBODY
    match value.get("type"):
        case "and":
            return AllOf(_children(value, pointer, reading, depth))
        case "or":
            return AnyOf(_children(value, pointer, reading, depth))
        case "not":
            fields = reading.fields(value, pointer, ("type", "child"))
            return Not(_node(fields.get("child"), f"{pointer}/child", reading, depth + 1))
        case "all":
            reading.fields(value, pointer, ("type",))
            return EVERYBODY
        case "profile":
            return _test(value, pointer, reading)
        case "profile_item":
            return _item(value, pointer, reading)
    sentence = "Here a condition is one of: and, or, not, all, profile, profile_item."
    reading.fault(f"{pointer}/type", sentence, "unknown_choice")
    return EVERYBODY


def _children(value: Mapping[str, Any], pointer: str, reading: Reading, depth: int) -> tuple[Predicate, ...]:
    children = reading.fields(value, pointer, ("type", "children")).get("children")
    if not isinstance(children, list) or not children:
        reading.fault(f"{pointer}/children", "A group needs at least one condition.", "required")
        return ()
    return tuple(
        _node(child, f"{pointer}/children/{index}", reading, depth + 1) for index, child in enumerate(children)
    )


def _test(value: Mapping[str, Any], pointer: str, reading: Reading) -> Predicate:
    fields = reading.fields(value, pointer, ("type", "field", "op", "value"))
    name = _field(fields.get("field"), f"{pointer}/field", reading)
    comparison = {key: fields[key] for key in ("op", "value") if key in fields}
    return reading.where({"property": name, **comparison}, pointer) or EVERYBODY


def _item(value: Mapping[str, Any], pointer: str, reading: Reading) -> Predicate:
    fields = reading.fields(value, pointer, ("type", "field", "where"))
    name = _field(fields.get("field"), f"{pointer}/field", reading)
    where = reading.where(fields.get("where") or {}, f"{pointer}/where")
    return AnyItem(name, where or EVERYBODY)


def _field(value: object, pointer: str, reading: Reading) -> str:
    if isinstance(value, str) and (value in OWN_FIELDS or is_prefixed(value, PREFIXES)):
        return value
    known = f"attributes.<name>, traits.<name>, {', '.join(OWN_FIELDS)}"
    reading.fault(pointer, f"Choose a profile field: {known}.", "unknown_field")
    return "id"


def is_prefixed(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name.startswith(prefix) and len(name) > len(prefix) for prefix in prefixes)
