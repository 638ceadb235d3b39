"""Both platforms in a process of their own: they count what was written, and go wrong where they are told to."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from threading import Event
from typing import Any

import orjson

from integrations.sandbox import demo
from integrations.sandbox.google import FakeGoogle, quota_exhausted
from integrations.sandbox.meta import FakeMeta, _error
from integrations.sandbox.server import serving
from integrations.sandbox.wire import Reply, Request, reply
from integrations.sandbox.world import World

TOKEN = "EAAG-faults"
SLOW = 1.5  # seconds; our clients wait for one
GARBAGE = (
    b"<html>Sorry, something went wrong.</html>", b"", b"[]", b"{}", b"null", b'"yes"', b"[[]]", b"[null]", b"[{}]",
    b'{"data": 5}', b'{"data": [5, null]}', b'{"id": {}, "status": []}', b'[{"results": [1, null, {"campaign": 7}]}]',
    b'{"success": "maybe"}', b'{"results": "none"}', b'{"error": "no"}', b'{"error": {"code": "x"}}', b'{"data": [',
)  # fmt: skip
TABLES = {"campaign": "read", "ad_group": "read", "ad_group_ad": "read", "change_event": "outside"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """`step`: where it strikes. `kind` with `before` and `after`: the call took effect or not.

    hold: the call stops until it is released, so that its worker can be killed. drop: the connection breaks. slow: the
    answer comes too late. error: a server error. garbage: an answer that means nothing. throttle: until an instant.
    hand: somebody changes the value right after, and the answer gets lost.
    """

    kind: str
    step: str = ""
    when: str = "after"
    times: int = 1
    until: datetime | None = None
    value: str = ""


@dataclass(slots=True)
class Written:
    """A write that the platform took."""

    platform: str
    target: str
    field: str
    value: str


@dataclass(slots=True)
class State:
    """Of one run. `hands`: what somebody changed on the platform itself, by target and field, the newest last."""

    at: datetime
    meta: FakeMeta
    google: FakeGoogle
    random: Random
    troubles: list[Trouble] = field(default_factory=list)
    writes: list[Written] = field(default_factory=list)
    asked_to_write: bool = False
    hands: list[Written] = field(default_factory=list)
    calls: int = 0


class Platforms:
    """The commands of the benchmark are its methods."""

    def __init__(self, trapped: Any) -> None:
        self._trapped = trapped
        self._released = Event()
        self.state = self._founded(datetime(2026, 1, 1, tzinfo=UTC), 0)

    def _founded(self, at: datetime, seed: int) -> State:
        meta, google = demo.meta(at), demo.google(at)
        meta.token = google.token = TOKEN
        return State(
            at,
            FakeMeta(meta, now=lambda: self.state.at),
            FakeGoogle(google, now=lambda: self.state.at),
            Random(seed),
        )

    def begin(self, at: datetime, seed: int) -> None:
        self.state = self._founded(at, seed)

    def tick(self, at: datetime) -> None:
        self.state.at = at
        self.state.asked_to_write = False

    def trouble(self, trouble: Trouble) -> None:
        self.state.troubles.append(trouble)

    def calm(self) -> None:
        """Nothing goes wrong from here on."""
        self.state.troubles.clear()
        for world in self._worlds():
            world.revoked = False

    def revoke(self, platform: str) -> None:
        self._world(platform).revoked = True

    def by_hand(self, platform: str, entity: str, what: str, value: str) -> None:
        world = self._world(platform)
        node, at = world.nodes[entity], self.state.at
        if what == "budget":
            world.set_amount(world.payer(node), Decimal(value), at, "Maya Chen")
        elif what == "bid":
            world.set_bid(node, Decimal(value), at, "Maya Chen")
        else:
            world.set_status(node, value, at, "Maya Chen")  # type: ignore[arg-type]
        self.state.hands.append(Written(platform, self._target(platform, entity, what), what, value))

    def release(self) -> None:
        self._released.set()

    def seen(self, platform: str, entity: str, what: str) -> tuple[str, list[str], list[str]]:
        """What it has now, what we wrote, and what was changed by hand."""
        world = self._world(platform)
        node, target = world.nodes[entity], self._target(platform, entity, what)
        own = {"budget": world.payer(node).amount, "bid": node.bid, "status": node.status}
        told = [
            [one.value for one in of if (one.platform, one.target, one.field) == (platform, target, what)]
            for of in (self.state.writes, self.state.hands)
        ]
        return str(own[what]), told[0], told[1]

    def left(self) -> int:
        return len(self.state.troubles)

    def calls(self) -> int:
        return self.state.calls

    # Answers

    def answer_meta(self, request: Request) -> Reply:
        return self._answer("meta", request, self.state.meta.answer)

    def answer_google(self, request: Request) -> Reply:
        return self._answer("google", request, self.state.google.answer)

    def _answer(self, platform: str, request: Request, genuine: Callable[[Request], Reply]) -> Reply:
        self.state.calls += 1
        step = self._step(platform, request)
        trouble = self._striking(step)
        if trouble is None:
            return self._genuine(platform, step, request, genuine)
        if trouble.kind == "throttle":
            return self._throttled(platform, trouble)
        if trouble.when == "before" and trouble.kind != "hold":
            return self._spoilt(platform, trouble, Reply(drop=True))
        if trouble.kind == "hold" and trouble.when == "before":
            self._hold()
        given = self._genuine(platform, step, request, genuine)
        if trouble.kind == "hold" and trouble.when == "after":
            self._hold()
        if trouble.kind == "hand" and given.status == 200:
            entity, what, _ = self._written(platform, request)
            self.by_hand(platform, entity, what, trouble.value or self._before(platform, entity, what))
            return Reply(drop=True)
        return given if trouble.kind in ("hold", "hand") else self._spoilt(platform, trouble, given)

    def _genuine(self, platform: str, step: str, request: Request, genuine: Callable[[Request], Reply]) -> Reply:
        if step != "write":
            return genuine(request)
        self.state.asked_to_write = True
        given = genuine(request)
        if given.status == 200:
            entity, what, value = self._written(platform, request)
            target = self._target(platform, entity, what)
            self.state.writes.append(Written(platform, target, what, value))
        return given

    def _striking(self, step: str) -> Trouble | None:
        for place, one in enumerate(self.state.troubles):
            if one.until is not None and one.until <= self.state.at:
                continue
            if one.step in ("", step):
                if one.until is None:
                    left = [Trouble(one.kind, one.step, one.when, one.times - 1, None, one.value)] * (one.times > 1)
                    self.state.troubles[place : place + 1] = left
                return one
        return None

    def _hold(self) -> None:
        self._released.clear()
        self._trapped.send("held")
        self._released.wait(20)

    def _throttled(self, platform: str, trouble: Trouble) -> Reply:
        assert trouble.until is not None
        left = trouble.until - self.state.at
        if platform == "google":
            return quota_exhausted(f"{int(left.total_seconds())}s")
        usage = {"call_count": 100, "estimated_time_to_regain_access": max(1, int(left / timedelta(minutes=1)))}
        header = {"X-Business-Use-Case-Usage": orjson.dumps({"1": [usage]}).decode()}
        return _error(self.state.random.choice([17, 613, 80004]), "Too many calls.", headers=header)

    def _spoilt(self, platform: str, trouble: Trouble, given: Reply) -> Reply:
        if trouble.kind == "slow":
            return Reply(given.status, given.body, given.headers, given.drop, seconds=SLOW)
        if trouble.kind == "garbage":
            return Reply(200, self.state.random.choice(GARBAGE), {"Content-Type": "application/json"})
        if trouble.kind == "error":
            return _error(2, "Service temporarily unavailable", transient=True) if platform == "meta" else _internal()
        return Reply(drop=True)

    # What a request is about

    def _step(self, platform: str, request: Request) -> str:
        step = _meta_step(request) if platform == "meta" else _google_step(request)
        return "read_back" if step == "read" and self.state.asked_to_write else step

    def _written(self, platform: str, request: Request) -> tuple[str, str, str]:
        """Entity, field and value, in our words."""
        if platform == "meta":
            form = request.form()
            if "daily_budget" in form:
                return _last(request.path), "budget", str(Decimal(form["daily_budget"]) / 100)
            if "bid_amount" in form:
                return _last(request.path), "bid", str(Decimal(form["bid_amount"]) / 100)
            return _last(request.path), "status", {"ACTIVE": "active", "PAUSED": "paused"}[form["status"]]
        fields = request.json()["operations"][0]["update"]
        key = _last(fields["resourceName"])
        if "amountMicros" in fields:
            spender = self.state.google.world.spenders(key)[0].id
            return spender, "budget", str(Decimal(fields["amountMicros"]) / 1_000_000)
        if "cpcBidMicros" in fields:
            return key, "bid", str(Decimal(fields["cpcBidMicros"]) / 1_000_000)
        return key, "status", {"ENABLED": "active", "PAUSED": "paused"}[fields["status"]]

    def _before(self, platform: str, entity: str, what: str) -> str:
        """What the last change replaced."""
        world = self._world(platform)
        target, name = self._target(platform, entity, what), "amount" if what == "budget" else what
        return next(past.before for past in reversed(world.past) if (past.target, past.field) == (target, name))

    def _target(self, platform: str, entity: str, what: str) -> str:
        world = self._world(platform)
        return world.payer(world.nodes[entity]).id if what == "budget" else entity

    def _world(self, platform: str) -> World:
        return self.state.meta.world if platform == "meta" else self.state.google.world

    def _worlds(self) -> tuple[World, World]:
        return self.state.meta.world, self.state.google.world


def _meta_step(request: Request) -> str:
    if request.method == "POST":
        return "validate" if "execution_options" in request.form() else "write"
    edge = _last(request.path)
    if edge.startswith("act_"):
        return "account"
    return {"adrules_library": "automations", "activities": "outside"}.get(edge, "read" if edge.isdigit() else "list")


def _google_step(request: Request) -> str:
    if request.path.endswith("token"):
        return "token"
    if request.path.endswith(":mutate"):
        return "validate" if request.json().get("validateOnly") else "write"
    found = re.search(r"FROM (\w+)", str(request.json().get("query") if request.body else ""))
    table = found[1] if found else ""
    return {"recommendation_subscription": "automations", "customer": "account"}.get(table, TABLES.get(table, "list"))


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _internal() -> Reply:
    failure = {"errors": [{"errorCode": {"internalError": "INTERNAL_ERROR"}, "message": "An internal error."}]}
    told = {"code": 500, "message": "Internal error.", "status": "INTERNAL", "details": [failure]}
    return reply({"error": told}, 500)


def serve(commands: Any, trapped: Any) -> None:
    """The process: addresses first, then each command is answered."""
    platforms = Platforms(trapped)
    with serving(platforms.answer_meta) as meta, serving(platforms.answer_google) as google:
        commands.send((meta, google))
        while (told := commands.recv()) is not None:
            name, args = told
            commands.send(getattr(platforms, name)(*args))
