"""A segment's definition: read from the API's body with every fault named.

So far a segment is a static list; the other nodes of the grammar are named, and refused as not supported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdp.definitions.funnels import MAX_DESCRIPTION, MAX_NAME, refuse_unstorable
from stratum.lib import problems
from stratum.lib.refusal import Fault, Invalid

FIELDS = ("name", "description", "condition", "include_anonymous")
STATIC_FIELDS = ("type", "ids")
LATER = (
    *("and", "or", "not", "all", "segment", "profile", "profile_item", "event", "first_event", "last_event"),
    *("regular", "sequence", "held"),
)
LARGEST_ID = 2**63 - 1
MOST_FAULTS = 20  # of one list: nobody reads two hundred thousand


@dataclass(frozen=True, slots=True)
class StaticList:
    """Exactly these profiles, by their numbers, as given: a fault names the place."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    """A condition with its name: what a person saves."""

    name: str
    description: str
    condition: StaticList


def parse_draft(body: object, pointer: str = "") -> SegmentDraft:
    """Raises Invalid with every fault of the body at once."""
    refuse_unstorable(body, pointer)
    faults: list[Fault] = []
    fields = _object(body, pointer, FIELDS, faults)
    name, description = _named(fields, pointer, faults)
    condition = _condition(fields.get("condition"), f"{pointer}/condition", faults)
    _refuse_leaving_out(fields.get("include_anonymous"), f"{pointer}/include_anonymous", faults)
    if faults:
        raise Invalid(faults)
    return SegmentDraft(name, description, condition)


def parse_named(name: object, description: object) -> tuple[str, str]:
    """A segment's name and description alone. Raises Invalid."""
    fields = {"name": name, "description": description}
    refuse_unstorable(fields)
    faults: list[Fault] = []
    named = _named(fields, "", faults)
    if faults:
        raise Invalid(faults)
    return named


def parse_ids(value: object, pointer: str) -> tuple[int, ...]:
    """Profile numbers, written as numbers or as text. Raises Invalid."""
    faults: list[Fault] = []
    ids = _ids(value, pointer, faults)
    if faults:
        raise Invalid(faults)
    return ids


def static_json(ids: Sequence[int]) -> dict[str, Any]:
    """A static list as the grammar writes it."""
    return {"type": "static", "ids": [str(key) for key in ids]}


def _named(fields: Mapping[str, object], pointer: str, faults: list[Fault]) -> tuple[str, str]:
    name = _text(fields, "name", pointer, MAX_NAME, faults)
    if not name and all(fault.pointer != f"{pointer}/name" for fault in faults):
        faults.append(Fault(f"{pointer}/name", "Give the segment a name.", "required"))
    return name, _text(fields, "description", pointer, MAX_DESCRIPTION, faults)


def _condition(value: object, pointer: str, faults: list[Fault]) -> StaticList:
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind != "static":
        faults.append(_kind_fault(value, kind, pointer))
        return StaticList(())
    fields = _object(value, pointer, STATIC_FIELDS, faults)
    return StaticList(_ids(fields.get("ids"), f"{pointer}/ids", faults))


def _kind_fault(value: object, kind: object, pointer: str) -> Fault:
    if kind in LATER:
        sentence = f"“{kind}” conditions cannot be used yet. A segment can hold a static list of profiles for now."
        return Fault(f"{pointer}/type", sentence, "not_supported")
    if kind is not None:
        sentence = "There is no condition of this type. Write a static list: “type” is “static”."
        return Fault(f"{pointer}/type", sentence, "unknown_type")
    sentence = 'Give the condition as an object, such as {"type": "static", "ids": ["1000"]}.'
    return Fault(pointer, sentence, "required" if value is None else "wrong_type")


def _ids(value: object, pointer: str, faults: list[Fault]) -> tuple[int, ...]:
    if not isinstance(value, list):
        sentence = "List the numbers of the profiles; an empty list holds nobody."
        faults.append(Fault(pointer, sentence, "required" if value is None else "wrong_type"))
        return ()
    numbers = [_number(each) for each in value]
    sentence = "A profile's number is a whole number, as the profiles API writes its id."
    wrong = (index for index, number in enumerate(numbers) if number is None)
    faults += [Fault(f"{pointer}/{index}", sentence) for _, index in zip(range(MOST_FAULTS), wrong, strict=False)]
    return tuple(number for number in numbers if number is not None)


def _number(value: object) -> int | None:
    """None for what is no number of a profile. True is a number to Python, but to nobody else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    return value if type(value) is int and 0 <= value <= LARGEST_ID else None


def _refuse_leaving_out(value: object, pointer: str, faults: list[Fault]) -> None:
    if value is False:
        sentence = "A static list holds exactly those it names, anonymous ones too. Leave this out or write true."
        faults.append(Fault(pointer, sentence, "not_supported"))
    elif value not in (None, True) or type(value) is int:
        faults.append(Fault(pointer, "Write true, or leave this out.", "wrong_type"))


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
