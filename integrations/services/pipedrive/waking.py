"""What wakes the sync, and whom the sync wakes: settings, mapping, webhooks, our own changes, health."""

import secrets
from datetime import datetime

from django.conf import settings

from integrations.models import PipedriveConnection, PipedriveOutbox
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import gateway
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.spending import Halt, Ledger
from integrations.services.pipedrive.webhooks import USER
from stratum.lib.http import Failure, NotAuthorised, Throttled, Unreachable
from stratum.lib.seal import seal, unseal

ENTITIES = ("person", "deal")
PATH = "/api/v1/integrations/pipedrive/webhook/"


def mapping_changed(connection: PipedriveConnection, *, now: datetime) -> None:
    """The next look at our side takes everybody: what they come to is another thing now."""
    forget_places(connection)


def settings_changed(connection: PipedriveConnection, *, now: datetime) -> None:
    forget_places(connection)


def forget_places(connection: PipedriveConnection) -> None:
    connection.followed = {}
    connection.save(update_fields=["followed"])


# Webhooks


def address(connection: PipedriveConnection) -> str:
    return f"{settings.BASE_URL.rstrip('/')}{PATH}{connection.webhook_secret}"


def is_public() -> bool:
    """Whether Pipedrive could reach us at all. Without that, polling every 15 minutes is all there is."""
    return str(settings.BASE_URL).startswith("https://")


def ensure_webhooks(work: Work) -> None:
    """There for the real-time schedule, and else not. Those whose answer was lost are found by their address."""
    connection = work.connection
    wanted = queries.schedule_of(connection) == PipedriveConnection.Schedule.REALTIME and is_public()
    if not wanted:
        take_off_webhooks(connection, now=work.now())
        return
    if len(connection.webhook_ids) == len(ENTITIES):
        return
    if not connection.webhook_password:
        connection.webhook_password = seal(secrets.token_urlsafe(24))
        connection.save(update_fields=["webhook_password"])
    connection.webhook_ids = _ensured(work, address(connection), unseal(connection.webhook_password))
    connection.save(update_fields=["webhook_ids"])


def _ensured(work: Work, url: str, password: str) -> list[int]:
    known = _ours(work, url)
    try:
        for entity in ENTITIES:
            if entity not in known:
                name = f"Stratum {entity}s"
                known[entity] = work.client.create_webhook(url, entity, name=name, user=USER, password=password)
    except (NotAuthorised, Throttled):
        raise
    except Unreachable:
        known = _ours(work, url)
    except Failure as failure:
        work.note("failed", kind="webhook", title="Webhooks", error=failure.sentence, is_open=True)
    return sorted(known.values())


def _ours(work: Work, url: str) -> dict[str, int]:
    return {
        one["event_object"]: int(one["id"])
        for one in work.client.webhooks()
        if one.get("subscription_url") == url and one.get("is_active")
    }


def take_off_webhooks(connection: PipedriveConnection, *, now: datetime) -> None:
    """As far as Pipedrive answers: what stays there leads to an address that nobody knows any more."""
    if not connection.webhook_ids or not connection.token:
        return
    ledger = Ledger(connection, now)
    client = gateway.client_of(connection, ledger)
    try:
        for webhook in connection.webhook_ids:
            client.delete_webhook(webhook)
    except (Failure, Halt):
        return
    finally:
        ledger.flush(now)
        connection.webhook_ids = []
        connection.save(update_fields=["webhook_ids"])


# Real time


def has_work(connection: PipedriveConnection, *, now: datetime) -> bool:
    """Whether something waits: a webhook, or a record that is due."""
    if connection.inbox.filter(processed_at=None).exists():
        return True
    states = (PipedriveOutbox.State.QUEUED, PipedriveOutbox.State.IN_FLIGHT, PipedriveOutbox.State.AMBIGUOUS)
    due = connection.outbox.filter(state__in=states, not_before__lte=now)
    return due.exclude(lease_until__gt=now).exists()
