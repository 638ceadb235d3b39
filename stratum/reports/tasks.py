"""Background work of saved views, exports and their delivery."""

from uuid import UUID

from celery import shared_task

from stratum.lib import clock
from stratum.reports.models import Export
from stratum.reports.services import deliveries, exports
from stratum.workspaces import jobs


@shared_task(name=exports.TASK)
def export(job_id: str) -> None:
    try:
        with jobs.running(job_id) as run:
            if run:
                exports.run(run)
    finally:
        for ended in Export.objects.filter(job_id=UUID(job_id)):
            deliveries.written(ended, clock.now())


@shared_task(name=deliveries.TASK)
def deliver(delivery_id: str) -> None:
    deliveries.advance(delivery_id, now=clock.now())


@shared_task(name="reports.forget_expired")
def forget_expired() -> None:
    exports.forget_expired(now=clock.now())
