"""What notifications register: their own kinds, and what the tick starts."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from stratum.notifications.models import Announcement
from stratum.notifications.registry import kinds
from stratum.notifications.services import announcing, sending, summaries
from stratum.workspaces.registry import ScheduledWork, scheduled_work


def register() -> None:
    for kind in summaries.KINDS:
        kinds.register(kind)
    scheduled_work.register(ScheduledWork("notices", announcing.COLLECT, announcing.claim_collections))
    scheduled_work.register(ScheduledWork("summaries", summaries.TASK, summaries.claim_due))
    scheduled_work.register(ScheduledWork("messages", announcing.SEND, sending.claim_due))
    scheduled_work.register(ScheduledWork("old_messages", "notifications.forget", claim_old))


def claim_old(now: datetime) -> Iterable[Mapping[str, Any]]:
    return [{}] if Announcement.objects.filter(created_at__lt=now - sending.KEPT_FOR).exists() else []
