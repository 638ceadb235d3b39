"""The event store: one batch of read messages into PostgreSQL, exactly once.

An event is acknowledged only after its row is committed. Most batches meet people as they are already known, or new
ones: those are written by one autocommit statement. A batch that changes what is known about somebody (merge, new
identifier, attribute, device that changed hands) is resolved again under the workspace's lock. Concurrent writers that
create the same identifier collide on its uniqueness; the loser starts over and then finds it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import psycopg
from django.db import connection, transaction

from cdp.models import Change, Event, Identifier, Profile
from cdp.queries.raw_archive import moved_ids
from cdp.services.blocks import ids
from cdp.services.identity import AliasRefused, NeedsLock, Person, Resolver
from cdp.services.known import Seen, load_whole, look_up, pair_key
from cdp.tracking.messages import Kind, Message, Rejection
from stratum.lib.raw import document, raw_cursor
from stratum.workspaces.models import Workspace, WriteKey

ATTEMPTS = 8  # collisions with other writers before giving up; two in a row are already rare
LOCK = 5_301  # namespace of the advisory lock under which identity changes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch. `duplicates` were stored before; `copies` are second copies of a paired event."""

    accepted: int
    duplicates: int
    copies: int
    rejected: tuple[Rejection, ...]


def store(workspace: Workspace, source: WriteKey | None, messages: list[Message]) -> Receipt:
    if not messages:
        return Receipt(0, 0, 0, ())
    first: dict[str, Message] = {}
    for message in messages:
        first.setdefault(message.message_id, message)
    once = list(first.values())
    try:
        receipt = _retry(lambda: _store_known(workspace, source, once))
    except NeedsLock:
        receipt = _retry(lambda: _store_locked(workspace, source, once))
    return Receipt(receipt.accepted, receipt.duplicates + len(messages) - len(once), receipt.copies, receipt.rejected)


Result = TypeVar("Result")


def _retry(store: Callable[[], Result]) -> Result:
    """Start over when another writer created the same identifier first, or the two waited for each other."""
    for attempt in range(ATTEMPTS):
        try:
            if connection.in_atomic_block:
                with transaction.atomic():
                    return store()
            return store()
        except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _store_known(workspace: Workspace, source: WriteKey | None, messages: list[Message]) -> Receipt:
    seen, people, owners = look_up(workspace, messages, every_message=False)
    resolver = Resolver(people, owners, take_id=ids.take_one, may_change=False)
    return _Batch(workspace, source, resolver, messages, seen).write()


def _store_locked(workspace: Workspace, source: WriteKey | None, messages: list[Message]) -> Receipt:
    with transaction.atomic():
        lock_identities(workspace)
        seen, people, owners = look_up(workspace, messages, every_message=True)
        load_whole(workspace, people)
        resolver = Resolver(people, owners, take_id=ids.take_one, may_change=True)
        batch = _Batch(workspace, source, resolver, messages, seen)
        receipt = batch.write()
        batch.write_changes()
        return receipt


def lock_identities(workspace: Workspace) -> None:
    """Until the transaction ends nobody else changes who is who in this workspace."""
    with raw_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, workspace.pk])


class _Batch:
    """One batch on its way into the database."""

    def __init__(
        self,
        workspace: Workspace,
        source: WriteKey | None,
        resolver: Resolver,
        messages: list[Message],
        seen: Seen,
    ) -> None:
        self.workspace = workspace
        self.source = source
        self.resolver = resolver
        self.fresh: list[tuple[Message, int]] = []
        self.copies: list[Message] = []
        self.rejected: list[Rejection] = []
        self.duplicates = 0
        pairs = set(seen.pairs)
        for message in messages:
            pair = pair_key(message)
            if message.message_id in seen.messages:
                self.duplicates += 1
            elif pair in pairs:
                self.copies.append(message)
            else:
                self._resolve(message)
                if pair is not None:
                    pairs.add(pair)

    def _resolve(self, message: Message) -> None:
        try:
            self.fresh.append((message, self.resolver.resolve(message)))
        except AliasRefused:
            reason = (
                f"{message.previous_id} and {message.user_id} are both known users; "
                "an alias joins an anonymous id to a user."
            )
            item = orjson.dumps({"type": "alias", "previousId": message.previous_id, "userId": message.user_id})
            self.rejected.append(
                Rejection(message.index, message.message_id, "alias", "alias_refused", reason, item.decode())
            )

    def write(self) -> Receipt:
        rows = self._event_rows()
        written = self._insert(rows)
        late = [row for row in rows if row["id"] not in written]  # another writer stored them a moment ago
        copies = self._write_copies(late)
        return Receipt(
            len(written), self.duplicates + len(late) + len(self.copies) - copies, copies, tuple(self.rejected)
        )

    def _event_rows(self) -> list[dict[str, Any]]:
        rows = [
            {
                "id": row_id,
                "message_id": message.message_id,
                "pair_key": pair_key(message),
                "profile_id": profile,
                "kind": int(message.kind),
                "name": message.name,
                "original_name": message.original_name,
                "ts": message.ts,
                "received_at": message.received_at,
                "sent_at": message.sent_at,
                "original_timestamp": message.original_timestamp,
                "properties": message.traits if message.kind in _TELLING else message.properties,
                "context": message.context,
                "platform": message.platform,
                "device": message.device,
                "campaign": message.campaign,
                "flags": message.flags,
            }
            for row_id, (message, profile) in zip(ids.take(len(self.fresh)), self.fresh, strict=True)
        ]
        rows.sort(key=lambda row: str(row["message_id"]))  # concurrent repeats in another order would deadlock
        return rows

    def _insert(self, rows: list[dict[str, Any]]) -> set[int]:
        """Write events and the profiles and identifiers they brought; the ids of the events that were new."""
        if not rows:
            return set()
        newcomers = [*self.resolver.people.values(), *self.resolver.retired]
        profiles = [_profile_row(person) for person in newcomers if person.is_new]
        identifiers = self._identifier_rows()
        earlier = [
            {"id": person.id, "created_at": person.created_at}
            for person in sorted(newcomers, key=lambda person: person.id)
            if person.id in self.resolver.earlier and not person.is_new
        ]
        parameters: dict[str, object] = {
            "workspace": self.workspace.pk,
            "source": self.source.pk if self.source else None,
            "events": document(rows),
        }
        if people := bool(profiles or identifiers or earlier):
            parameters |= {
                "profiles": document(profiles),
                "identifiers": document(identifiers),
                "earlier": document(earlier),
            }
        with raw_cursor() as cursor:
            cursor.execute(_INSERT[people], parameters, prepare=True)
            return {row_id for (row_id,) in cursor.fetchall()}

    def _identifier_rows(self) -> list[dict[str, Any]]:
        resolver = self.resolver
        attached = sorted(resolver.attached, key=lambda identifier: (identifier[1], identifier[0]))
        created = {person.id: person.created_at for person in resolver.people.values()}
        return [
            {
                "id": row_id,
                "kind": kind,
                "value": value,
                "profile_id": resolver.owners[kind, value],
                "created_at": created[resolver.owners[kind, value]],
            }
            for row_id, (kind, value) in zip(ids.take(len(attached)), attached, strict=True)
        ]

    def _write_copies(self, late: list[dict[str, Any]]) -> int:
        """Note second copies of paired events; how many were not noted before."""
        copies = [(message.message_id, pair_key(message), message.received_at) for message in self.copies]
        copies += [(row["message_id"], row["pair_key"], row["received_at"]) for row in self._paired(late)]
        if not copies:
            return 0
        names = ("message_id", "pair_key", "received_at")
        rows: list[dict[str, object]] = [dict(zip(names, copy, strict=True)) for copy in sorted(copies)]
        source = self.source.pk if self.source else None
        with raw_cursor() as cursor:
            parameters = {"workspace": self.workspace.pk, "source": source, "copies": document(rows)}
            cursor.execute(_INSERT_COPIES, parameters, prepare=True)
            return cursor.rowcount

    def _paired(self, late: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Of the rows that another writer was quicker with: those whose pair it stored, not the message itself."""
        paired = [row for row in late if row["pair_key"]]
        if not paired:
            return []
        asked = Event.objects.filter(workspace=self.workspace, message_id__in=[row["message_id"] for row in paired])
        stored = set(asked.values_list("message_id", flat=True))
        stored |= moved_ids(self.workspace, [row["message_id"] for row in paired]).keys()
        return [row for row in paired if row["message_id"] not in stored]

    # What changed about people known before

    def write_changes(self) -> None:
        for merge in self.resolver.merged:
            self._write_merge(merge.loser, merge.survivor)
        Change.objects.bulk_create(
            Change(
                id=row_id,
                workspace=self.workspace,
                kind=Change.Kind.MERGE,
                profile_id=merge.loser,
                into_id=merge.survivor,
                before=orjson.loads(orjson.dumps(merge.before)),
                reason="identifiers matched",
                at=merge.at,
            )
            for row_id, merge in zip(ids.take(len(self.resolver.merged)), self.resolver.merged, strict=True)
        )
        for kind, value in self.resolver.moved:
            Identifier.objects.filter(workspace=self.workspace, kind=kind, value=value).update(
                profile_id=self.resolver.owners[kind, value]
            )
        changed = [_profile_row(person) for person in self.resolver.people.values() if person.is_changed]
        if changed:
            with raw_cursor() as cursor:
                cursor.execute(_UPDATE_PROFILES, [document(changed)], prepare=True)

    def _write_merge(self, loser: int, survivor: int) -> None:
        final = survivor
        for merge in self.resolver.merged:  # the survivor may have lost to another one later in this batch
            final = merge.survivor if merge.loser == final else final
        Profile.objects.filter(pk=loser).update(merged_into=final)
        Profile.objects.filter(merged_into=loser).update(merged_into=final)
        Identifier.objects.filter(profile_id=loser).update(profile_id=final)


_TELLING = {Kind.IDENTIFY, Kind.GROUP}  # their traits are what they say


def _profile_row(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "user_id": person.user_id,
        "attributes": person.attributes,
        "attribute_times": person.attribute_times,
        "created_at": person.created_at,
        "merges": person.merges,
    }


_PROFILES = """
WITH profiles AS (
    INSERT INTO cdp_profile (workspace_id, id, user_id, attributes, attribute_times, created_at, merges)
    SELECT %(workspace)s, r.* FROM jsonb_to_recordset(%(profiles)s::jsonb) AS r(id bigint, user_id text,
        attributes jsonb, attribute_times jsonb, created_at timestamptz, merges smallint)
), identifiers AS (
    INSERT INTO cdp_identifier (workspace_id, id, kind, value, profile_id, created_at)
    SELECT %(workspace)s, r.* FROM jsonb_to_recordset(%(identifiers)s::jsonb) AS r(id bigint, kind text,
        value text, profile_id bigint, created_at timestamptz)
), earlier AS (
    UPDATE cdp_profile p SET created_at = r.created_at
    FROM jsonb_to_recordset(%(earlier)s::jsonb) AS r(id bigint, created_at timestamptz)
    WHERE p.id = r.id AND p.created_at > r.created_at
)
"""
_UPDATE_PROFILES = """
UPDATE cdp_profile p SET user_id = r.user_id, attributes = r.attributes, attribute_times = r.attribute_times,
    created_at = least(p.created_at, r.created_at), merges = r.merges
FROM jsonb_to_recordset(%s::jsonb) AS r(id bigint, user_id text, attributes jsonb, attribute_times jsonb,
    created_at timestamptz, merges smallint)
WHERE p.id = r.id
"""
# Workspaces whose older raw events lie elsewhere keep hashes of the message ids here; all others pay one look.
_EVENTS = """
INSERT INTO cdp_event (workspace_id, source_id, id, message_id, pair_key, profile_id, kind, name, original_name,
    ts, received_at, sent_at, original_timestamp, properties, context, platform, device, campaign, flags)
SELECT %(workspace)s, %(source)s, r.* FROM jsonb_to_recordset(%(events)s::jsonb) AS r(id bigint, message_id text,
    pair_key text, profile_id bigint, kind smallint, name text, original_name text, ts timestamptz,
    received_at timestamptz, sent_at timestamptz, original_timestamp timestamptz, properties jsonb, context jsonb,
    platform text, device text, campaign text, flags text[])
WHERE CASE WHEN (SELECT EXISTS (SELECT FROM cdp_archivedmessage WHERE workspace_id = %(workspace)s))
    THEN (SELECT m.event_id FROM cdp_archivedmessage m
            WHERE m.message = md5(r.message_id)::uuid AND m.workspace_id + 0 = %(workspace)s LIMIT 1) IS NULL
        AND (SELECT m.event_id FROM cdp_archivedmessage m
            WHERE m.pair = md5(r.pair_key)::uuid AND m.workspace_id + 0 = %(workspace)s LIMIT 1) IS NULL
    ELSE true END
ON CONFLICT DO NOTHING
RETURNING id
"""
_INSERT_COPIES = """
INSERT INTO cdp_eventcopy (workspace_id, source_id, message_id, pair_key, received_at)
SELECT %(workspace)s, %(source)s, r.* FROM jsonb_to_recordset(%(copies)s::jsonb) AS r(message_id text, pair_key text,
    received_at timestamptz)
ON CONFLICT DO NOTHING
"""
_INSERT = {False: _EVENTS, True: _PROFILES + _EVENTS}
