"""A segment's definition: read from the API's body with every fault named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from cdp.definitions.condition_reading import read_condition, read_ids
from cdp.definitions.conditions import Condition, StaticList
from cdp.definitions.funnels import MAX_DESCRIPTION, MAX_NAME, refuse_unstorable
from cdp.definitions.reading import Reading
from stratum.lib.refusal import Fault, Invalid

FIELDS = ("name", "description", "condition", "include_anonymous")


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    """A condition with its name: what a person saves. `source` is the condition as it was written."""

    name: str
    description: str
    condition: Condition
    source: Mapping[str, Any]
    include_anonymous: bool

    @property
    def ids(self) -> tuple[int, ...] | None:
        """Of a segment that is a static list; None for one with a condition, which is kept up to date."""
        return self.condition.ids if isinstance(self.condition, StaticList) else None


def parse_draft(body: object, pointer: str = "", zone: tzinfo = UTC) -> SegmentDraft:
    """Raises Invalid with every fault of the body at once."""
    refuse_unstorable(body, pointer)
    reading = Reading(zone)
    fields = reading.fields(body, pointer, FIELDS)
    name, description = _named(fields, pointer, reading)
    condition = _condition(fields.get("condition"), f"{pointer}/condition", reading)
    anonymous = fields.get("include_anonymous")
    is_static = isinstance(condition, StaticList)
    _refuse_leaving_out(anonymous, f"{pointer}/include_anonymous", reading, is_static=is_static)
    if reading.faults:
        raise Invalid(reading.faults)
    return SegmentDraft(name, description, condition, fields["condition"], is_static or anonymous is True)


def parse_named(name: object, description: object) -> tuple[str, str]:
    """A segment's name and description alone. Raises Invalid."""
    fields = {"name": name, "description": description}
    refuse_unstorable(fields)
    reading = Reading()
    named = _named(fields, "", reading)
    if reading.faults:
        raise Invalid(reading.faults)
    return named


def parse_ids(value: object, pointer: str) -> tuple[int, ...]:
    """Profile numbers, written as numbers or as text. Raises Invalid."""
    reading = Reading()
    ids = read_ids(value, pointer, reading)
    if reading.faults:
        raise Invalid(reading.faults)
    return ids


def static_json(ids: Sequence[int]) -> dict[str, Any]:
    """A static list as the grammar writes it."""
    return {"type": "static", "ids": [str(key) for key in ids]}


def _named(fields: Mapping[str, Any], pointer: str, reading: Reading) -> tuple[str, str]:
    faults = len(reading.faults)
    name = reading.text(fields, "name", pointer, MAX_NAME)
    if not name and len(reading.faults) == faults:
        reading.fault(f"{pointer}/name", "Give the segment a name.", "required")
    return name, reading.text(fields, "description", pointer, MAX_DESCRIPTION)


def _condition(value: object, pointer: str, reading: Reading) -> Condition:
    if value is None:
        sentence = 'Give the condition as an object, such as {"type": "event", "event": "purchase"}.'
        reading.faults.append(Fault(pointer, sentence, "required"))
        return StaticList(pointer, ())
    return read_condition(value, pointer, reading)


def _refuse_leaving_out(value: object, pointer: str, reading: Reading, *, is_static: bool) -> None:
    if value is False and is_static:
        sentence = "A static list holds exactly those it names, anonymous ones too. Leave this out or write true."
        reading.fault(pointer, sentence, "not_supported")
    elif value is not None and not isinstance(value, bool):
        reading.fault(pointer, "Write true, or leave this out.", "wrong_type")
