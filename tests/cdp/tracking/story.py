"""A shop's day, and short ways to tell the reader about it."""

from datetime import UTC, datetime
from typing import Any

from cdp.tracking.body import Envelope
from cdp.tracking.messages import Kind, Message, Rejection
from cdp.tracking.read import read_item
from cdp.tracking.rules import DEFAULT_ALIASES, Rules

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

SERVER = Rules(aliases=DEFAULT_ALIASES, default_country="DE", retention_days=180, client_side=False)
BROWSER = Rules(aliases=DEFAULT_ALIASES, default_country="DE", retention_days=180, client_side=True)


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "signed_up", "userId": "u1", "messageId": "m1", **fields}


def identify(**traits: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": "u1", "messageId": "m1", "traits": traits}


def read(
    raw: object, *, rules: Rules = SERVER, kind: Kind | None = None, index: int = 0, **envelope: Any
) -> Message | Rejection:
    return read_item(raw, index, rules=rules, received_at=NOON, kind=kind, envelope=Envelope(items=[raw], **envelope))


def accepted(raw: object, **how: Any) -> Message:
    outcome = read(raw, **how)
    assert isinstance(outcome, Message), outcome
    return outcome


def rejected(raw: object, **how: Any) -> Rejection:
    outcome = read(raw, **how)
    assert isinstance(outcome, Rejection), outcome
    return outcome
