"""Background work of notifications."""

from celery import shared_task

from stratum.lib import clock
from stratum.notifications.services import announcing, sending, summaries
from stratum.workspaces.models import Workspace


@shared_task(name=announcing.SEND)
def send(message_id: int) -> None:
    sending.send(message_id, now=clock.now())


@shared_task(name=announcing.COLLECT)
def collect(workspace_id: int) -> None:
    announcing.collect(Workspace.objects.get(pk=workspace_id), now=clock.now())


@shared_task(name=summaries.TASK)
def summarise(workspace_id: int) -> None:
    summaries.summarise(Workspace.objects.get(pk=workspace_id), now=clock.now())


@shared_task(name="notifications.forget")
def forget() -> None:
    sending.forget_old(now=clock.now())
