"""Every call is counted against the day's budget before it is made, and written down in batches."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock

from django.db import connection as database
from django.db.models import Sum

from integrations.models import PipedriveConnection, PipedriveSpending
from integrations.pipedrive.limits import DAILY_BASE, number

WRITES_UNTIL = 90  # percent of our share; the rest is kept for reading

_ADD = """
INSERT INTO integrations_pipedrivespending (connection_id, day, call, calls, tokens) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (connection_id, day, call) DO UPDATE SET calls = integrations_pipedrivespending.calls + excluded.calls,
    tokens = integrations_pipedrivespending.tokens + excluded.tokens
"""


class Halt(Exception):
    """The run stops here and goes on where it was, not before `retry_at`. The sentence is fit for a person."""

    def __init__(self, sentence: str, *, retry_at: datetime | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.retry_at = retry_at


def daily_budget(connection: PipedriveConnection) -> int:
    """Tokens a day that are ours: a share of what the company has."""
    return (connection.daily_limit or DAILY_BASE) * connection.budget_share // 100


def spent_on(connection: PipedriveConnection, now: datetime) -> int:
    rows = PipedriveSpending.objects.filter(connection=connection, day=now.date())
    return int(rows.aggregate(total=Sum("tokens"))["total"] or 0)


class Ledger:
    """The meter of a client. Threads of a run share it; only `flush` touches the database."""

    def __init__(self, connection: PipedriveConnection, now: datetime, *, dry_run: bool = False) -> None:
        self.connection = connection
        self.dry_run = dry_run
        self.calls = self.tokens = 0
        self._today = spent_on(connection, now)
        self._day = now
        self._open: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._seen: dict[str, int] = {}
        self._lock = Lock()

    def before(self, call: str, tokens: int) -> None:
        reads = call.startswith("GET")
        if self.dry_run and not reads:
            raise AssertionError(f"A dry run must not {call}.")
        limit = daily_budget(self.connection)
        allowed = limit if reads else limit * WRITES_UNTIL // 100
        with self._lock:
            if self._today + tokens <= allowed:
                self._today += tokens
                return
        sentence = (
            f"Today's share of Pipedrive's tokens is used up ({self._today:,} of {limit:,}); it goes on tomorrow."
        )
        raise Halt(sentence, retry_at=_tomorrow(self._day))

    def after(self, call: str, tokens: int, headers: Mapping[str, str]) -> None:
        with self._lock:
            self._open[call][0] += 1
            self._open[call][1] += tokens
            self.calls += 1
            self.tokens += tokens
            self._note(headers)

    def _note(self, headers: Mapping[str, str]) -> None:
        seen = {
            "daily_limit": number(headers, "x-daily-ratelimit-token-limit"),
            "daily_remaining": number(headers, "x-daily-ratelimit-token-remaining"),
        }
        self._seen.update({name: value for name, value in seen.items() if value is not None})
        if limit := self._seen.get("daily_limit"):
            self.connection.daily_limit = limit

    def flush(self, now: datetime, *, burst_limit: int | None = None) -> None:
        """Write down what was spent since the last time, in the caller's transaction if there is one."""
        with self._lock:
            rows, self._open = dict(self._open), defaultdict(lambda: [0, 0])
            seen, self._seen = dict(self._seen), {}
        with database.cursor() as cursor:
            for call, (calls, tokens) in sorted(rows.items()):
                cursor.execute(_ADD, [self.connection.pk, now.date(), call, calls, tokens])
        if seen:
            seen_at = {"daily_seen_at": now}
            PipedriveConnection.objects.filter(pk=self.connection.pk).update(**seen, **seen_at)
        if burst_limit and burst_limit != self.connection.burst_limit:
            PipedriveConnection.objects.filter(pk=self.connection.pk).update(burst_limit=burst_limit)
            self.connection.burst_limit = burst_limit
        if now.date() != self._day.date():
            self._day, self._today = now, spent_on(self.connection, now)


def _tomorrow(now: datetime) -> datetime:
    return (now + timedelta(days=1)).replace(hour=0, minute=5, second=0, microsecond=0)
