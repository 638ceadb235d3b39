"""The conditions about events read from JSON: how often, the first, the last, regularly, in sequence."""

from collections.abc import Mapping
from typing import Any

from cdp.definitions import condition_parts as parts
from cdp.definitions.conditions import (
    All,
    Condition,
    Exclusion,
    FirstPerformed,
    LastPerformed,
    Performance,
    Performed,
    RegularlyPerformed,
    Sequence,
    step_refs,
)
from cdp.definitions.reading import Reading
from cdp.definitions.windows import LONGEST, parse_window

MOST_STEP_REFS = 3


def performed(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    known = ("type", "event", "where", "window", "measure", "op", "value")
    fields = reading.fields(raw, path, known)
    measure, prop = parts.measure(fields.get("measure"), f"{path}/measure", reading)
    op, value = parts.comparison(fields, path, reading)
    return Performed(
        path,
        parts.names(fields.get("event"), f"{path}/event", reading),
        parts.where(fields.get("where"), f"{path}/where", reading),
        parse_window(fields.get("window"), f"{path}/window", reading),
        measure,
        prop,
        op,
        value,
    )


def first_performed(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "event", "where", "window"))
    window = parse_window(fields.get("window"), f"{path}/window", reading)
    if window is None:
        sentence = 'Say when the first one was, such as {"last": "P30D"}.'
        reading.fault(f"{path}/window", sentence, "required")
        return All(path)
    names = parts.names(fields.get("event"), f"{path}/event", reading)
    return FirstPerformed(path, names, parts.where(fields.get("where"), f"{path}/where", reading), window)


def last_performed(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "event", "where", "window", "has"))
    has = parts.where(fields.get("has"), f"{path}/has", reading)
    if has is None:
        reading.fault(f"{path}/has", "Say what the last one must have, as a property filter.", "required")
        return All(path)
    return LastPerformed(
        path,
        parts.names(fields.get("event"), f"{path}/event", reading),
        parts.where(fields.get("where"), f"{path}/where", reading),
        parse_window(fields.get("window"), f"{path}/window", reading),
        has,
    )


def regularly_performed(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    known = ("type", "event", "where", "per", "periods", "at_least", "op", "value")
    fields = reading.fields(raw, path, known)
    periods = reading.whole(fields.get("periods"), f"{path}/periods", 1, 60)
    at_least = reading.whole(fields.get("at_least"), f"{path}/at_least", 1, 60)
    if at_least > periods:
        sentence = f"There are only {periods} periods. Choose at most {periods}."
        reading.fault(f"{path}/at_least", sentence, "out_of_range")
    op, value = parts.comparison(fields, path, reading)
    return RegularlyPerformed(
        path,
        parts.names(fields.get("event"), f"{path}/event", reading),
        parts.where(fields.get("where"), f"{path}/where", reading),
        reading.duration(fields.get("per"), f"{path}/per", LONGEST),
        periods,
        at_least,
        op,
        value,
    )


def sequence(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "window", "total", "steps", "exclude"))
    steps = _steps(fields.get("steps"), f"{path}/steps", reading)
    total = None if fields.get("total") is None else reading.duration(fields["total"], f"{path}/total", LONGEST)
    window = parse_window(fields.get("window"), f"{path}/window", reading)
    exclusions = _exclusions(fields.get("exclude"), f"{path}/exclude", steps, reading)
    found = Sequence(path, steps, window, total, exclusions)
    if len(step_refs(found)) > MOST_STEP_REFS:
        sentence = f"A sequence can compare with at most {MOST_STEP_REFS} properties of earlier steps."
        reading.fault(f"{path}/steps", sentence, "too_many")
    return found


def _steps(value: object, pointer: str, reading: Reading) -> tuple[Performance, ...]:
    if not isinstance(value, list) or not 2 <= len(value) <= 10:
        reading.fault(pointer, "A sequence has 2 to 10 steps.", "required")
        return ()
    return tuple(_step(one, f"{pointer}/{place}", place, reading) for place, one in enumerate(value))


def _step(value: object, pointer: str, place: int, reading: Reading) -> Performance:
    fields = reading.fields(value, pointer, ("event", "where", "gap"))
    low, high = parts.gap(fields.get("gap"), f"{pointer}/gap", reading)
    if place == 0 and fields.get("gap") is not None:
        reading.fault(f"{pointer}/gap", "The first step has no step before it. Leave its gap out.")
    names = parts.names(fields.get("event"), f"{pointer}/event", reading)
    where = parts.where(fields.get("where"), f"{pointer}/where", reading, steps=place)
    return Performance(names, where, low, high)


def _exclusions(value: object, pointer: str, steps: tuple[Performance, ...], reading: Reading) -> tuple[Exclusion, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        reading.fault(pointer, "List the events that must not happen between two steps.", "wrong_type")
        return ()
    return tuple(_exclusion(one, f"{pointer}/{place}", len(steps), reading) for place, one in enumerate(value))


def _exclusion(value: object, pointer: str, steps: int, reading: Reading) -> Exclusion:
    fields = reading.fields(value, pointer, ("event", "where", "between"))
    between: Any = fields.get("between")
    is_pair = isinstance(between, list) and len(between) == 2 and all(type(one) is int for one in between)
    after, before = between if is_pair else (0, 1)
    if not is_pair or not 0 <= after < before < max(steps, 2):
        sentence = f"Give two steps in their order, from 0 to {max(steps, 2) - 1}, such as [0, 1]."
        reading.fault(f"{pointer}/between", sentence, "out_of_range")
    names = parts.names(fields.get("event"), f"{pointer}/event", reading)
    where = parts.where(fields.get("where"), f"{pointer}/where", reading, steps=after + 1)
    return Exclusion(names, where, after, before)
