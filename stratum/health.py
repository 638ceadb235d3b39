"""`/healthz`: whether this installation works, for operators. `/readyz`: whether this process can, for balancers."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from kombu.exceptions import OperationalError as BrokerError

from cdp.queries import engine_health
from stratum.home import pulse
from stratum.lib import clock, locations
from stratum.workspaces import access


@dataclass(frozen=True)
class Part:
    """One thing that has to work. `detail` says what is wrong, without addresses or secrets."""

    ok: bool
    detail: str = ""


@access.public
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when all parts work, else 503; the body names each."""
    parts = look(clock.now())
    ok = all(part.ok for part in parts.values())
    body = {
        "status": "ok" if ok else "failing",
        "checks": {name: {"ok": part.ok, "detail": part.detail} for name, part in parts.items()},
    }
    return JsonResponse(body, status=200 if ok else 503)


@access.public
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether requests may be sent here: the database answers and its tables fit the program."""
    detail = _database().detail or _tables().detail
    if detail:
        return JsonResponse({"status": "failing", "detail": detail}, status=503)
    return JsonResponse({"status": "ok"})


def look(now: datetime) -> dict[str, Part]:
    database = _database()
    return {
        "database": database,
        **_engines(database.ok),
        "broker": _broker(),
        "worker": _worker(now) if database.ok else Part(False, "Unknown while the database does not answer."),
    }


def _database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, psycopg.Error):
        return Part(False, "The database does not answer.")
    return Part(True)


def _tables() -> Part:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return Part(False, "The tables are older than the program: run manage.py migrate.")
    return Part(True)


def _engines(is_known: bool) -> dict[str, Part]:
    """Where ENGINE_URL leads and, while the database can tell, wherever workspaces were moved."""
    found = engine_health.ailments() if is_known else engine_health.ailment_of_engine_url()
    return {name: Part(not detail, detail) for name, detail in found.items()}


def _broker() -> Part:
    folders = locations.broker_folders(getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {}))
    works = all(map(locations.writable, folders)) if folders else _broker_answers()
    return Part(works, "" if works else "The broker does not answer.")


def _broker_answers() -> bool:
    try:
        with current_app.connection_for_write(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    except (BrokerError, OSError):
        return False
    return True


def _worker(now: datetime) -> Part:
    last = pulse.latest()
    if last is None:
        return Part(False, "No worker has started.")
    if now - last > pulse.LATE:
        return Part(False, f"No worker has given a sign of life since {last:%Y-%m-%d %H:%M:%S} UTC.")
    return Part(True)
