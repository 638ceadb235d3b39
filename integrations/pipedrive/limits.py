"""What calls cost, and how fast they may follow each other.

Pipedrive counts tokens a day for the whole company, and calls in any two seconds for a token. Costs are those of its
API reference (`x-token-cost`); they do not depend on the size of a page.
https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""

from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock

SPAN = 2.0  # seconds of the burst limit
SEARCHES = 10  # in two seconds, on every plan
FEWEST = 20  # calls in two seconds of the smallest plan, until a header says more
DAILY_BASE = 30_000  # tokens a day of the smallest plan with one seat, until a header says more
SHORTEST = 0.005  # seconds of a wait: a clock may not move for less
MARGIN = 0.02  # seconds by which two clocks may differ in two seconds

# Tokens by call; `search` in the name marks the stricter bucket.
COSTS: Mapping[str, int] = {
    "GET users/me": 2,
    "GET persons": 10,
    "GET persons/{id}": 1,
    "POST persons": 5,
    "PATCH persons/{id}": 5,
    "DELETE persons/{id}": 3,
    "GET persons/search": 20,
    "PUT persons/{id}/merge": 40,
    "GET activities": 10,
    "POST activities": 5,
    "GET activityTypes": 20,
    "GET deals": 10,
    "GET deals/archived": 20,
    "GET deals/{id}": 1,
    "GET personFields": 10,
    "GET personFields v1": 20,
    "PUT personFields/{id} v1": 10,
    "POST personFields": 5,
    "POST personFields/{code}/options": 5,
    "GET filters": 20,
    "POST filters": 10,
    "PUT filters/{id}": 10,
    "DELETE filters/{id}": 6,
    "GET webhooks": 10,
    "POST webhooks": 10,
    "DELETE webhooks/{id}": 6,
}


class Window:
    """At most `limit` calls in any two seconds. Threads share it; whoever is too early sleeps.

    Pipedrive counts a call somewhere between its sending and its answer. Here it counts from its sending until two
    seconds after its answer, so that no two seconds of theirs can hold more, however calls bunch up on their way.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.limit = max(1, limit)
        self._clock, self._sleep = clock, sleep
        self._under_way = 0
        self._answered: deque[float] = deque()
        self._closed_until = 0.0
        self._lock = Lock()

    def enter(self) -> None:
        while (wait := self._claim()) > 0:
            self._sleep(wait)

    def leave(self) -> None:
        """The call was answered, or will never be."""
        with self._lock:
            self._under_way -= 1
            self._answered.append(self._clock())

    def fill(self, seconds: float) -> None:
        """The vendor said that the window is full. Nobody calls for so long, unless it was only we who filled it:
        then we know better when there is room."""
        with self._lock:
            if self._count(self._clock()) < self.limit:
                self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _claim(self) -> float:
        """Seconds to wait, 0 when the call was noted."""
        with self._lock:
            now = self._clock()
            if now < self._closed_until:
                return max(SHORTEST, self._closed_until - now)
            excess = self._count(now) - self.limit
            if excess < 0:
                self._under_way += 1
                return 0.0
            if excess >= len(self._answered):
                return SHORTEST  # until one of those under way is answered
            return max(SHORTEST, self._answered[excess] + SPAN + MARGIN - now)

    def _count(self, now: float) -> int:
        while self._answered and self._answered[0] <= now - SPAN - MARGIN:
            self._answered.popleft()
        return self._under_way + len(self._answered)


class Limiter:
    """Both buckets of a token. `share` percent of what the company may do is ours, the rest is everybody else's."""

    def __init__(
        self,
        *,
        share: int,
        known: int | None,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.share = share
        self.burst = known or FEWEST
        self.calls = Window(self._ours(self.burst), clock=clock, sleep=sleep)
        self.searches = Window(self._ours(SEARCHES), clock=clock, sleep=sleep)

    def enter(self, call: str) -> None:
        if "search" in call.lower():
            self.searches.enter()
        self.calls.enter()

    def leave(self, call: str) -> None:
        if "search" in call.lower():
            self.searches.leave()
        self.calls.leave()

    def learn(self, call: str, headers: Mapping[str, str]) -> None:
        """What the answer says of the burst limit. The headers of a search speak of the search bucket."""
        window = self.searches if "search" in call.lower() else self.calls
        limit, remaining = number(headers, "x-ratelimit-limit"), number(headers, "x-ratelimit-remaining")
        if limit and window is self.calls:
            self.burst = limit
            self.calls.limit = max(1, self._ours(limit))
        if remaining is not None and remaining <= 0:
            window.fill(min(SPAN, reset_of(headers) or SPAN))

    def _ours(self, limit: int) -> int:
        return max(1, limit * self.share // 100)


def number(headers: Mapping[str, str], name: str) -> int | None:
    """A whole number of a header, None where it is missing or something else."""
    text = (headers.get(name) or "").strip()
    return int(float(text)) if text.replace(".", "", 1).isdecimal() else None


def reset_of(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait. Its unit is documented nowhere: what is more than a minute can only be milliseconds."""
    given = number(headers, "x-ratelimit-reset") or number(headers, "retry-after")
    if given is None:
        return None
    return given / 1000 if given > 60 else float(given)
