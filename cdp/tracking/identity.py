"""By what a message says who somebody is. Deterministic: a value either links or it does not."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import phonenumbers

from cdp.tracking.messages import Unreadable

LONGEST_ID = 255
LONGEST_EMAIL = 254  # RFC 5321
LONGEST_TYPE = 64
LONGEST_PHONE = 40
EXACT_BELOW = 2.0**53  # from here on different whole numbers are one float

QUOTES = " \t\r\n\"'`\\\u201c\u201d\u2018\u2019"
PLAUSIBLE_EMAIL = re.compile(r"[^@\s,;:<>()\[\]\"\\]+@[^@\s,;:<>()\[\]\"\\]+\.[^@\s.,;:<>()\[\]\"\\]{2,}")

# What programs write where an id is missing. One such value shared by strangers would make them one person.
BLOCKED = frozenset(
    {
        *("", "null", "(null)", "<null>", "none", "nil", "undefined", "void", "void 0", "n/a", "-", "[]", "{}"),
        *("0", "-0", "0.0", "-1", "nan", "infinity", "-infinity", "true", "false", "[object object]"),
        *("anonymous", "anon", "guest", "unknown", "not_authenticated", "not set", "(not set)", "not_set"),
        *("id", "uid", "userid", "user_id", "user id", "distinctid", "distinct_id", "anonymousid", "anonymous_id"),
        *("email", "00000000-0000-0000-0000-000000000000"),
    }
)


def is_blocked(value: str) -> bool:
    """Whether `value` never links, in any case or quoting."""
    return value.strip(QUOTES).casefold() in BLOCKED


def read_id(value: object, field: str) -> str | None:
    """An id as text, None when it is missing or blocked. Raises Unreadable when it is none or too long."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else _number(value, field)
    if len(text) > LONGEST_ID:
        raise Unreadable("id_too_long", f"{field} has {len(text):,} characters; send at most {LONGEST_ID}.")
    return None if is_blocked(text) else text


def identifiers(
    *,
    user_id: str | None,
    anonymous_id: str | None,
    person: dict[str, Any],
    context: dict[str, Any],
    default_country: str,
) -> tuple[tuple[str, str], ...]:
    """The (kind, value) pairs that link, strongest first. `person` holds the person's traits."""
    found: list[tuple[str, str]] = []
    if user_id:
        found.append(("user_id", user_id))
    if person:
        if email := read_email(person.get("email")):
            found.append(("email", email))
        if phone := read_phone(person.get("phone"), default_country):
            found.append(("phone", phone))
    if "externalIds" in context or "externalId" in context:
        found.extend(dict.fromkeys(_external_ids(context)))
    if anonymous_id:
        found.append(("anonymous_id", anonymous_id))
    return tuple(found)


def read_email(value: object) -> str | None:
    """The address in lower case, None when it is no plausible one."""
    if not isinstance(value, str) or len(value) > LONGEST_EMAIL:
        return None
    address = value.strip().lower()
    return address if PLAUSIBLE_EMAIL.fullmatch(address) else None


def read_phone(value: object, default_country: str) -> str | None:
    """The number in E.164, None when it is no valid one.

    A JSON number has lost its plus or zero, so nobody knows whose it is: 4155552671 is in California or Switzerland.
    """
    return _phone(value, default_country) if isinstance(value, str) and len(value) <= LONGEST_PHONE else None


@lru_cache(maxsize=32_768)
def _phone(text: str, default_country: str) -> str | None:
    try:
        number = phonenumbers.parse(text, default_country.upper() or None)
    except phonenumbers.NumberParseException:
        return None
    # Behind one switchboard number stand many people: an extension would be lost in E.164.
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _number(value: object, field: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable("invalid_id", f"{field} must be text or a number.")
    if isinstance(value, int):
        return str(value)
    if abs(value) >= EXACT_BELOW:
        raise Unreadable("invalid_id", f"{field} is a number too large to be exact; send it as text.")
    return str(int(value)) if value.is_integer() else str(value)


def _external_ids(context: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Segment's `externalIds` and Rudder's `externalId`: lists of {id, type}; those of companies are left out."""
    for field in ("externalIds", "externalId"):
        entries = context.get(field)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("collection", "users") == "users":
                yield from _external_id(entry.get("type"), entry.get("id"))


def _external_id(kind: object, value: object) -> Iterator[tuple[str, str]]:
    if not isinstance(kind, str) or not 0 < len(kind.strip()) <= LONGEST_TYPE:
        return
    try:
        text = read_id(value, "id")
    except Unreadable:
        return
    if text:
        yield f"external:{kind.strip()}", text
