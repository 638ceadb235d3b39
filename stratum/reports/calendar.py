"""When something regular is due: pure dates, read in a time zone."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FREQUENCIES = ("daily", "weekly", "monthly")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS_LOOKED_AT = 62  # two months hold at least one of any


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`weekday` counts from Monday, 0. A `day` that a month lacks is its last one."""

    frequency: str
    hour: int
    zone: ZoneInfo
    weekday: int = 0
    day: int = 1

    def next_after(self, instant: datetime) -> datetime:
        """The first due instant after `instant`. An hour that a clock change leaves out is the one after it."""
        first = instant.astimezone(self.zone).date()
        days = (first + timedelta(days=ahead) for ahead in range(DAYS_LOOKED_AT))
        due = (datetime.combine(day, time(self.hour), self.zone).astimezone(UTC) for day in days if self._meets(day))
        return next(one for one in due if one > instant)

    def missed(self, due: datetime, now: datetime) -> int:
        """How many more were due after `due` and until `now`."""
        count, following = 0, self.next_after(due)
        while following <= now and count < 1_000:
            count, following = count + 1, self.next_after(following)
        return count

    def _meets(self, day: date) -> bool:
        match self.frequency:
            case "weekly":
                return day.weekday() == self.weekday
            case "monthly":
                return day.day == min(self.day, monthrange(day.year, day.month)[1])
        return True

    def words(self) -> str:
        when = {"daily": "every day", "weekly": f"every {WEEKDAYS[self.weekday]}", "monthly": f"on day {self.day}"}
        each = " of each month" if self.frequency == "monthly" else ""
        return f"{when[self.frequency]}{each} at {self.hour:02}:00 {self.zone.key}"
