"""When people come: hours, weekdays, growth, a sale weekend, and the week in which mobile checkout broke."""

from bisect import bisect
from datetime import datetime, timedelta
from itertools import accumulate

from cdp.demo.dice import roll

DAYS = 180
MARGIN = timedelta(hours=6)  # the first event lies this far inside a retention of 180 days
HOUR = 3_600_000  # ms
DAY = 24 * HOUR
SHOP_OFFSET = timedelta(hours=-5)  # the shop's customers live around New York's time

# Share of a day's visits per local hour, from midnight.
_HOURS = (9, 5, 3, 2, 2, 4, 10, 20, 31, 38, 44, 47, 52, 49, 46, 44, 45, 50, 57, 68, 78, 76, 56, 27)
_WEEKDAYS = (0.94, 0.96, 1.0, 0.98, 0.9, 1.08, 1.24)  # from Monday
GROWTH = 0.3  # over the whole time
PEAK_TRAFFIC = 2.7
PEAK_DAYS_BEFORE = 45  # the sale is the weekend, Friday to Monday, nearest before
BROKEN_FROM, BROKEN_TO = 21, 14  # days before the end


class Seasons:
    """The time line of `DAYS` days before `until`, in ms since 1970 (UTC), and how busy each hour of it is."""

    def __init__(self, seed: int, until: datetime) -> None:
        self.end = int(until.timestamp()) * 1000
        self.start = self.end - DAYS * DAY + int(MARGIN.total_seconds()) * 1000
        self._midnight = self.end - _since_midnight(until + SHOP_OFFSET)
        self.peak = self._sale_weekend(until + SHOP_OFFSET)
        self.broken = (self.local_hour(BROKEN_FROM, 0), self.local_hour(BROKEN_TO, 0))
        self._busy = [0.0, *accumulate(self._hours(seed, until))]

    def draw(self, u: float, after: int, before: int) -> int:
        """A moment in [after, before), likelier in busy hours."""
        low, high = self._busy_at(max(after, self.start)), self._busy_at(min(before, self.end))
        target = low + u * (high - low)
        hour = min(bisect(self._busy, target) - 1, len(self._busy) - 2)
        within = (target - self._busy[hour]) / (self._busy[hour + 1] - self._busy[hour])
        return self.start + int((hour + within) * HOUR)

    def days_before_end(self, days: float) -> int:
        return self.end - int(days * DAY)

    def is_peak(self, at: int) -> bool:
        return self.peak[0] <= at < self.peak[1]

    def is_broken(self, at: int) -> bool:
        return self.broken[0] <= at < self.broken[1]

    def local_hour(self, days_before: int, hour: int) -> int:
        """`hour` o'clock of the shop's day that began `days_before` days before the last one."""
        return self._midnight - days_before * DAY + hour * HOUR

    def _busy_at(self, at: int) -> float:
        hours, rest = divmod(max(0, at - self.start), HOUR)
        hour = min(int(hours), len(self._busy) - 2)
        return self._busy[hour] + (self._busy[hour + 1] - self._busy[hour]) * min(1.0, rest / HOUR)

    def _sale_weekend(self, local: datetime) -> tuple[int, int]:
        since_friday = (local.weekday() - 4 - PEAK_DAYS_BEFORE) % 7
        friday = self.local_hour(PEAK_DAYS_BEFORE + since_friday, 0)
        return friday, friday + 4 * DAY

    def _hours(self, seed: int, until: datetime) -> list[float]:
        chance = roll(f"{seed} weather")
        count = -(-(self.end - self.start) // HOUR)
        first = until - timedelta(hours=count) + SHOP_OFFSET
        weather = [0.9 + 0.2 * chance() for _ in range(DAYS + 2)]
        return [self._hour(first + timedelta(hours=hour), hour, hour / count, weather) for hour in range(count)]

    def _hour(self, local: datetime, hour: int, share: float, weather: list[float]) -> float:
        busy = _HOURS[local.hour] * _WEEKDAYS[local.weekday()] * (1 + GROWTH * share) * weather[hour // 24]
        return busy * PEAK_TRAFFIC if self.is_peak(self.start + hour * HOUR) else busy


def _since_midnight(local: datetime) -> int:
    return int(timedelta(hours=local.hour, minutes=local.minute, seconds=local.second).total_seconds()) * 1000
