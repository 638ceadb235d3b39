"""Values in one spelling, so that equal ones compare equal on both sides. Pure.

Canonical values are JSON: text, numbers, lists, and {"value", "currency"} for money with the amount as text. None
stands for no value; empty texts and lists are none.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

LONGEST = 255  # characters of a varchar
LONGEST_TEXT = 65_000
PLAUSIBLE_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]{2,}")
DAY = re.compile(r"\d{4}-\d\d-\d\d")

# Decimals of the currencies that do not have two (ISO 4217).
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
DECIMALS = {**dict.fromkeys(_NONE.split(" "), 0), **dict.fromkeys(_THREE.split(" "), 3)}

Canonical = Any


def text(value: object, most: int = LONGEST) -> str | None:
    """Runs of blanks are one: Pipedrive trims and joins them as it likes."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        value = ", ".join(filter(None, (text(one) for one in value)))
    return " ".join(str(value).split())[:most].rstrip() or None


def name_part(value: object) -> str | None:
    return text(value) if isinstance(value, str) else None


def email(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    address = value.strip().lower()
    return address if PLAUSIBLE_EMAIL.fullmatch(address) else None


def phone(value: object, country: str) -> str | None:
    """E.164, or the digits as they are where they are no number of any country."""
    return _phone(value, country) if isinstance(value, str) and len(value) <= 60 else None


@lru_cache(maxsize=32_768)
def _phone(value: str, country: str) -> str | None:
    try:
        number = phonenumbers.parse(value, country.upper() or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def number(value: object) -> float | int | None:
    """A finite number; whole ones as int, so that 3 and 3.0 are one."""
    if isinstance(value, bool):
        return int(value)
    try:
        found = float(value) if isinstance(value, int | float | str | Decimal) else math.nan
    except ValueError:
        return None
    if not math.isfinite(found):
        return None
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def decimals(currency: str) -> int:
    return DECIMALS.get(currency, 2)


def money(value: object, currency: str) -> dict[str, str] | None:
    """To the decimals of its currency, half to even."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal) or not currency:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite():
        return None
    step = Decimal(1).scaleb(-decimals(currency))
    return {"value": format(amount.quantize(step, ROUND_HALF_EVEN), "f"), "currency": currency}


def day(value: object, zone: ZoneInfo) -> str | None:
    """The calendar day of an instant in a time zone; a plain date stays as it is."""
    if not isinstance(value, str):
        return None
    if DAY.fullmatch(value):
        return value
    try:
        instant = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return aware.astimezone(zone).date().isoformat()


def ids(values: Iterable[int]) -> list[int] | None:
    return sorted(set(values)) or None


def same(one: Canonical, other: Canonical) -> bool:
    """Numbers that agree to nine digits are equal: a float comes back shorter than it went."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)
