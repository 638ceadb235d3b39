"""What is to be synchronised, how and when: read from a form or the API's body, with every fault at its place. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from integrations.pipedrive.fields import DIRECTIONS
from stratum.lib import problems
from stratum.lib.refusal import Fault, Invalid

OBJECTS = ("persons", "activities", "labels", "attribution", "deals")
SCHEDULES = ("realtime", "hourly", "daily")
DEAL_EVENTS = ("deal_won", "purchase")
MOST_EVENTS, MOST_LABELS, MOST_RATES = 20, 50, 30
LONGEST_EVENT = 200
MOST_ACTIVITIES = 5_000  # a day and event name: 25,000 tokens
CURRENCY = re.compile("[A-Z]{3}")
ACTIVITY_TYPE = re.compile("[a-z0-9_]{1,40}")


class Wrong(Exception):
    """What is wrong with one value; `place` is further down in it."""

    def __init__(self, sentence: str, code: str = "invalid", place: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.code, self.place = sentence, code, place


@dataclass(frozen=True, slots=True)
class ActivityEvent:
    """An event name whose events become activities of a type (Pipedrive's key, such as `task`)."""

    event: str
    type: str


def read_choices(body: object) -> dict[str, Any]:
    """Those that the body names, as values of their own types. Raises Invalid with all that is wrong."""
    if not isinstance(body, Mapping):
        raise Invalid([Fault("", "This must be a JSON object with the settings to change.", "wrong_type")])
    faults = [*problems.unknown_fields(body, READ), *problems.unstorable(body)]
    found: dict[str, Any] = {}
    for name in READ:
        if name not in body:
            continue
        try:
            found[name] = READ[name](body[name])
        except Wrong as wrong:
            faults.append(Fault(f"/{name}{wrong.place}", wrong.sentence, wrong.code))
    if faults:
        raise Invalid(faults)
    return found


def _objects(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Wrong(f"Give a list of {', '.join(OBJECTS)}.", "wrong_type")
    for place, one in enumerate(value):
        if one not in OBJECTS:
            raise Wrong(f"Choose among {', '.join(OBJECTS)}.", "unknown_choice", f"/{place}")
    chosen = [one for one in OBJECTS if one in value]
    if "persons" not in chosen and chosen:
        raise Wrong("Everything else hangs on persons: synchronise them too, or nothing.", "persons_missing")
    return chosen


def _choice(choices: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in choices:
            raise Wrong(f"Choose one of: {', '.join(choices)}.", "unknown_choice")
        return str(value)

    return read


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Wrong(f"Give a whole number from {least} to {most}.", "out_of_range")
        return value

    return read


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong("Write true or false.", "wrong_type")
    return value


def _segment(value: object) -> UUID | None:
    return None if value is None else _uuid(value)


def _uuid(value: object, place: str = "") -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise Wrong("This is no id of a segment.", "wrong_type", place) from None


def _labels(value: object) -> list[UUID]:
    if not isinstance(value, list):
        raise Wrong("Give a list of ids of segments.", "wrong_type")
    if len(value) > MOST_LABELS:
        raise Wrong(f"Choose at most {MOST_LABELS} segments.", "too_many")
    return list(dict.fromkeys(_uuid(one, f"/{place}") for place, one in enumerate(value)))


def _events(value: object) -> list[ActivityEvent]:
    if not isinstance(value, list):
        raise Wrong("Give a list of {event, type}.", "wrong_type")
    if len(value) > MOST_EVENTS:
        raise Wrong(f"Choose at most {MOST_EVENTS} events.", "too_many")
    found = [_event(one, f"/{place}") for place, one in enumerate(value)]
    names = [one.event for one in found]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise Wrong(f"“{name}” is chosen twice.", "taken", f"/{place}/event")
    return found


def _event(value: object, place: str) -> ActivityEvent:
    if not isinstance(value, Mapping) or set(value) - {"event", "type"}:
        raise Wrong("Each is an object with event and type.", "wrong_type", place)
    name, kind = value.get("event"), value.get("type", "task")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_EVENT:
        raise Wrong(f"Name an event with at most {LONGEST_EVENT} characters.", "required", f"{place}/event")
    if not isinstance(kind, str) or not ACTIVITY_TYPE.fullmatch(kind):
        raise Wrong("Choose a type of activity, such as task.", "unknown_choice", f"{place}/type")
    return ActivityEvent(name.strip(), kind)


def _rates(value: object) -> dict[str, str]:
    """What one unit of a foreign currency is worth in the workspace's, as text."""
    if not isinstance(value, Mapping) or len(value) > MOST_RATES:
        raise Wrong(f"Give at most {MOST_RATES} rates by currency, such as {{'USD': '0.92'}}.", "wrong_type")
    return dict(_rate_of(str(code), rate) for code, rate in value.items())


def _rate_of(code: str, rate: object) -> tuple[str, str]:
    place = f"/{problems.escape(code)}"
    if not CURRENCY.fullmatch(code):
        raise Wrong("Write the currency as three capital letters, such as USD.", "invalid", place)
    try:
        worth = Decimal(str(rate))
    except InvalidOperation:
        worth = Decimal(0)
    if not (worth.is_finite() and Decimal("0.000001") <= worth <= Decimal(1_000_000)):
        raise Wrong("Give what one unit is worth as a number above 0, such as 0.92.", "out_of_range", place)
    return code, format(worth.normalize(), "f")


READ: Mapping[str, Callable[[object], Any]] = {
    "objects": _objects,
    "direction": _choice(DIRECTIONS),
    "schedule": _choice(SCHEDULES),
    "segment": _segment,
    "activities": _events,
    "activity_cap": _whole(1, MOST_ACTIVITIES),
    "labels": _labels,
    "deal_event": _choice(DEAL_EVENTS),
    "counts_archived": _flag,
    "rates": _rates,
    "budget_share": _whole(1, 100),
}
