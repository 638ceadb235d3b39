"""People who do things, told as an SDK tells it: through the same door as everything that arrives."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from cdp.models import Event, Identifier, Profile
from cdp.services.event_store import Receipt
from cdp.services.ingest import ingest
from stratum.workspaces.models import Workspace, WriteKey

Tell = Callable[..., Receipt]

_numbers = count(1)


def teller(workspace: Workspace, now: datetime, source: WriteKey | None = None) -> Tell:
    """`tell("purchase", user="anna", hours_ago=3, revenue=9)`; what is no name of an item is a property or trait."""

    def tell(
        event: str,
        *,
        user: str | None = None,
        visitor: str | None = None,
        hours_ago: float = 1,
        where: Workspace | None = None,
        message_id: str | None = None,
        context: dict[str, Any] | None = None,
        **said: Any,
    ) -> Receipt:
        item: dict[str, Any] = {
            "type": event if event in {"identify", "page"} else "track",
            "event": event,
            "timestamp": (now - timedelta(hours=hours_ago)).isoformat(),
            "messageId": message_id or f"message-{next(_numbers)}",
            "context": context or {},
            ("traits" if event == "identify" else "properties"): said,
        }
        item |= {name: who for name, who in (("userId", user), ("anonymousId", visitor)) if who}
        return ingest(workspace=where or workspace, source=source, items=[item], received_at=now)

    return tell


def profile_of(workspace: Workspace, kind: str, value: str) -> Profile:
    return Identifier.objects.get(workspace=workspace, kind=kind, value=value).profile


def event_called(name: str) -> Event:
    return Event.objects.get(name=name)
