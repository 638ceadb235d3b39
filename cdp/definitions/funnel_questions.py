"""What is asked of a funnel beside its definition: the range, and what replaces the definition's own settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from cdp.definitions import funnels
from cdp.definitions.funnels import Counting
from stratum.lib import periods, problems
from stratum.lib.periods import Period
from stratum.lib.refusal import Fault, Invalid

FIELDS = ("from", "to", "window", "counting")
# In the published interface, and not answered yet.
LATER = ("breakdown", "attribution", "limit", "segment", "compare")


@dataclass(frozen=True, slots=True)
class Question:
    """`window` (µs) and `counting` are None where the definition's own apply."""

    period: Period
    window: int | None = None
    counting: Counting | None = None


def parse_question(fields: Mapping[str, object], *, now: datetime, zone: ZoneInfo) -> Question:
    """Query parameters or members of a body, all optional. Raises Invalid with every fault."""
    faults = problems.unknown_fields(fields, FIELDS + LATER)
    faults += [_later(name) for name in LATER if fields.get(name) not in (None, "")]
    texts = {name: _text(fields, name, faults) for name in FIELDS}
    period, window, counting = periods.last_days(30, now, zone), None, None
    try:
        period = periods.parse_period(texts["from"], texts["to"], now=now, zone=zone)
    except Invalid as refused:
        faults += refused.faults
    try:
        window = funnels.parse_window(texts["window"], "/window") if texts["window"] else None
    except Invalid as refused:
        faults += refused.faults
    try:
        counting = funnels.parse_counting(texts["counting"], "/counting") if texts["counting"] else None
    except Invalid as refused:
        faults += refused.faults
    if faults:
        raise Invalid(faults)
    return Question(period, window, counting)


def _text(fields: Mapping[str, object], name: str, faults: list[Fault]) -> str:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    faults.append(Fault(f"/{name}", f"Write {name} as text.", "wrong_type"))
    return ""


def _later(name: str) -> Fault:
    sentence = f"This version of Stratum does not answer “{name}” for funnels yet. Leave it out."
    return Fault(f"/{name}", sentence, "not_supported")
