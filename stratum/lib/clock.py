"""The only room that reads the wall clock. Surfaces call `now()` once and hand it down."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def now() -> datetime:
    return datetime.now(UTC)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 UTC, exactly (a float would lose some)."""
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
