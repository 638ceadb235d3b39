"""Questions about a condition that is not saved: tried, or explained for somebody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from uuid import UUID

from cdp.definitions.condition_reading import LARGEST_ID, read_condition
from cdp.definitions.conditions import Condition, StaticList
from cdp.definitions.funnels import refuse_unstorable
from cdp.definitions.reading import Reading
from stratum.lib.refusal import Fault, Invalid


@dataclass(frozen=True, slots=True)
class Question:
    """`source`: the condition as it was written."""

    condition: Condition
    source: Mapping[str, Any]
    include_anonymous: bool


def parse_question(body: object, known: Sequence[str], zone: tzinfo) -> Question:
    """Raises Invalid with every fault of the body at once. A static list always counts anonymous profiles too."""
    refuse_unstorable(body)
    reading = Reading(zone)
    fields = reading.fields(body, "", known)
    condition = read_condition(fields.get("condition"), "/condition", reading)
    anonymous = fields.get("include_anonymous", False)
    if not isinstance(anonymous, bool):
        reading.fault("/include_anonymous", "Write true or false.", "wrong_type")
    if reading.faults:
        raise Invalid(reading.faults)
    return Question(condition, fields["condition"], anonymous or isinstance(condition, StaticList))


def profile_in(body: Mapping[str, Any]) -> int:
    """The number of the profile that is asked about."""
    value = body.get("profile")
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    if type(value) is int and 0 <= value <= LARGEST_ID:
        return value
    sentence = "Name the profile by its number, as the profiles API writes its id."
    raise Invalid([Fault("/profile", sentence, "required" if value is None else "invalid")])


def segment_id_in(body: Mapping[str, Any]) -> UUID:
    extra = [name for name in body if name not in ("segment", "profile")]
    if extra:
        sentence = "Ask about a saved segment or about a condition, not about both."
        raise Invalid([Fault(f"/{extra[0]}", sentence, "not_applicable")])
    try:
        return UUID(str(body["segment"]))
    except ValueError as error:
        sentence = "Name the segment by its id, as the segments API writes it."
        raise Invalid([Fault("/segment", sentence)]) from error
