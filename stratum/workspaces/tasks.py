"""The tick: once a minute it starts what is due and starts again what was lost."""

from datetime import datetime

from celery import shared_task
from celery.utils.log import get_task_logger
from django.db import transaction

from stratum.lib import clock
from stratum.lib.jobs import after_commit
from stratum.workspaces import idempotency, jobs, registry, services
from stratum.workspaces.services import security

log = get_task_logger(__name__)


@shared_task(name="stratum.tick")
def tick() -> None:
    now = clock.now()
    for work in registry.scheduled_work.values():
        start_due(work, now)
    if lost := jobs.requeue_lost(now=now):
        log.warning("Started %d lost jobs again", lost)
    services.forget_failures(now=now)
    idempotency.forget_old(now=now)
    security.forget_old(now=now)


def start_due(work: registry.ScheduledWork, now: datetime) -> None:
    """A claim that breaks must not keep the others from running."""
    try:
        with transaction.atomic():
            for arguments in work.claim(now):
                after_commit(work.task, **arguments)
    except Exception:
        log.exception("Could not claim due work of %s", work.name)
