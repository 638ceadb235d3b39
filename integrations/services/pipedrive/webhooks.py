"""Webhooks in: stored as they come and answered at once. What they say is a hint to read, never the truth."""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction

from integrations.models import PipedriveConnection, PipedriveInbox
from stratum.lib.jobs import after_commit
from stratum.lib.refusal import Missing, Refusal
from stratum.lib.seal import unseal

USER = "stratum"
MOST_BYTES = 256 * 1024
TASK = "integrations.pipedrive_inbox"


@transaction.atomic
def receive_webhook(*, secret: str, authorization: str, body: bytes, now: datetime) -> bool:
    """Keep one for the worker; False for a repeat. Raises Missing for an address that is none."""
    connection = _connection(secret, authorization)
    told = _read(body)
    meta = told["meta"]
    _, is_new = PipedriveInbox.objects.get_or_create(
        connection=connection,
        event_id=str(meta.get("id") or meta.get("correlation_id") or "")[:100],
        defaults={
            "entity": str(meta.get("entity") or "")[:30],
            "action": str(meta.get("action") or "")[:30],
            "remote_id": _number(meta.get("entity_id")),
            "body": {"meta": meta},  # what changed is read from Pipedrive, and people's data is not kept twice
            "received_at": now,
        },
    )
    PipedriveConnection.objects.filter(pk=connection.pk).update(webhook_at=now)
    if is_new and connection.is_active:
        after_commit(TASK, connection_id=connection.pk)
    return is_new


def _connection(secret: str, authorization: str) -> PipedriveConnection:
    found = PipedriveConnection.objects.filter(webhook_secret=secret).first() if secret else None
    if found is None or found.state == PipedriveConnection.State.DISCONNECTED:
        raise Missing
    if found.webhook_password:
        expected = f"Basic {base64.b64encode(f'{USER}:{unseal(found.webhook_password)}'.encode()).decode()}"
        if not hmac.compare_digest(authorization.encode(), expected.encode()):
            raise Missing
    return found


def _read(body: bytes) -> dict[str, Any]:
    if len(body) > MOST_BYTES:
        raise Refusal("too_large", "A webhook has at most 256 KB.", status=413)
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal("not_json", "A webhook is JSON.", status=400) from None
    if not isinstance(told, Mapping) or not isinstance(told.get("meta"), Mapping):
        raise Refusal("no_meta", "A webhook says in `meta` what happened.", status=400)
    return dict(told)


def _number(value: object) -> int | None:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
