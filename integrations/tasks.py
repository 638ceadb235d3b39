"""Background work with the outside world."""

from celery import shared_task

from integrations.services.pipedrive import runs, sync
from stratum.workspaces import jobs


@shared_task(name=runs.TASK)
def pipedrive_sync(job_id: str) -> None:
    with jobs.running(job_id) as held:
        if held is not None:
            sync.work(held)
