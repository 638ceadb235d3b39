"""When an event has to lie to be counted: the windows of the segment grammar, for traits and segments alike.

Instants are microseconds since 1970 UTC. A window moves with the clock, so an event enters and leaves it without
anything happening: `leaves` and `enters` tell when, so that only those due have to be looked at again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from cdp.definitions.reading import Reading
from cdp.engine.arrays import Ints
from cdp.engine.events import BEGINNING, ENDLESS
from stratum.lib import clock, periods
from stratum.lib.periods import DAY

CALENDAR: tuple[str, ...] = (
    *("today", "yesterday", "this_week", "last_week"),
    *("this_month", "last_month", "this_year", "last_year"),
)
KINDS = ("last", "between", "before", "calendar", "from/to")
LONGEST = 5 * 366 * DAY
QUARTER = 15 * periods.MINUTE
UTC_ZONE = ZoneInfo("UTC")
NEXT = 1  # an event exactly at the inclusive end of a window leaves it a microsecond later


class Window(Protocol):
    """A range of time that depends on now."""

    def bounds(self, now: int, zone: ZoneInfo) -> tuple[int, int]:
        """[start, end) as it is now."""

    def leaves(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        """When events at `ts`, inside now, are outside; ENDLESS for never."""

    def enters(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        """When events at `ts`, not inside yet, will be; ENDLESS for never."""

    @property
    def is_waited_for(self) -> bool:
        """Whether an event that has happened may enter later."""

    @property
    def stays(self) -> bool:
        """Whether what is inside never leaves."""

    def to_json(self) -> dict[str, Any]: ...

    def words(self) -> str:
        """`in the last 30 days`."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last `duration`, now included; by whole local days, today included, when aligned."""

    duration: int
    by_day: bool = False
    is_waited_for = False
    stays = False

    def bounds(self, now: int, zone: ZoneInfo) -> tuple[int, int]:
        if not self.by_day:
            return now - self.duration, now + 1
        return _midnight(_day(now, zone) - timedelta(days=self.duration // DAY - 1), zone), now + 1

    def leaves(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        if not self.by_day:
            return ts + self.duration + NEXT
        return _by_day(ts, zone, lambda day: _midnight(day + timedelta(days=self.duration // DAY), zone))

    def enters(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        return _never(ts)

    def to_json(self) -> dict[str, Any]:
        written: dict[str, Any] = {"last": periods.format_duration(self.duration)}
        return written | ({"align": "day"} if self.by_day else {})

    def words(self) -> str:
        if self.by_day and self.duration == DAY:
            return "today"
        kind = " calendar days" if self.by_day else ""
        length = f"{self.duration // DAY:,}" if self.by_day else periods.duration_words(self.duration)
        return f"in the last {length}{kind}"


@dataclass(frozen=True, slots=True)
class Between:
    """From `first` ago, inclusive, to `second` ago, exclusive; `first` is longer."""

    first: int
    second: int
    is_waited_for = True
    stays = False

    def bounds(self, now: int, zone: ZoneInfo) -> tuple[int, int]:
        return now - self.first, now - self.second

    def leaves(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        return ts + self.first + NEXT

    def enters(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        return ts + self.second + NEXT

    def to_json(self) -> dict[str, Any]:
        return {"between": [periods.format_duration(self.first), periods.format_duration(self.second)]}

    def words(self) -> str:
        return f"between {periods.duration_words(self.first)} and {periods.duration_words(self.second)} ago"


@dataclass(frozen=True, slots=True)
class Before:
    """More than `duration` ago."""

    duration: int
    is_waited_for = True
    stays = True

    def bounds(self, now: int, zone: ZoneInfo) -> tuple[int, int]:
        return BEGINNING, now - self.duration

    def leaves(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        return _never(ts)

    def enters(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        return ts + self.duration + NEXT

    def to_json(self) -> dict[str, Any]:
        return {"before": periods.format_duration(self.duration)}

    def words(self) -> str:
        return f"more than {periods.duration_words(self.duration)} ago"


@dataclass(frozen=True, slots=True)
class OnCalendar:
    """A day, week (from Monday), month or year of the workspace's time zone."""

    name: str
    is_waited_for = True
    stays = False

    def bounds(self, now: int, zone: ZoneInfo) -> tuple[int, int]:
        which, unit = self.name.split("_") if "_" in self.name else _DAYS[self.name]
        begin = _BEGINS[unit](_day(now, zone))
        if which == "last":
            return _midnight(_BEGINS[unit](begin - timedelta(days=1)), zone), _midnight(begin, zone)
        return _midnight(begin, zone), _midnight(_following(begin, unit), zone)

    def leaves(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        return self._turns(ts, now, zone)

    def enters(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        return self._turns(ts, now, zone)

    def _turns(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        """Everything changes at once, when the present day, week, month or year ends."""
        _, unit = self.name.split("_") if "_" in self.name else _DAYS[self.name]
        turn = _midnight(_following(_BEGINS[unit](_day(now, zone)), unit), zone)
        return np.full(len(ts), turn, np.int64)

    def to_json(self) -> dict[str, Any]:
        return {"calendar": self.name}

    def words(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Absolute:
    """[start, end), either of them open."""

    start: int | None
    end: int | None
    written: tuple[str | None, str | None]
    is_waited_for = False
    stays = True

    def bounds(self, now: int, zone: ZoneInfo) -> tuple[int, int]:
        return BEGINNING if self.start is None else self.start, ENDLESS if self.end is None else self.end

    def leaves(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        return _never(ts)

    def enters(self, ts: Ints, now: int, zone: ZoneInfo) -> Ints:
        return _never(ts)

    def to_json(self) -> dict[str, Any]:
        return {name: text for name, text in zip(("from", "to"), self.written, strict=True) if text is not None}

    def words(self) -> str:
        begin, end = self.written
        return " ".join([*([f"from {begin}"] if begin else []), *([f"before {end}"] if end else [])])


_DAYS = {"today": ("this", "day"), "yesterday": ("last", "day")}
_BEGINS: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
_LONG_ENOUGH = {"day": 1, "week": 7, "month": 31, "year": 366}


def _following(begin: date, unit: str) -> date:
    """The first day of the next one."""
    return _BEGINS[unit](begin + timedelta(days=_LONG_ENOUGH[unit]))


def _day(micros: int, zone: ZoneInfo) -> date:
    return clock.from_micros(micros).astimezone(zone).date()


def _midnight(day: date, zone: ZoneInfo) -> int:
    return clock.to_micros(periods.start_of_day(day, zone))


def _never(ts: Ints) -> Ints:
    return np.full(len(ts), ENDLESS, np.int64)


def _by_day(ts: Ints, zone: ZoneInfo, at: Callable[[date], int]) -> Ints:
    """`at` of each one's local day. Days begin at some quarter of an hour of UTC; these are few, and events many."""
    quarters, place = np.unique(ts // QUARTER, return_inverse=True)
    days = [_day(quarter * QUARTER, zone) for quarter in quarters.tolist()]
    known = {day: at(day) for day in set(days)}
    answers: Ints = np.array([known[day] for day in days], np.int64)[place]
    return answers


def parse_window(value: object, pointer: str, reading: Reading) -> Window | None:
    """None where there is no window, which is all time; faults go to the reading."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value:
        sentence = 'Give a window such as {"last": "P30D"}, or null for all time.'
        reading.fault(pointer, sentence, "wrong_type")
        return None
    for kind, read in _READERS.items():
        if kind in value:
            return read(value, pointer, reading)
    if {"from", "to"} & set(value):
        return _absolute(value, pointer, reading)
    reading.fault(pointer, f"A window is one of: {', '.join(KINDS)}.", "unknown_choice")
    return None


def _last(value: Mapping[str, Any], pointer: str, reading: Reading) -> Window:
    fields = reading.fields(value, pointer, ("last", "align"))
    duration = reading.duration(fields.get("last"), f"{pointer}/last", LONGEST)
    by_day = reading.choice(fields.get("align", "rolling"), f"{pointer}/align", ("rolling", "day")) == "day"
    if by_day and duration % DAY:
        reading.fault(f"{pointer}/last", "Aligned to days, a window has whole days, such as P30D.")
    return Last(duration, by_day)


def _between(value: Mapping[str, Any], pointer: str, reading: Reading) -> Window | None:
    ends = reading.fields(value, pointer, ("between",)).get("between")
    if not (isinstance(ends, list) and len(ends) == 2):
        reading.fault(f"{pointer}/between", "Give two durations, the longer one first, such as [P60D, P30D].")
        return None
    before = len(reading.faults)
    first = reading.duration(ends[0], f"{pointer}/between/0", LONGEST)
    second = reading.duration(ends[1], f"{pointer}/between/1", LONGEST)
    if first <= second and len(reading.faults) == before:
        sentence = "This window ends before it starts. Give the longer duration first, such as [P60D, P30D]."
        reading.fault(f"{pointer}/between", sentence, "reversed")
    return Between(first, second)


def _before(value: Mapping[str, Any], pointer: str, reading: Reading) -> Window:
    fields = reading.fields(value, pointer, ("before",))
    return Before(reading.duration(fields.get("before"), f"{pointer}/before", LONGEST))


def _calendar(value: Mapping[str, Any], pointer: str, reading: Reading) -> Window:
    fields = reading.fields(value, pointer, ("calendar",))
    return OnCalendar(reading.choice(fields.get("calendar"), f"{pointer}/calendar", CALENDAR))


def _absolute(value: Mapping[str, Any], pointer: str, reading: Reading) -> Window:
    fields = reading.fields(value, pointer, ("from", "to"))
    start = _instant(fields.get("from"), f"{pointer}/from", reading)
    end = _instant(fields.get("to"), f"{pointer}/to", reading)
    if start is not None and end is not None and end <= start:
        reading.fault(f"{pointer}/to", "This window ends before it starts. Choose a later end.", "reversed")
    return Absolute(start, end, (fields.get("from"), fields.get("to")))


def _instant(value: object, pointer: str, reading: Reading) -> int | None:
    if value is None:
        return None
    zone = reading.zone if isinstance(reading.zone, ZoneInfo) else UTC_ZONE
    try:
        moment = periods.parse_moment(str(value), zone)
    except ValueError as error:
        reading.fault(pointer, str(error))
        return None
    return clock.to_micros(moment) if isinstance(moment, datetime) else _midnight(moment, zone)


_READERS: Mapping[str, Callable[[Mapping[str, Any], str, Reading], Window | None]] = {
    "last": _last,
    "between": _between,
    "before": _before,
    "calendar": _calendar,
}
