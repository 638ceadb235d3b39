"""How fast a key may ask: so many requests in each minute of the clock, counted in one statement for all processes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from stratum.lib.refusal import Refusal
from stratum.workspaces import plans
from stratum.workspaces.models import ApiKey

MINUTE = timedelta(minutes=1)
SPEND = """
    INSERT INTO workspaces_keyminute AS spent (api_key_id, minute, requests) VALUES (%(key)s, %(minute)s, 1)
    ON CONFLICT (api_key_id) DO UPDATE
    SET minute = EXCLUDED.minute,
        requests = CASE WHEN spent.minute = EXCLUDED.minute THEN spent.requests + 1 ELSE 1 END
    WHERE spent.minute < EXCLUDED.minute OR spent.requests < %(limit)s
    RETURNING requests
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """What is left of this minute, and in how many seconds the next one begins."""

    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """The usual X- names, and those of the IETF's draft "RateLimit header fields"."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
            "RateLimit-Policy": f'"minute";q={self.limit};w=60',
            "RateLimit": f'"minute";r={self.remaining};t={self.reset}',
        }


class TooFast(Refusal):
    """`wait` is how many seconds until it may be tried again."""

    status = 429

    def __init__(self, rate: Rate) -> None:
        sentence = f"This key has made its {rate.limit:,} requests of this minute. Go on in {rate.reset} seconds."
        super().__init__("too_many_requests", sentence)
        self.rate = rate
        self.wait = rate.reset


def spend(key: ApiKey, *, now: datetime) -> Rate:
    """Count one request. Raises TooFast, which counts nothing."""
    limit = plans.of(key.workspace).requests_a_minute
    minute = now.replace(second=0, microsecond=0)
    reset = max(1, round((minute + MINUTE - now).total_seconds()))
    with connection.cursor() as cursor:
        cursor.execute(SPEND, {"key": key.pk, "minute": minute, "limit": limit})
        row = cursor.fetchone()
    if row is None:
        raise TooFast(Rate(limit, 0, reset))
    return Rate(limit, limit - row[0], reset)
