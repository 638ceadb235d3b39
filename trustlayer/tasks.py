"""Background work of the trust layer."""

from celery import shared_task

from stratum.lib import clock
from stratum.workspaces import jobs
from stratum.workspaces.models import Workspace
from trustlayer.queries import audit
from trustlayer.services import history, keeping, verification


@shared_task(name=verification.TASK)
def verify(job_id: str) -> None:
    with jobs.running(job_id) as run:
        if run:
            verification.run(run)


@shared_task(name=keeping.TASK)
def keep(workspace_id: int) -> None:
    """The day's checkpoint of a book, and retention behind it."""
    for workspace in Workspace.objects.filter(pk=workspace_id):
        if keeping.keep(workspace=workspace, now=clock.now()):
            audit.remember_anew(workspace)


@shared_task(name=history.TASK)
def record_health(workspace_id: int) -> None:
    """Today's row of the history of signal health."""
    for workspace in Workspace.objects.filter(pk=workspace_id):
        history.record(workspace=workspace, now=clock.now())
