"""`/healthz`: 200 when all works; else 503 and what does not."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from stratum import health
from stratum.home import pulse
from stratum.home.models import Pulse
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
