"""What a person decides about duplicates: which person is whose, two persons made one, or leave them apart."""

from datetime import datetime

from django.db import transaction

from integrations.models import PipedriveConnection, PipedriveDuplicate, PipedriveLink, PipedriveOutbox
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import gateway, links, mirror, outbox
from integrations.services.pipedrive.spending import Halt, Ledger
from stratum.lib.http import Failure
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

CHOICES = ("link", "merge", "keep_apart")
State = PipedriveDuplicate.State


def resolve(
    *,
    workspace: Workspace,
    by: Actor,
    duplicate_id: int,
    choice: str,
    now: datetime,
    person_id: int | None = None,
    profile_id: int | None = None,
) -> PipedriveDuplicate:
    """`link` the profile with the person `person_id`; `merge` the other persons into it in Pipedrive first, which
    cannot be undone; or `keep_apart`. `profile_id` chooses between two profiles. The next run writes what follows.
    """
    row = queries.duplicate(workspace, duplicate_id)
    if row.state != State.OPEN:
        raise Refusal("duplicate_settled", "This has been settled already.")
    if choice not in CHOICES:
        raise Invalid([Fault("/choice", f"Choose one of: {', '.join(CHOICES)}.", "unknown_choice")])
    if choice == "keep_apart":
        return _keep_apart(row, by, now)
    profile, person = _chosen(row, profile_id, person_id)
    if choice == "merge":
        _merge(row.connection, [one for one in row.remote_ids if one != person], person, now)
    return _link(row, profile, person, by, now)


def _chosen(row: PipedriveDuplicate, profile_id: int | None, person_id: int | None) -> tuple[int, int]:
    profiles = [one for one in (row.local_id, row.other_id) if one is not None]
    profile = profile_id or next(iter(profiles), None)
    person = person_id or (row.remote_ids[0] if len(row.remote_ids) == 1 else None)
    if profile not in profiles or profile is None:
        raise Invalid([Fault("/profile", "Choose one of the profiles.", "unknown_choice")])
    if person not in row.remote_ids or person is None:
        raise Invalid([Fault("/person", "Choose one of the persons.", "unknown_choice")])
    return profile, person


@transaction.atomic
def _keep_apart(row: PipedriveDuplicate, by: Actor, now: datetime) -> PipedriveDuplicate:
    """The profile is left alone until it changes."""
    if row.local_id is not None:
        waiting = row.connection.outbox.filter(kind="person", local_id=row.local_id)
        waiting.filter(state=PipedriveOutbox.State.WAITING).update(state=PipedriveOutbox.State.IGNORED)
    return _settled(row, State.IGNORED, f"Kept apart by {by.label}", now)


def _merge(connection: PipedriveConnection, losers: list[int], survivor: int, now: datetime) -> None:
    ledger = Ledger(connection, now)
    client = gateway.client_of(connection, ledger)
    try:
        for loser in losers:
            client.merge_persons(loser, survivor)
    except (Failure, Halt) as failure:
        raise Refusal("not_merged", f"Pipedrive did not merge them: {failure.sentence}") from failure
    finally:
        ledger.flush(now)


@transaction.atomic
def _link(row: PipedriveDuplicate, profile: int, person: int, by: Actor, now: datetime) -> PipedriveDuplicate:
    """Whatever the two were linked to before gives way."""
    connection = row.connection
    mirror.drop(connection, [one for one in row.remote_ids if one != person])
    connection.links.filter(kind="person", local_id=profile).exclude(remote_id=person).delete()
    connection.links.filter(kind="person", remote_id=person).exclude(local_id=profile).delete()
    PipedriveLink.objects.update_or_create(
        connection=connection,
        kind="person",
        local_id=profile,
        defaults={"remote_id": person, "remote_state": links.RemoteState.LIVE, "base": {}, "synced_at": now},
    )
    outbox.put(connection, "person", [profile], now=now, forced=True, revive=True)
    return _settled(row, State.RESOLVED, f"Linked with person {person} by {by.label}", now)


def _settled(row: PipedriveDuplicate, state: str, words: str, now: datetime) -> PipedriveDuplicate:
    row.state, row.resolution, row.resolved_at = state, words[:300], now
    row.save(update_fields=["state", "resolution", "resolved_at"])
    return row


def candidates(row: PipedriveDuplicate) -> list[dict[str, object]]:
    """The persons to choose from, as they were seen last."""
    shown = mirror.shown(row.connection, row.remote_ids)
    return [shown.get(one, {"id": one, "name": "", "emails": [], "phones": []}) for one in row.remote_ids]
