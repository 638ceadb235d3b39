"""The book: the only writer of its entries.

Whoever appends holds the workspace's head until the transaction ends, so that concurrent writers queue up instead of
forking the chain, and an entry is there exactly when what it tells about is.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stratum.lib.raw import document, raw_cursor
from stratum.workspaces import access
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer import chain
from trustlayer.models import LedgerEntry, LedgerHead

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entity:
    """What an action changes. `type` as people write it: Campaign, Ad Set, Creative."""

    type: str = ""
    id: str = ""
    name: str = ""
    platform: str = ""
    account: str = ""

    def __str__(self) -> str:
        return f"{self.type}: {self.name or self.id}" if self.type else self.name


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has its place in the book. `rule`: the id of the rule that proposed it, if one did."""

    reason: str
    reason_code: str
    kind: str = LedgerEntry.Kind.DECISION
    decision: str = ""
    signal_health: int | None = None
    blocked_reason: str | None = None
    action: str = ""
    entity: Entity = Entity()
    change: str = ""
    by: Actor = access.SYSTEM
    rule: str = ""
    is_dry_run: bool = False
    policy_version: int | None = None
    action_id: str = ""
    request_id: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def append(*, workspace: Workspace, drafts: Sequence[Draft], now: datetime) -> list[LedgerEntry]:
    """Write the entries in this order, in the caller's transaction or in one of their own."""
    if not drafts:
        return []
    rows = [_row(draft, chain.instant(now)) for draft in drafts]
    with raw_cursor() as cursor:
        cursor.execute(_APPEND, [workspace.pk, document([row | chain.pieces(row) for row in rows])], prepare=True)
        placed = cursor.fetchall()
    return [_entry(workspace, row, place, now) for row, place in zip(rows, placed, strict=True)]


def hold(workspace: Workspace) -> LedgerHead:
    """Nobody else appends to this book until the transaction ends."""
    held = LedgerHead.objects.select_for_update().filter(workspace=workspace)
    if (head := held.first()) is not None:
        return head
    LedgerHead.objects.bulk_create([LedgerHead(workspace=workspace, entry_hash=chain.BEGINNING)], ignore_conflicts=True)
    return held.get()


def _row(draft: Draft, at: str) -> Row:
    """All but its place in the chain. Instant and id as text, as the chain has them."""
    entity = draft.entity
    return {
        "id": str(uuid.uuid4()),
        "kind": str(draft.kind),
        "timestamp": at,
        "decision": str(draft.decision),
        "signal_health": draft.signal_health,
        "reason": draft.reason,
        "reason_code": draft.reason_code,
        "blocked_reason": draft.blocked_reason,
        "action": draft.action,
        "entity": str(entity),
        "entity_type": entity.type,
        "entity_id": entity.id,
        "entity_name": entity.name,
        "platform": entity.platform,
        "account": entity.account,
        "change": draft.change,
        "user": draft.by.label if draft.by.user or draft.by.api_key else "",
        "actor_type": str(_actor_type(draft)),
        "actor_id": _actor_id(draft),
        "is_dry_run": draft.is_dry_run,
        "policy_version": draft.policy_version,
        "action_id": draft.action_id,
        "request_id": draft.request_id,
        "evidence": chain.evidence_text(draft.evidence),
    }


def _actor_type(draft: Draft) -> LedgerEntry.ActorType:
    if draft.rule:
        return LedgerEntry.ActorType.RULE
    if draft.by.api_key is not None:
        return LedgerEntry.ActorType.API
    return LedgerEntry.ActorType.SYSTEM if draft.by.user is None else LedgerEntry.ActorType.USER


def _actor_id(draft: Draft) -> str:
    if draft.rule:
        return draft.rule
    who = draft.by.api_key or draft.by.user
    return "" if who is None else str(who.pk)


# The database chains the rows where it holds the head: a head that is held for ways to this process and back lets
# eight writers do a third as much.
_APPEND = "SELECT place, previous, hash FROM trustlayer_append(%s::bigint, %s::jsonb)"


def _entry(workspace: Workspace, row: Row, place: tuple[int, str, str], now: datetime) -> LedgerEntry:
    typed = {"id": uuid.UUID(row["id"]), "timestamp": now, "workspace_id": workspace.pk}
    chained = dict(zip(("seq", "prev_hash", "entry_hash"), place, strict=True))
    return LedgerEntry(**{**row, **typed, **chained})


def read_evidence(entry: LedgerEntry) -> dict[str, Any]:
    """What the decision rested on, as JSON."""
    evidence: dict[str, Any] = json.loads(entry.evidence)
    return evidence
