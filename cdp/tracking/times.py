"""When an event happened: reading what senders call a time, and choosing between their clock and ours."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from cdp.tracking.messages import Unreadable

LARGEST_SKEW = timedelta(seconds=60)
FARTHEST_FUTURE = timedelta(hours=1)
SECONDS_BELOW = 1e11  # as seconds the year 5138, as milliseconds 1973
MILLISECONDS_BELOW = 1e14

LONGEST_TEXT = 100
EPOCH_TEXT = re.compile(r"-?\d{9,13}(\.\d+)?", re.ASCII)
# What Ruby and Go print: "2026-05-01 12:00:00 UTC", "2026-05-01 12:00:00.5 +0000 UTC".
SPACED = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?)\s*([+-]\d\d:?\d\d)?\s*(UTC|GMT)?", re.ASCII)
# What JavaScript prints: "Fri May 01 2026 12:00:00 GMT+0200 (Central European Summer Time)".
SCRIPTED = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d) GMT([+-]\d{4})(?: \(.*\))?", re.ASCII)


def read_instant(value: object) -> tuple[datetime | None, bool]:
    """The instant in UTC, None for a missing one, and whether it was naive (then UTC). Raises ValueError."""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise ValueError("not a time")
        return _read_text(value) if value else (None, False)
    if value is None:
        return None, False
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a time")
    return _read_epoch(value), False


def settle_time(
    own: datetime | None,
    original: datetime | None,
    *,
    sent_at: datetime | None,
    received_at: datetime,
    client_side: bool,
    retention_days: int,
) -> tuple[datetime, tuple[str, ...]]:
    """The time by which an event counts, and what was done about it.

    `own` is the event's time as its sender tells it, `original` the device's clock when it happened (often the same).
    """
    ts = own or received_at
    flags: tuple[str, ...] = ()
    if client_side and sent_at and original and abs(received_at - sent_at) > LARGEST_SKEW:
        ts, flags = _corrected(original, received_at - sent_at), ("skew_corrected",)
    if ts - received_at > FARTHEST_FUTURE:
        return received_at, (*flags, "future_time")
    if (received_at - ts).total_seconds() > retention_days * 86_400:
        raise Unreadable(
            "too_old",
            f"The event is of {ts:%Y-%m-%d}, but events are kept for {retention_days} days; send newer ones.",
        )
    return ts, flags


def _corrected(original: datetime, skew: timedelta) -> datetime:
    try:
        return original + skew
    except OverflowError:
        raise Unreadable("invalid_timestamp", "The device's clock is too far off to be corrected; set it.") from None


def _read_text(text: str) -> tuple[datetime, bool]:
    # Thirteen digits would pass as an ISO date without separators: an epoch has to be looked for first.
    if text[4:5] != "-" and EPOCH_TEXT.fullmatch(text):
        return _read_epoch(float(text)), False
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = _read_unusual(text.strip())
    if instant.tzinfo is UTC:
        return instant, False
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC), True
    return _in_utc(instant), False


def _read_unusual(text: str) -> datetime:
    """Spellings beside ISO 8601 that programs print without being asked, and those of mail and HTTP headers."""
    if spaced := SPACED.fullmatch(text):
        clock, offset, utc = spaced.groups()
        return datetime.fromisoformat(clock + (offset or ("Z" if utc else "")))
    if scripted := SCRIPTED.fullmatch(text):
        return datetime.strptime(" ".join(scripted.groups()), "%b %d %Y %H:%M:%S %z")
    try:
        return parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        raise ValueError("not a time") from None


def _read_epoch(number: float) -> datetime:
    size = abs(number)
    if not size < MILLISECONDS_BELOW:
        raise ValueError("neither seconds nor milliseconds since 1970")
    try:
        return datetime.fromtimestamp(number if size < SECONDS_BELOW else number / 1000, UTC)
    except (OverflowError, OSError):
        raise ValueError("outside the calendar") from None


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the calendar") from None
