"""The parts that conditions about events share: names, filter, measure, comparison, gap."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Literal, cast, get_args

from cdp.definitions.reading import Reading
from cdp.definitions.windows import LONGEST
from cdp.engine.conditions import Compare, Measure
from cdp.engine.events import EventName, Prefix
from cdp.engine.predicate_grammar import Refs
from cdp.engine.predicates import Predicate, read_duration

MAX_EVENT = 200
MAX_EVENTS = 50
ORDERS = ("gt", "gte", "lt", "lte")


def names(value: object, pointer: str, reading: Reading) -> tuple[EventName, ...]:
    """One name, several, or all that begin alike."""
    if isinstance(value, Mapping):
        prefix = reading.fields(value, pointer, ("prefix",)).get("prefix")
        return (Prefix(_name(prefix, f"{pointer}/prefix", reading)),)
    if not isinstance(value, list):
        return (_name(value, pointer, reading),)
    if not 1 <= len(value) <= MAX_EVENTS:
        reading.fault(pointer, f"Name 1 to {MAX_EVENTS} events.", "required")
        return ("*",)
    return tuple(_name(one, f"{pointer}/{place}", reading) for place, one in enumerate(value))


def _name(value: object, pointer: str, reading: Reading) -> str:
    if isinstance(value, str) and value.strip() and len(value) <= MAX_EVENT:
        return value
    reading.fault(pointer, "Name the event, such as purchase, or * for any event.", "required")
    return "*"


def where(value: object, pointer: str, reading: Reading, steps: int = 0) -> Predicate | None:
    """`steps`: how many steps of a sequence came before."""
    return reading.where(value, pointer, refs=Refs(event=True, profile=True, steps=steps))


def measure(value: object, pointer: str, reading: Reading) -> tuple[Measure, str | None]:
    """What is compared: the number of events, or what a property of them comes to."""
    if value is None:
        return "count", None
    fields = reading.fields(value, pointer, ("fn", "property"))
    fn = cast(Measure, reading.choice(fields.get("fn"), f"{pointer}/fn", get_args(Measure)))
    prop = fields.get("property")
    if prop is not None and not (isinstance(prop, str) and prop):
        reading.fault(f"{pointer}/property", "Name the property as text.", "wrong_type")
    elif prop is None and fn != "count":
        reading.fault(f"{pointer}/property", f"Name the property whose {fn} is compared.", "required")
    return fn, prop if isinstance(prop, str) else None


def comparison(
    fields: Mapping[str, Any], pointer: str, reading: Reading
) -> tuple[Compare, float | tuple[float, float]]:
    """At least once where nothing is said."""
    op, value = fields.get("op"), fields.get("value")
    if op is None and value is None:
        return "gte", 1
    if op is None or value is None:
        name = "op" if op is None else "value"
        reading.fault(f"{pointer}/{name}", "Give both op and value, or leave both out for “at least once”.", "required")
        return "gte", 1
    chosen = cast(Compare, reading.choice(op, f"{pointer}/op", get_args(Compare)))
    if chosen == "between":
        return chosen, _range(value, f"{pointer}/value", reading)
    if not _is_number(value):
        reading.fault(f"{pointer}/value", "Give a number.", "wrong_type")
        return chosen, 1
    return chosen, value


def _range(value: object, pointer: str, reading: Reading) -> tuple[float, float]:
    if isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]:
        return value[0], value[1]
    reading.fault(pointer, "Give two numbers, the smaller one first, such as [2, 5].")
    return 0, 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def gap(value: object, pointer: str, reading: Reading) -> tuple[int, int | None]:
    """The least and the longest time since the step before, both inclusive."""
    if value is None:
        return 0, None
    fields = reading.fields(value, pointer, ("min", "max"))
    if not fields:
        reading.fault(pointer, "Give min, max or both.", "required")
        return 0, None
    low = _length(fields.get("min"), f"{pointer}/min", reading) or 0
    high = _length(fields.get("max"), f"{pointer}/max", reading)
    if high is not None and high < low:
        reading.fault(f"{pointer}/max", "The longest gap is shorter than the least. Choose a longer one.", "reversed")
    return low, high


def held_for(value: object, pointer: str, reading: Reading) -> tuple[Literal["gt", "gte", "lt", "lte"], int]:
    fields = reading.fields(value, pointer, ("op", "value"))
    op = cast(Literal["gt", "gte", "lt", "lte"], reading.choice(fields.get("op"), f"{pointer}/op", ORDERS))
    return op, _length(fields.get("value"), f"{pointer}/value", reading, required=True) or 0


def _length(value: object, pointer: str, reading: Reading, *, required: bool = False) -> int | None:
    """Microseconds, and other than for windows none is a length too."""
    if value is None and not required:
        return None
    micros = read_duration(value) if isinstance(value, str) else None
    if micros is None or micros > LONGEST:
        reading.fault(pointer, "Write a duration like P30D (30 days) or PT12H (12 hours), at most five years.")
    return micros
