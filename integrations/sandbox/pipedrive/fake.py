"""The fake's front door: token, limits, mishaps, routes; and what a salesperson does there by hand."""

import re
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from integrations.pipedrive.limits import COSTS, SPAN
from integrations.sandbox.pipedrive import activities, deals, fields, persons, settings
from integrations.sandbox.pipedrive.company import Company, Row
from integrations.sandbox.pipedrive.replies import Refused, failure
from integrations.sandbox.pipedrive.world import World
from integrations.sandbox.wire import Mishap, Mishaps, Reply, Request, reply

Handler = Callable[[World, Request, tuple[str, ...]], Reply]

ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("GET", r"/(?:api/)?v1/users/me", "GET users/me", settings.me),
    ("GET", r"/api/v2/persons", "GET persons", persons.listed),
    ("GET", r"/api/v2/persons/search", "GET persons/search", persons.search),
    ("GET", r"/api/v2/persons/(\d+)", "GET persons/{id}", persons.one),
    ("POST", r"/api/v2/persons", "POST persons", persons.create),
    ("PATCH", r"/api/v2/persons/(\d+)", "PATCH persons/{id}", persons.update),
    ("DELETE", r"/api/v2/persons/(\d+)", "DELETE persons/{id}", persons.delete),
    ("PUT", r"/(?:api/)?v1/persons/(\d+)/merge", "PUT persons/{id}/merge", persons.merge),
    ("GET", r"/api/v2/activities", "GET activities", activities.listed),
    ("POST", r"/api/v2/activities", "POST activities", activities.create),
    ("GET", r"/(?:api/)?v1/activityTypes", "GET activityTypes", activities.types),
    ("GET", r"/api/v2/deals", "GET deals", deals.listed),
    ("GET", r"/api/v2/deals/archived", "GET deals/archived", deals.archived),
    ("GET", r"/api/v2/deals/(\d+)", "GET deals/{id}", deals.one),
    ("GET", r"/api/v2/personFields", "GET personFields", fields.listed),
    ("POST", r"/api/v2/personFields", "POST personFields", fields.create),
    (
        "POST",
        r"/api/v2/personFields/([\w-]+)/options",
        "POST personFields/{code}/options",
        fields.add_options,
    ),
    ("GET", r"/(?:api/)?v1/personFields", "GET personFields v1", fields.numbered),
    ("PUT", r"/(?:api/)?v1/personFields/(\d+)", "PUT personFields/{id} v1", fields.replace_options),
    ("GET", r"/(?:api/)?v1/filters", "GET filters", settings.filters),
    ("POST", r"/(?:api/)?v1/filters", "POST filters", settings.create_filter),
    ("PUT", r"/(?:api/)?v1/filters/(\d+)", "PUT filters/{id}", settings.update_filter),
    ("DELETE", r"/(?:api/)?v1/filters/(\d+)", "DELETE filters/{id}", settings.delete_filter),
    ("GET", r"/(?:api/)?v1/webhooks", "GET webhooks", settings.webhooks),
    ("POST", r"/(?:api/)?v1/webhooks", "POST webhooks", settings.create_webhook),
    ("DELETE", r"/(?:api/)?v1/webhooks/(\d+)", "DELETE webhooks/{id}", settings.delete_webhook),
)
_ROUTES = tuple((method, re.compile(path), call, handler) for method, path, call, handler in ROUTES)


class FakePipedrive:
    """`calls` notes every request by its name; `hooks` are the webhooks that wait to be delivered."""

    def __init__(self, company: Company, *, now: Callable[[], datetime]) -> None:
        self.company = company
        self.world = World(company, now)
        self.mishaps = Mishaps()
        self.calls: list[str] = []
        self.tokens = 0
        self.refused = 0  # calls that came too fast
        self._recent: dict[bool, deque[float]] = {False: deque(), True: deque()}

    @property
    def hooks(self) -> list[Row]:
        return self.world.hooks

    def answer(self, request: Request) -> Reply:
        return self.mishaps.around(request, self._answer)

    def spoil(self, kind: Any, method: str = "", path: str = "", **given: Any) -> None:
        """The next call of that kind goes wrong."""
        self.mishaps.add(Mishap(kind, method, path, **given))

    def writes(self) -> list[str]:
        """Every call that was not a GET."""
        return [call for call in self.calls if not call.startswith("GET")]

    def _answer(self, request: Request) -> Reply:
        if request.headers.get("x-api-token") != self.company.token or not self.company.token:
            body = {"success": False, "error": "unauthorized access", "errorCode": 401}
            return reply({**body, "error_info": "Please check developers.pipedrive.com"}, 401)
        for method, path, call, handler in _ROUTES:
            if method == request.method and (found := path.fullmatch(request.path)):
                return self._routed(call, handler, request, found.groups())
        return failure(404, "Scope and URL mismatch")

    def _routed(self, call: str, handler: Handler, request: Request, parts: tuple[str, ...]) -> Reply:
        self.calls.append(call)
        if (full := self._too_fast(call)) is not None:
            return full
        cost = COSTS[call]
        habits = self.company.habits
        if habits.daily is not None and self.company.spent + cost > habits.daily:
            return failure(429, "Daily API token budget exceeded", headers={**self._headers(0), **self._daily(0)})
        try:
            given = handler(self.world, request, parts)
        except Refused as refused:
            given = refused.reply
        if given.status < 400 or habits.charges_failures:
            self.company.spent += cost
            self.tokens += cost
        left = None if habits.daily is None else habits.daily - self.company.spent
        return Reply(given.status, given.body, {**given.headers, **self._headers(None), **self._daily(left)})

    def _too_fast(self, call: str) -> Reply | None:
        habits = self.company.habits
        if habits.burst is None:
            return None
        is_search = "search" in call.lower()
        limit = 10 if is_search else habits.burst
        recent, now = self._recent[is_search], self.world.monotonic()
        while recent and recent[0] <= now - SPAN:
            recent.popleft()
        if len(recent) >= limit:
            self.refused += 1
            return failure(429, "Rate limit exceeded", headers=self._headers(0))
        recent.append(now)
        return None

    def _headers(self, remaining: int | None) -> dict[str, str]:
        habits = self.company.habits
        if not habits.rate_headers or habits.burst is None:
            return {}
        left = habits.burst - len(self._recent[False]) if remaining is None else remaining
        reset = "2" if habits.reset_unit == "s" else "2000"
        return {
            "x-ratelimit-limit": str(habits.burst),
            "x-ratelimit-remaining": str(max(0, left)),
            "x-ratelimit-reset": reset,
        }

    def _daily(self, left: int | None) -> dict[str, str]:
        habits = self.company.habits
        if left is None or not habits.daily_headers or habits.daily is None:
            return {}
        return {
            "x-daily-ratelimit-token-limit": str(habits.daily),
            "x-daily-ratelimit-token-remaining": str(max(0, left)),
        }
