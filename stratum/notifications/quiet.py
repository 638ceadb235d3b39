"""Quiet hours: pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one hour until another, over midnight where the second is the earlier one."""

    begin: int
    end: int
    zone: ZoneInfo

    def over_at(self, instant: datetime) -> datetime | None:
        """When the quiet that holds at `instant` ends; None outside of it."""
        local = instant.astimezone(self.zone)
        if not self._holds(local.hour):
            return None
        day = local.date() + timedelta(days=local.hour >= self.end)
        return datetime.combine(day, time(self.end), self.zone).astimezone(UTC)

    def _holds(self, hour: int) -> bool:
        if self.begin <= self.end:
            return self.begin <= hour < self.end
        return hour >= self.begin or hour < self.end
