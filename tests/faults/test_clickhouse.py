"""The ClickHouse server is away, slow, full, wrong or dies: pages and programs are told what to do, events go on coming
in, and afterwards each of them counts once. Through the real client, over HTTP, against a server process of its own."""

import base64
import itertools
import json
import os
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from cdp.definitions.funnels import parse_draft
from cdp.engine.clickhouse import server as servers
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.errors import EngineError, EngineUnwritable
from cdp.models import Event, Funnel
from cdp.queries.engine import engine_of, fresh_engine
from cdp.services import funnels
from cdp.services.engine import keep_up, rebuild
from cdp.tasks import project_all
from stratum import health
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.clickhouse_server.held import sequence_numbers
from tests.clickhouse_server.process import ClickHouseProcess
from tests.conftest import MoveClock

pytestmark = pytest.mark.django_db
Send = Callable[[int], None]
Analyze = Callable[[], Any]
Counted = Callable[[], int]
databases = itertools.count()
FUNNEL = "cdp/funnels/{funnel}"
PAGES = {
    "figures": 200,
    "cdp/funnels/numbers": 200,
    FUNNEL: 503,
    f"{FUNNEL}/edit": 503,
    "cdp/profiles": 503,
    "cdp/rfm": 503,
}
QUIET_PAGES = ["", "cdp/funnels", "cdp/segments", "cdp/computed-traits", "cdp/events", "settings/team"]
EVENTS = r"(?m)^event$"  # a question about events, as its statement is put together
SEEDS = range(int(os.environ.get("CLICKHOUSE_FAULT_SEEDS", "2")))
MATCHES = ("INSERT INTO `?event", "INSERT INTO `?state", "FROM state", "ALTER TABLE", "DELETE")


@pytest.fixture
def away(clickhouse: ClickHouseProcess) -> Callable[[], None]:
    return clickhouse.kill


@pytest.fixture(autouse=True)
def on_clickhouse(settings: Settings, engine_folder: Path, clickhouse: ClickHouseProcess) -> str:
    """A database of its own, and a connection that nobody used before."""
    settings.ENGINE_URL = url = clickhouse.url(f"faults_{next(databases)}")
    return url


@pytest.fixture
def send(client: Client, write_key_text: str) -> Send:
    """`send(3)`: three more people see a page and buy, by the tracking API."""
    people = itertools.count()
    login = base64.b64encode(f"{write_key_text}:".encode()).decode()

    def sent(number: int) -> None:
        items = [
            {"type": "track", "event": name, "userId": f"user-{who}", "timestamp": f"2026-01-15T1{hour}:00:00Z"}
            for who in itertools.islice(people, number)
            for hour, name in enumerate(("page_view", "purchase"))
        ]
        body = json.dumps({"batch": items})
        answer = client.post("/v1/batch", body, content_type="application/json", headers={"Authorization": f"Basic {login}"})  # fmt: skip
        assert answer.status_code == 200

    return sent


@pytest.fixture
def funnel(workspace: Workspace, by_alice: Actor, now: datetime) -> Funnel:
    draft = parse_draft({"name": "Sales", "steps": [{"event": "page_view"}, {"event": "purchase"}]})
    return funnels.create(workspace=workspace, by=by_alice, draft=draft, now=now)


@pytest.fixture
def analyze(api: APIClient, funnel: Funnel) -> Analyze:
    return lambda: api.get(f"/api/v1/cdp/funnels/{funnel.pk}/analyze")


@pytest.fixture
def counted(workspace: Workspace) -> Counted:
    return lambda: fresh_engine(workspace).stored().events


def detail(answer: Any) -> str:
    assert answer["Content-Type"] == "application/problem+json"
    text: str = answer.json()["detail"]
    return text


class TestAway:
    def test_programs_are_told_to_come_again(self, send: Send, analyze: Analyze, away: Callable[[], None]) -> None:
        send(2)
        assert analyze().status_code == 200
        away()
        answer = analyze()
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert answer.json()["code"] == "engine_unavailable"
        assert detail(answer) == (
            "The ClickHouse server does not answer (no connection). No event is lost: they wait in the database. "
            "Try again in a moment."
        )

    @pytest.mark.parametrize(("path", "status"), PAGES.items())
    def test_pages_say_so(
        self, as_alice: Client, funnel: Funnel, send: Send, away: Callable[[], None], path: str, status: int
    ) -> None:
        send(2)
        away()
        answer = as_alice.get(f"/dashboard/{path.format(funnel=funnel.pk)}")
        assert answer.status_code == status
        text = answer.content.decode()
        assert "The ClickHouse server does not answer" in text and "Try again in a moment." in text
        assert "Retry-After" in answer or status == 200

    @pytest.mark.parametrize("path", QUIET_PAGES)
    def test_what_needs_no_events_is_shown(
        self, as_alice: Client, funnel: Funnel, away: Callable[[], None], path: str
    ) -> None:
        away()
        assert as_alice.get(f"/dashboard/{path.format(funnel=funnel.pk)}").status_code == 200

    def test_events_are_taken_and_count_when_it_is_back(
        self, clickhouse: ClickHouseProcess, workspace: Workspace, send: Send, counted: Counted
    ) -> None:
        send(2)
        assert counted() == 4
        clickhouse.kill()
        send(3)
        project_all()
        assert Event.objects.filter(workspace=workspace).count() == 10
        clickhouse.start()
        project_all()
        assert engine_of(workspace).stored().events == 10

    def test_health_says_so(self, clickhouse: ClickHouseProcess, now: datetime) -> None:
        assert health.look(now)["engine"] == health.Part(True)
        clickhouse.kill()
        part = health.look(now)["engine"]
        assert not part.ok and part.detail.startswith("The ClickHouse server does not answer (no connection).")
        assert clickhouse.password not in part.detail and str(clickhouse.port) not in part.detail

    def test_metrics_tell_version_and_lag(
        self, settings: Settings, client: Client, send: Send, counted: Counted, now: datetime, move_clock: MoveClock
    ) -> None:
        settings.METRICS_TOKEN = "token"

        def told() -> list[str]:
            text = client.get("/metrics", headers={"Authorization": "Bearer token"}).content.decode()
            return [line for line in text.splitlines() if "engine" in line and not line.startswith("#")]

        send(1)
        assert counted() == 2
        move_clock(now + timedelta(seconds=90))
        assert any(line.startswith('stratum_engine_server{version="2') for line in told())
        assert "stratum_engine_lag_seconds 0" in told()
        send(1)
        move_clock(now + timedelta(seconds=150))
        assert "stratum_engine_lag_seconds 60" in told()

    def test_metrics_without_it(self, settings: Settings, client: Client, away: Callable[[], None]) -> None:
        settings.METRICS_TOKEN = "token"
        away()
        text = client.get("/metrics", headers={"Authorization": "Bearer token"}).content.decode()
        assert 'stratum_part_works{part="engine"} 0' in text


class TestSlow:
    @pytest.fixture
    def slow(
        self, clickhouse: ClickHouseProcess, send: Send, analyze: Analyze, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(servers, "ANSWER_SECONDS", 1)
        monkeypatch.setattr(servers, "GRACE_SECONDS", 0)
        servers.server_of.cache_clear()
        send(2)
        assert analyze().status_code == 200
        clickhouse.fault("slow", EVENTS, seconds=20)

    def test_a_question_is_given_up(self, slow: None, analyze: Analyze) -> None:
        answer = analyze()
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "does not answer (nothing within 1 seconds)" in detail(answer)

    def test_others_do_not_wait_for_what_one_waited_for_in_vain(
        self, slow: None, analyze: Analyze, on_clickhouse: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        analyze()
        server = servers.server_of(on_clickhouse)
        monkeypatch.setattr(servers.time, "monotonic", lambda: server.rests_until - 0.1)
        monkeypatch.setattr(servers, "connect", not_asked)
        assert detail(analyze()).startswith("The ClickHouse server does not answer (it did not a moment ago).")

    def test_it_says_itself_that_it_is_too_slow(
        self, clickhouse: ClickHouseProcess, send: Send, analyze: Analyze
    ) -> None:
        send(2)
        assert analyze().status_code == 200
        clickhouse.fault("error", EVENTS, code=159, text="Timeout exceeded. (TIMEOUT_EXCEEDED)")
        answer = analyze()
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert detail(answer) == "ClickHouse is too busy to answer in time (its error 159). Try again in a moment."


def not_asked(*_: object) -> None:
    raise AssertionError("the server was asked")


class TestFull:
    def test_a_question_that_needs_too_much_says_how_to_ask_for_less(
        self, clickhouse: ClickHouseProcess, send: Send, analyze: Analyze
    ) -> None:
        send(2)
        assert analyze().status_code == 200
        clickhouse.fault("memory", EVENTS, bytes=1)
        answer = analyze()
        assert (answer.status_code, answer.json()["code"]) == (422, "too_large")
        assert detail(answer) == (
            "This question needs more memory than ClickHouse may use for one (its error 241). Ask about fewer days."
        )

    def test_no_memory_for_anybody_is_no_fault_of_the_question(
        self, clickhouse: ClickHouseProcess, send: Send, analyze: Analyze
    ) -> None:
        send(2)
        assert analyze().status_code == 200
        clickhouse.fault("error", EVENTS, code=241, text="(total) memory limit exceeded (MEMORY_LIMIT_EXCEEDED)")
        assert (analyze().status_code, analyze()["Retry-After"]) == (503, "5")

    @pytest.mark.parametrize(
        ("code", "text"),
        [(241, "(total) memory limit exceeded (MEMORY_LIMIT_EXCEEDED)"), (252, "Too many parts. (TOO_MANY_PARTS)")],
    )
    def test_no_older_answer_while_it_has_no_room_for_what_came(
        self, clickhouse: ClickHouseProcess, send: Send, analyze: Analyze, counted: Counted, code: int, text: str
    ) -> None:
        send(2)
        assert counted() == 4
        clickhouse.fault("error", "INSERT INTO", code=code, text=text)
        send(3)
        assert (analyze().status_code, analyze()["Retry-After"]) == (503, "5")
        clickhouse.heal()
        assert counted() == 10

    @pytest.mark.parametrize(
        "fault",
        [{"kind": "read-only"}, {"kind": "error", "code": 243, "text": "Cannot reserve 1 MiB (NOT_ENOUGH_SPACE)"}],
    )
    def test_numbers_stand_still_while_nothing_can_be_stored(
        self,
        clickhouse: ClickHouseProcess,
        workspace: Workspace,
        send: Send,
        counted: Counted,
        caplog: pytest.LogCaptureFixture,
        fault: dict[str, Any],
    ) -> None:
        send(2)
        assert counted() == 4
        clickhouse.fault(**fault, match="INSERT")
        send(3)
        assert counted() == 4
        assert "answers from its last good state: ClickHouse cannot store changes" in caplog.text
        with pytest.raises(EngineUnwritable):
            keep_up(workspace)
        clickhouse.heal()
        assert counted() == 10


class TestStrangers:
    def test_a_wrong_password(self, settings: Settings, clickhouse: ClickHouseProcess, analyze: Analyze) -> None:
        settings.ENGINE_URL = clickhouse.url("faults", "wrong")
        answer = analyze()
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        assert detail(answer) == (
            "ClickHouse does not know the user and password of ENGINE_URL (its error 516). "
            "Whoever runs Stratum has to correct that; until then no event is lost."
        )
        assert not health.look(health.clock.now())["engine"].ok

    def test_a_user_who_may_not_make_the_database(
        self, settings: Settings, clickhouse: ClickHouseProcess, analyze: Analyze
    ) -> None:
        settings.ENGINE_URL = clickhouse.url("forbidden")
        clickhouse.fault("error", "CREATE DATABASE", code=497, text="Not enough privileges. (ACCESS_DENIED)")
        answer = analyze()
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        assert "may not create and fill its database in ClickHouse (its error 497)" in detail(answer)

    def test_no_name_of_a_database(self, settings: Settings, clickhouse: ClickHouseProcess, analyze: Analyze) -> None:
        settings.ENGINE_URL = clickhouse.url("no-name")
        answer = analyze()
        assert answer.status_code == 503
        assert "ENGINE_URL names 'no-name', which is no name of a database" in detail(answer)

    def test_a_database_that_was_dropped_comes_back_filled(
        self, settings: Settings, send: Send, counted: Counted, on_clickhouse: str
    ) -> None:
        send(2)
        assert counted() == 4
        server = servers.server_of(on_clickhouse)
        server.change(f"DROP DATABASE {servers.layout_of(on_clickhouse).database}", {})
        with pytest.raises(EngineError, match=r"gone from ClickHouse \(its error (60|81)\)"):
            counted()
        assert counted() == 4


class TestBrokenInserts:
    """The server dies, or the connection breaks, before or after a block was stored: no event is lost, none twice."""

    @pytest.mark.parametrize("kind", ["drop before", "drop after", "die before", "die after"])
    @pytest.mark.parametrize(
        ("what", "skip"), [("event", 0), ("state", 0), ("state", 1)], ids=["rows", "claim", "outcome"]
    )
    def test_every_event_counts_once(
        self, clickhouse: ClickHouseProcess, send: Send, counted: Counted, kind: str, what: str, skip: int
    ) -> None:
        send(2)
        assert counted() == 4
        send(3)
        clickhouse.fault(kind, f"INSERT INTO `?{what}", times=1, skip=skip)
        with pytest.raises(EngineError):
            counted()
        clickhouse.recover()
        assert counted() == 10

    @pytest.mark.parametrize("seed", SEEDS)
    def test_whatever_breaks(
        self, clickhouse: ClickHouseProcess, workspace: Workspace, send: Send, counted: Counted, seed: int
    ) -> None:
        """Events, questions and rebuilds, and a fault in each of them, at any statement."""
        chance, told = random.Random(seed), 0
        for _ in range(6):
            people = chance.randrange(1, 4)
            send(people)
            told += 2 * people
            kind = chance.choice(["drop before", "drop after", "die before", "die after"])
            match = chance.choice(MATCHES)
            clickhouse.fault(kind, match, times=1, skip=chance.randrange(4))
            with suppress(EngineError):
                rebuild(workspace) if chance.random() < 0.4 else keep_up(workspace)
            clickhouse.recover()
            assert counted() == told
        assert Event.objects.filter(workspace=workspace).count() == told
        engine = engine_of(workspace)
        assert isinstance(engine, ClickHouseEngine)
        numbers = sequence_numbers(engine)
        assert len(set(numbers)) == len(numbers) == told
