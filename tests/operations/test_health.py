"""`/healthz`: 200 when all works; else 503 and what does not."""

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from cdp.engine.errors import EngineUnreachable
from cdp.models import EnginePlace, RawArchive
from cdp.queries import engine_health
from stratum import health
from stratum.home import pulse
from stratum.home.models import Pulse
from stratum.lib import seal
from stratum.workspaces.models import Workspace
from tests import factories
from tests.conftest import MoveClock

WORKER = SimpleNamespace(eventer=SimpleNamespace(hostname="celery@one"))

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker drops stale connections; a test lives in one."""
    monkeypatch.setattr(pulse, "close_old_connections", lambda: None)
    monkeypatch.setattr(pulse, "_last", {})


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> Path:
    settings.ENGINE_URL = f"columnar://{tmp_path / 'engine'}"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_in": tmp_path / "broker"}
    return tmp_path


def ask(rf: RequestFactory) -> tuple[int, dict[str, Any]]:
    answer = health.healthz(rf.get("/healthz"))
    return answer.status_code, json.loads(answer.content)


def test_it_works(rf: RequestFactory) -> None:
    pulse.beat(WORKER)

    status, body = ask(rf)

    assert status == 200
    assert body["status"] == "ok"
    assert set(body["checks"]) == {"database", "engine", "broker", "worker"}


def test_it_says_that_no_worker_runs(rf: RequestFactory) -> None:
    status, body = ask(rf)
    assert status == 503
    assert body["checks"]["worker"] == {"ok": False, "detail": "No worker has started."}


def test_it_says_since_when_the_worker_is_silent(rf: RequestFactory, now: datetime, move_clock: MoveClock) -> None:
    pulse.beat(WORKER)

    move_clock(now + timedelta(seconds=60))
    assert ask(rf)[0] == 200
    move_clock(now + timedelta(seconds=61))
    status, body = ask(rf)

    assert status == 503
    assert body["checks"]["worker"]["detail"] == "No worker has given a sign of life since 2026-01-15 12:00:00 UTC."


def test_it_says_that_the_engines_folder_is_gone(rf: RequestFactory, folders: Path) -> None:
    pulse.beat(WORKER)
    (folders / "engine").write_text("a file is in the way")
    status, body = ask(rf)
    assert status == 503
    assert [name for name, check in body["checks"].items() if not check["ok"]] == ["engine"]


def test_it_says_that_the_broker_is_silent(
    rf: RequestFactory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse.beat(WORKER)
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {}
    monkeypatch.setattr(health.current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    status, body = ask(rf)
    assert status == 503
    assert body["checks"]["broker"] == {"ok": False, "detail": "The broker does not answer."}


def test_it_says_that_the_database_is_silent(rf: RequestFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise health.DatabaseError("secret.host refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    status, body = ask(rf)
    assert status == 503
    assert not body["checks"]["database"]["ok"]
    assert not body["checks"]["worker"]["ok"]
    assert "secret.host" not in json.dumps(body)


def test_a_worker_writes_seldom_and_leaves_no_trace(
    now: datetime, move_clock: MoveClock, django_assert_num_queries: Any
) -> None:
    pulse.beat(WORKER)
    with django_assert_num_queries(0):
        move_clock(now + timedelta(seconds=9))
        pulse.beat(WORKER)
    move_clock(now + timedelta(seconds=10))
    pulse.beat(WORKER)
    assert Pulse.objects.get().at == now + timedelta(seconds=10)

    pulse.end(WORKER)
    assert not Pulse.objects.exists()


def test_killed_workers_are_forgotten_after_a_day(now: datetime) -> None:
    Pulse.objects.create(worker="celery@killed", at=now - timedelta(days=1, seconds=1))
    pulse.beat(WORKER)
    assert [each.worker for each in Pulse.objects.all()] == ["celery@one"]


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The servers that were asked; those called `away` do not answer."""
    seen: list[str] = []

    def version(url: str) -> str | None:
        seen.append(url)
        if "away" in url:
            raise EngineUnreachable("The ClickHouse server does not answer (no connection).")
        return "26.9"

    monkeypatch.setattr(engine_health, "server_version", version)
    return seen


class TestEnginesElsewhere:
    def place(self, address: str) -> Workspace:
        workspace = factories.WorkspaceFactory()
        EnginePlace.objects.create(workspace=workspace, address=seal.seal(address))
        return workspace

    def test_each_says_whether_it_answers(self, rf: RequestFactory, probed: list[str]) -> None:
        pulse.beat(WORKER)
        self.place("clickhouse://u:secret@near/one")
        far = [self.place("clickhouse://u:secret@away/one").pk for _ in range(2)]
        status, body = ask(rf)
        assert status == 503 and body["checks"]["engine"]["ok"] and body["checks"]["engine_2"]["ok"]
        detail = f"Of workspaces {far[0]}, {far[1]}: The ClickHouse server does not answer (no connection)."
        assert body["checks"]["engine_3"] == {"ok": False, "detail": detail}
        assert "secret" not in json.dumps(body) and "away" not in json.dumps(body)

    def test_a_server_is_asked_once(self, rf: RequestFactory, probed: list[str], settings: Settings) -> None:
        settings.ENGINE_URL = "clickhouse://u:p@near/name"
        for database in ("name", "one", "two"):
            self.place(f"clickhouse://u:p@near/{database}")
        RawArchive.objects.create(workspace=self.place("columnar"), address=seal.seal("clickhouse://u:p@near/raw"))
        _, body = ask(rf)
        assert len(probed) == 1
        assert {name for name in body["checks"] if "engine" in name} == {
            "engine",
            *(f"engine_{n}" for n in (2, 3, 4, 5)),
        }

    def test_they_are_asked_at_the_same_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        together = threading.Barrier(3, timeout=10)
        monkeypatch.setattr(engine_health, "server_version", lambda url: str(together.wait()))
        assert set(engine_health.asked(f"clickhouse://host-{n}/x" for n in range(3)).values()) == {""}

    def test_a_folder_elsewhere(self, rf: RequestFactory, folders: Path) -> None:
        (folders / "other").write_text("a file is in the way")
        self.place(f"columnar://{folders / 'other'}")
        assert not ask(rf)[1]["checks"]["engine_2"]["ok"]

    def test_an_address_that_nobody_can_open(self, rf: RequestFactory) -> None:
        EnginePlace.objects.create(workspace=factories.WorkspaceFactory(pk=7), address="sealed under another key")
        check = ask(rf)[1]["checks"]["engine_sealed"]
        assert not check["ok"] and check["detail"].startswith("Of workspace 7: The address of this workspace's engine")
