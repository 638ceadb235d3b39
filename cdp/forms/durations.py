"""Durations as two fields of a form, a count and its unit, to and from ISO 8601."""

import re
from decimal import Decimal

from stratum.lib import periods
from stratum.lib.refusal import Fault

UNITS = {"S": periods.SECOND, "M": periods.MINUTE, "H": periods.HOUR, "D": periods.DAY}
UNIT_WORDS = (("D", "days"), ("H", "hours"), ("M", "minutes"), ("S", "seconds"))
AMOUNT = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)


def split_duration(micros: int) -> tuple[str, str]:
    """Count and the largest unit that divides it: `("7", "D")`, `("36", "H")`, `("1.5", "S")`."""
    for unit, _ in UNIT_WORDS:
        if micros % UNITS[unit] == 0:
            return str(micros // UNITS[unit]), unit
    return f"{Decimal(micros) / periods.SECOND:f}", "S"


def duration(count: str, unit: str, pointer: str, faults: list[Fault]) -> str:
    """ISO 8601 of a count and a unit of the form; empty, with a fault, for what is none."""
    if unit in UNITS and AMOUNT.fullmatch(count.strip()):
        micros = Decimal(count.strip()) * UNITS[unit]
        if micros == int(micros):
            return periods.format_duration(int(micros))
    faults.append(Fault(pointer, "Write a number, such as 7, and choose its unit."))
    return ""
