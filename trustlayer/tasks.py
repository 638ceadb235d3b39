"""Background work of the trust layer."""

from celery import shared_task

from stratum.lib import clock
from stratum.workspaces import jobs
from trustlayer.services import keeping, verification


@shared_task(name=verification.TASK)
def verify(job_id: str) -> None:
    with jobs.running(job_id) as run:
        if run:
            verification.run(run)


@shared_task(name=keeping.TASK)
def keep(workspace_id: int) -> None:
    """The day's checkpoint of a book, and retention behind it."""
    keeping.keep(workspace_id=workspace_id, now=clock.now())
