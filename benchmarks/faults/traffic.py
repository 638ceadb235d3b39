"""Clients of the web server: some send, one changes what was sent, one asks. Each repeats until it is acknowledged."""

import base64
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from benchmarks.faults.ledger import ERASES, MERGES, STAYS, VOIDS, Ledger

BATCH = 8  # users
AGAIN = 0.02  # seconds between two attempts
HELD_UP = 30.0  # seconds for which another process may write before the last good state answers
FUNNEL = {"funnel": {"steps": [{"event": "start"}, {"event": "finish"}]}}


@dataclass
class Service:
    """Where the server listens, and the keys to it, those of the API taken in turns. `patience`: seconds. `refused`:
    calls of the tracking API that were answered, but not by an acknowledgement, by status."""

    port: int
    write_key: str
    api_keys: Iterator[str]
    patience: float = 20
    refused: Counter[int] = field(default_factory=Counter)

    def call(self, method: str, path: str, body: object, *, tracking: bool = False) -> Any:
        """The answer, or None when there was none that says it is done."""
        login = base64.b64encode(f"{self.write_key}:".encode()).decode()
        headers = {"Content-Type": "application/json"}
        headers["Authorization"] = f"Basic {login}" if tracking else f"Bearer {next(self.api_keys)}"
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        try:
            link.request(method, path, json.dumps(body), headers)
            answer = link.getresponse()
            text = answer.read()
            if tracking and answer.status >= 300:
                self.refused[answer.status] += 1
            return json.loads(text or b"{}") if answer.status < 300 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            link.close()


@dataclass
class Answers:
    """What the asking client saw. Times are monotonic seconds. `stale`: right a moment before, and allowed to be.
    `known`: what the ledger held when the last right answer was asked for."""

    right: int = 0
    stale: int = 0
    failed: int = 0
    wrong: list[str] = field(default_factory=list)
    last_right: float = field(default_factory=time.monotonic)
    longest: float = 0.0
    last_asked: float = 0.0
    known: tuple[int, ...] = (0,) * 6

    def count_right(self, asked: float, known: tuple[int, ...]) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self.last_right)
        self.right, self.last_right, self.last_asked, self.known = self.right + 1, now, asked, known


def never(asked: float) -> bool:
    return False


class Traffic:
    """`find_profile`: the number of the profile with that user id. `may_be_stale`: whether the last good state may
    answer a question that was asked at that moment. `pause`: seconds between two calls of a client. `slowest`: seconds
    until a batch was acknowledged."""

    def __init__(
        self,
        service: Service,
        ledger: Ledger,
        find_profile: Callable[[str], int | None],
        may_be_stale: Callable[[float], bool] = never,
        pause: float = AGAIN,
    ) -> None:
        self.service, self.ledger, self.find_profile = service, ledger, find_profile
        self.may_be_stale, self.pause = may_be_stale, pause
        self.answers, self.slowest = Answers(), 0.0
        self.ended = threading.Event()
        self.last_user, self.numbering = 0, threading.Lock()
        self.threads = [threading.Thread(target=work) for work in (self.send, self.send, self.change, self.ask)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """What was begun is finished first."""
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def until_done(self, attempt: Callable[[], object]) -> None:
        while attempt() is None:
            time.sleep(AGAIN)

    def send(self) -> None:
        while not self.ended.is_set():
            with self.numbering:
                users = range(self.last_user, self.last_user + BATCH)
                self.last_user += BATCH
            body = {"batch": [item for user in users for item in story(user)]}
            begun = time.monotonic()
            self.ledger.ask(self.ledger.sent, users)
            self.until_done(lambda: self.service.call("POST", "/v1/batch", body, tracking=True))  # noqa: B023
            self.ledger.done(self.ledger.sent, users)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            time.sleep(self.pause)

    def change(self) -> None:
        while not self.ended.is_set():
            self.merge()
            self.void()
            self.erase()
            time.sleep(self.pause)

    def merge(self) -> None:
        for user in self.ledger.ready(MERGES, self.ledger.gone, 2):
            self.ledger.ask(self.ledger.gone, [user])
            person = {"userId": f"user-{user - MERGES + STAYS}", "anonymousId": f"anonymous-{user}"}
            item = {"type": "identify", "messageId": f"identify-{user}", **person}
            self.until_done(lambda: self.service.call("POST", "/v1/batch", {"batch": [item]}, tracking=True))  # noqa: B023
            self.ledger.done(self.ledger.gone, [user])

    def void(self) -> None:
        users = self.ledger.ready(VOIDS, self.ledger.voided, 2)
        if users:
            body = {"message_ids": [f"finish-{user}" for user in users], "reason": "reopened"}
            self.ledger.ask(self.ledger.voided, users)
            self.until_done(lambda: self.service.call("POST", "/api/v1/cdp/events/void", body))
            self.ledger.done(self.ledger.voided, users)

    def erase(self) -> None:
        for user in self.ledger.ready(ERASES, self.ledger.gone, 1):
            profile = self.find_profile(f"user-{user}")
            if profile is not None:
                self.ledger.ask(self.ledger.gone, [user])
                self.until_done(lambda: self.erased(user, profile))  # noqa: B023
                self.ledger.done(self.ledger.gone, [user])

    def erased(self, user: int, profile: int) -> object:
        """Whoever has no identifiers any more was erased by an attempt whose answer got lost."""
        answer = self.service.call("DELETE", f"/api/v1/cdp/profiles/{profile}", {})
        return answer if answer is not None else (True if self.find_profile(f"user-{user}") is None else None)

    def ask(self) -> None:
        while not self.ended.is_set():
            asked, before = time.monotonic(), self.ledger.counts()
            answer = self.service.call("POST", "/api/v1/cdp/funnels/preview", FUNNEL)
            if answer is None:
                self.answers.failed += 1
                time.sleep(self.pause)
                continue
            self.judge(answer, asked, before)

    def judge(self, answer: dict[str, Any], asked: float, before: tuple[int, ...]) -> None:
        """A state that is not the newest one is never older than what answered before."""
        after = self.ledger.counts()
        if self.holds(answer, before, after):
            self.answers.count_right(asked, before)
        elif self.may_answer_older(asked) and self.holds(answer, self.answers.known, after):
            self.answers.stale += 1
        else:
            entered, converted = self.ledger.bounds(before, after)
            self.answers.wrong.append(
                f"{answer['entered']} entered ({entered.low} to {entered.high}), "
                f"{answer['converted']} converted ({converted.low} to {converted.high})"
            )

    def may_answer_older(self, asked: float) -> bool:
        return self.may_be_stale(asked) or time.monotonic() - asked >= HELD_UP

    def holds(self, answer: dict[str, Any], before: tuple[int, ...], after: tuple[int, ...]) -> bool:
        entered, converted = self.ledger.bounds(before, after)
        return entered.hold(answer["entered"]) and converted.hold(answer["converted"])


def story(user: int) -> list[dict[str, object]]:
    """A start and a finish."""
    person = {"anonymousId": f"anonymous-{user}"} if user % 4 == MERGES else {"userId": f"user-{user}"}
    now = time.time()
    return [
        {"type": "track", "event": what, "messageId": f"{what}-{user}", "timestamp": instant(now - ago)} | person
        for what, ago in (("start", 2.0), ("finish", 1.0))
    ]


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
