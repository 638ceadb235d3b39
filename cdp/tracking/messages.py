"""What reading an item gives: a Message that can be stored, or a Rejection that tells its sender what to do."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any


class Kind(IntEnum):
    """A message's method, numbered as in the table of events. The first three are events that questions count."""

    TRACK = 0
    PAGE = 1
    SCREEN = 2
    IDENTIFY = 3
    GROUP = 4
    ALIAS = 5


@dataclass(slots=True)
class Message:
    """One item, read by every rule of the tracking API. All instants are aware and in UTC.

    `identifiers` holds (kind, value), strongest first: user_id, email, phone, external:<type>, anonymous_id; values
    that must never link are left out, so it may be shorter than the ids given. `user_id` and `anonymous_id` are None
    when they were blocked. `traits` are the person's, except on a GROUP message, where they are the group's.
    """

    index: int
    message_id: str
    kind: Kind
    name: str
    original_name: str
    user_id: str | None
    anonymous_id: str | None
    identifiers: tuple[tuple[str, str], ...]
    previous_id: str | None
    group_id: str | None
    traits: dict[str, Any]
    properties: dict[str, Any]
    context: dict[str, Any]
    ts: datetime
    received_at: datetime
    sent_at: datetime | None
    original_timestamp: datetime | None
    platform: str | None
    device: str | None
    campaign: str | None
    event_id: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused item. `item` is the item as received, escaped where PostgreSQL could not store it, cut at 32 KB."""

    index: int
    message_id: str
    name: str
    code: str
    reason: str
    item: str


class Unreadable(Exception):
    """Why an item cannot be read: a code for programs and a sentence that says what to do."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
