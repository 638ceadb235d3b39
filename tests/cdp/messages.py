"""Messages as reading gives them, in a few words."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from cdp.tracking.messages import Kind, Message

T0 = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count(1)


def message(kind: Kind = Kind.TRACK, *, at: float = 0, **fields: Any) -> Message:
    """A message `at` hours after T0, with identifiers as keywords: user_id="u", email="e", anonymous_id="a"."""
    strengths = ("user_id", "email", "phone", "anonymous_id")
    moment = T0 + timedelta(hours=at)
    defaults: dict[str, Any] = {
        "index": 0,
        "message_id": f"message-{next(_numbers)}",
        "name": "visit",
        "original_name": fields.get("name", "visit"),
        "identifiers": tuple((name, fields[name]) for name in strengths if fields.get(name)),
        "ts": moment,
        "received_at": moment,
        "sent_at": None,
        "original_timestamp": None,
        "flags": (),
    }
    nothing = dict.fromkeys(("user_id", "anonymous_id", "previous_id", "group_id", "platform", "device", "campaign"))
    empty: dict[str, Any] = {"traits": {}, "properties": {}, "context": {}, "event_id": None}
    said = {name: value for name, value in fields.items() if name not in {"email", "phone"}}
    return Message(kind=kind, **{**defaults, **nothing, **empty, **said})
