"""Workers tell the database that they live; `/healthz` reads it."""

from datetime import datetime, timedelta
from typing import Any

from celery.signals import heartbeat_sent, worker_shutdown
from django.db import close_old_connections

from stratum.home.models import Pulse
from stratum.lib import clock

EVERY = timedelta(seconds=10)
LATE = timedelta(seconds=60)
FORGOTTEN = timedelta(days=1)

_last: dict[str, datetime] = {}


def register() -> None:
    heartbeat_sent.connect(beat)
    worker_shutdown.connect(end)


def beat(sender: Any, **details: object) -> None:
    """Celery's worker calls every two seconds, from its main process."""
    worker, now = _worker(sender.eventer), clock.now()
    if worker not in _last or now - _last[worker] >= EVERY:
        _last[worker] = now
        close_old_connections()  # outside of a request nobody else looks whether they still work
        Pulse.objects.update_or_create(worker=worker, defaults={"at": now})
        Pulse.objects.filter(at__lt=now - FORGOTTEN).delete()


def end(sender: Any, **details: object) -> None:
    for worker in _last:
        close_old_connections()
        Pulse.objects.filter(worker=worker).delete()


def _worker(eventer: Any) -> str:
    return str(eventer.hostname)


def latest() -> datetime | None:
    pulse = Pulse.objects.order_by("-at").first()
    return pulse.at if pulse else None
