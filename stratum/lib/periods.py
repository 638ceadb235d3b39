"""Durations (ISO 8601 outside, whole microseconds inside) and periods between local dates of a workspace."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from stratum.lib import clock
from stratum.lib.refusal import Fault, Invalid

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

# Digits are capped so that no duration leaves 64 bits.
DURATION = re.compile(
    r"P(?=.)(?:(\d{1,6})W)?(?:(\d{1,7})D)?"
    r"(?:T(?=.)(?:(\d{1,8})H)?(?:(\d{1,9})M)?(?:(\d{1,10}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)
UNITS = (WEEK, DAY, HOUR, MINUTE)

# Far enough for every event, near enough that adding a day or a window never overflows.
EARLIEST = date(1970, 1, 2)
LATEST = date(2199, 12, 31)


def parse_duration(text: str) -> int:
    """Microseconds of `P7D`, `PT1H`, `P1DT12H`. Raises ValueError with a sentence.

    Months and years are refused: their length depends on the date.
    """
    found = DURATION.fullmatch(text)
    if found is None:
        raise ValueError(
            f"“{text[:40]}” is not a duration. Write it like P7D (7 days), PT1H (1 hour) or PT30M (30 minutes)."
        )
    *whole, seconds = found.groups()
    micros = sum(int(count) * unit for count, unit in zip(whole, UNITS, strict=True) if count)
    return micros + int(Decimal(seconds or 0) * SECOND)


def format_duration(micros: int) -> str:
    """The shortest usual ISO 8601 form: `P7D`, `PT1H30M`, `PT0.5S`."""
    days, rest = divmod(micros, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds = f"{Decimal(rest) / SECOND:f}".rstrip("0").rstrip(".") if rest % SECOND else str(rest // SECOND)
    clock_part = "".join(
        f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count not in {0, "0"}
    )
    text = (f"{days}D" if days else "") + (f"T{clock_part}" if clock_part else "")
    return f"P{text}" if text else "PT0S"


def duration_words(micros: int) -> str:
    """`7 days`, `1 day 12 hours`: for people."""
    names = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))
    parts = []
    for unit, name in names:
        count, micros = divmod(micros, unit)
        if count:
            parts.append(f"{count:,} {name}{'' if count == 1 else 's'}")
    return " ".join(parts) or "less than a second"


@dataclass(frozen=True, slots=True)
class Period:
    """The instants [start, end), both UTC; what people read is in `zone`."""

    start: datetime
    end: datetime
    zone: ZoneInfo

    @property
    def first_instant(self) -> datetime:
        return self.start.astimezone(self.zone)

    @property
    def last_instant(self) -> datetime:
        """The last microsecond inside, so that [first_instant, last_instant] reads as people mean it."""
        return (self.end - clock.MICROSECOND).astimezone(self.zone)

    @property
    def first_day(self) -> date:
        return self.first_instant.date()

    @property
    def last_day(self) -> date:
        return self.last_instant.date()

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1

    def covers(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def between_days(first: date, last: date, zone: ZoneInfo) -> Period:
    """Whole local days, both included."""
    return Period(start_of_day(first, zone), start_of_day(last + timedelta(days=1), zone), zone)


def last_days(days: int, now: datetime, zone: ZoneInfo) -> Period:
    """That many calendar days, today included."""
    today = now.astimezone(zone).date()
    return between_days(today - timedelta(days=days - 1), today, zone)


def parse_moment(text: str, zone: ZoneInfo) -> date | datetime:
    """A date, or an instant; a time without a zone is read in `zone`. Raises ValueError with a sentence."""
    try:
        moment = date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(_plus_restored(text))
    except ValueError:
        raise ValueError(
            f"“{text[:40]}” is not a date. Write it like 2026-01-31, or with a time and its zone: 2026-01-31T12:00:00Z."
        ) from None
    day = moment.date() if isinstance(moment, datetime) else moment
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"“{text[:40]}” is too far away. Choose a date between {EARLIEST} and {LATEST}.")
    if isinstance(moment, datetime) and moment.tzinfo is None:
        return moment.replace(tzinfo=zone)
    return moment


def _plus_restored(text: str) -> str:
    """A `+` typed into a query string arrives as a space."""
    return re.sub(r"^(.*T.*) (\d\d:?\d\d)$", r"\1+\2", text)


def parse_period(first: str, last: str, *, now: datetime, zone: ZoneInfo, days: int = 30) -> Period:
    """From two moments, each included; an empty one is filled so that the default is the last `days` days.

    A date means its whole local day. Raises Invalid with pointers `/from` and `/to`.
    """
    faults: list[Fault] = []
    begin = _moment(first, "/from", zone, faults)
    finish = _moment(last, "/to", zone, faults)
    if faults:
        raise Invalid(faults)
    if finish is None:
        finish = now.astimezone(zone).date()
    if begin is None:
        day = finish.astimezone(zone).date() if isinstance(finish, datetime) else finish
        begin = max(day - timedelta(days=days - 1), EARLIEST)
    period = Period(_opening(begin, zone), _closing(finish, zone), zone)
    if period.end <= period.start:
        raise Invalid(
            [Fault("/to", "The date range ends before it starts. Choose an end on or after the start.", "reversed")]
        )
    return period


def _moment(text: str, pointer: str, zone: ZoneInfo, faults: list[Fault]) -> date | datetime | None:
    if not text:
        return None
    try:
        return parse_moment(text, zone)
    except ValueError as error:
        faults.append(Fault(pointer, str(error)))
        return None


def _opening(moment: date | datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else start_of_day(moment, zone)


def _closing(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """The first instant after `moment`."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC) + clock.MICROSECOND
    return start_of_day(moment + timedelta(days=1), zone)
