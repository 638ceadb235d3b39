"""Background work of saved views and exports."""

from celery import shared_task

from stratum.lib import clock
from stratum.reports.services import exports
from stratum.workspaces import jobs


@shared_task(name=exports.TASK)
def export(job_id: str) -> None:
    with jobs.running(job_id) as run:
        if run:
            exports.run(run)


@shared_task(name="reports.forget_expired")
def forget_expired() -> None:
    exports.forget_expired(now=clock.now())
