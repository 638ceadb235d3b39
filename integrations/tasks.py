"""Background work with the outside world."""

from celery import shared_task

from integrations.services import ad_sync
from integrations.services.pipedrive import realtime, runs, sync, webhooks
from stratum.lib import clock
from stratum.workspaces import jobs


@shared_task(name=runs.TASK)
def pipedrive_sync(job_id: str) -> None:
    with jobs.running(job_id) as held:
        if held is not None:
            sync.work(held)


@shared_task(name=webhooks.TASK)
def pipedrive_inbox(connection_id: int) -> None:
    """A webhook came: what it hints at is read at once."""
    realtime.look_at(connection_id, clock.now())


@shared_task(name="integrations.pipedrive_realtime")
def pipedrive_realtime() -> None:
    realtime.look(clock.now())


@shared_task(name=ad_sync.TASK)
def sync_ad_connection(connection_id: int) -> None:
    ad_sync.sync(connection_id=connection_id, now=clock.now())
