"""/metrics and /readyz, for machines that watch this one."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from stratum.workspaces import registry
from stratum.workspaces.models import Job, Workspace
from stratum.workspaces.registry import Measure, Sample

BEARER = {"Authorization": "Bearer s3cret"}


@pytest.fixture(autouse=True)
def token(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = "s3cret"


def lines(client: Client) -> list[str]:
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    return answer.content.decode().splitlines()


def test_it_works(workspace: Workspace, client: Client, now: datetime) -> None:
    old = now - timedelta(seconds=90)
    Job.objects.create(workspace=workspace, kind="x", created_at=old)
    Job.objects.create(workspace=workspace, kind="x", created_at=now, state=Job.State.FAILED)
    told = lines(client)
    assert "# TYPE stratum_jobs gauge" in told
    assert 'stratum_jobs{state="queued"} 1' in told
    assert 'stratum_jobs{state="failed"} 1' in told
    assert 'stratum_jobs{state="running"} 0' in told
    assert "stratum_oldest_queued_job_seconds 90" in told
    assert 'stratum_part_works{part="database"} 1' in told
    assert 'stratum_workspaces{plan="professional"} 1' in told


def test_rooms_add_their_own(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def samples(now: datetime) -> Iterator[Sample]:
        yield Sample(2.5, {"name": 'a "quoted"\nname\\'})

    monkeypatch.setitem(registry.measures, "test", Measure("stratum_test", "Of a test.", samples))
    assert r'stratum_test{name="a \"quoted\"\nname\\"} 2.5' in lines(client)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "s3cret", "Bearer s3crét"])
def test_strangers_learn_nothing(db: None, client: Client, authorization: str) -> None:
    assert client.get("/metrics", headers={"Authorization": authorization}).status_code == 404


def test_without_a_token_nobody_may(db: None, client: Client, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_ready(db: None, client: Client) -> None:
    assert client.get("/readyz").json() == {"status": "ok"}


def test_not_ready_while_tables_are_old(db: None, client: Client) -> None:
    MigrationRecorder(connection).record_unapplied("support", "0002_message_of_a_program")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failing",
        "detail": "The tables are older than the program: run manage.py migrate.",
    }
