"""When people of support are at their desks: pure arithmetic on the settings' words."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WORDS = re.compile(rf"({'|'.join(DAYS)})-({'|'.join(DAYS)}) (\d\d):(\d\d)-(\d\d):(\d\d) (\S+)")


@dataclass(frozen=True, slots=True)
class Hours:
    """`first` and `last` are weekdays, Monday is 0; hours are those of `zone`."""

    first: int
    last: int
    opens: time
    closes: time
    zone: ZoneInfo

    def is_open(self, now: datetime) -> bool:
        local = now.astimezone(self.zone)
        return self._works(local) and self.opens <= local.time() < self.closes

    def next_opening(self, now: datetime) -> datetime:
        """When support is there again, for a moment when it is not."""
        local = now.astimezone(self.zone)
        days = (local.date() + timedelta(days=ahead) for ahead in range(9))
        openings = (datetime.combine(day, self.opens, self.zone) for day in days)
        return next(opening for opening in openings if opening > local and self._works(opening))

    def _works(self, local: datetime) -> bool:
        return self.first <= local.weekday() <= self.last

    def __str__(self) -> str:
        return f"{DAYS[self.first]}–{DAYS[self.last]} {self.opens:%H:%M}–{self.closes:%H:%M} ({self.zone.key})"


def read(words: str) -> Hours:
    """From `Mon-Fri 09:00-17:00 Europe/Berlin`. Raises ValueError."""
    found = WORDS.fullmatch(words.strip())
    try:
        if found is None:
            raise ValueError
        first, last = DAYS.index(found[1]), DAYS.index(found[2])
        hours = Hours(
            first, last, time(int(found[3]), int(found[4])), time(int(found[5]), int(found[6])), ZoneInfo(found[7])
        )
    except (ValueError, ZoneInfoNotFoundError):
        raise ValueError(f"{words!r} are no business hours. Write them like Mon-Fri 09:00-17:00 UTC.") from None
    if first > last or hours.opens >= hours.closes:
        raise ValueError(f"{words!r} end before they begin.")
    return hours
