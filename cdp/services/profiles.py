"""What people do to profiles: void an event, split a merge, erase somebody."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from cdp.models import Change, Event, Identifier, Profile, RejectedItem
from cdp.queries import raw_archive
from cdp.queries.engine import answering
from cdp.services.blocks import ids
from cdp.services.event_store import lock_identities
from stratum.lib.jobs import after_commit
from stratum.lib.refusal import Missing, Refusal
from stratum.workspaces import registry
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer.models import LedgerEntry
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft, Entity


def void_events(*, workspace: Workspace, message_ids: Sequence[str], reason: str, by: Actor, now: datetime) -> int:
    """Keep the events, marked: no question counts them any more. How many were not voided before."""
    with answering():
        moved = raw_archive.by_message(workspace, message_ids)
    with transaction.atomic():
        lock_identities(workspace)
        events = {event.pk: event for event in moved}
        events |= Event.objects.filter(workspace=workspace, message_id__in=message_ids).in_bulk()
        voided = Change.objects.filter(kind=Change.Kind.VOID, event_id__in=events).values_list("event_id", flat=True)
        open_events = sorted(set(events) - set(voided))
        Change.objects.bulk_create(
            Change(
                id=row_id,
                workspace=workspace,
                kind=Change.Kind.VOID,
                event_id=event,
                profile_id=events[event].profile_id,
                before={"name": events[event].name},
                reason=reason,
                by=by.label,
                at=now,
            )
            for row_id, event in zip(ids.take(len(open_events)), open_events, strict=True)
        )
    return len(open_events)


@transaction.atomic
def split(*, workspace: Workspace, merge_id: int, by: Actor, now: datetime) -> Profile:
    """Undo a merge: the losing profile comes back with its identifiers, attributes and events.

    What arrived after the merge stays with the survivor: nothing says whose it was.
    """
    lock_identities(workspace)
    merge = Change.objects.filter(workspace=workspace, kind=Change.Kind.MERGE, pk=merge_id).first()
    if merge is None or merge.before is None or merge.profile_id is None:
        raise Missing("There is no merge with that number.")
    loser = Profile.objects.get(pk=merge.profile_id)
    if loser.merged_into is None:
        raise Refusal("already_split", "These profiles have been split already.")
    survivor = Profile.objects.get(pk=loser.merged_into)
    aliases = _bring_back(loser, survivor, merge.before["loser"])
    _give_back(survivor, loser, merge.before)
    Change.objects.create(
        id=ids.take_one(),
        workspace=workspace,
        kind=Change.Kind.SPLIT,
        profile_id=loser.pk,
        into_id=survivor.pk,
        before={"loser": {"aliases": aliases}},
        reason=f"split of merge {merge.pk}",
        by=by.label,
        at=now,
    )
    return loser


def _bring_back(loser: Profile, survivor: Profile, image: dict[str, Any]) -> list[int]:
    """What the loser had and the survivor still has; the ids of the profiles that follow the loser."""
    followers = Profile.objects.filter(pk__in=image["aliases"], merged_into=survivor.pk)
    aliases = list(followers.values_list("pk", flat=True))
    followers.update(merged_into=loser.pk)
    loser.merged_into = None
    loser.save(update_fields=["merged_into"])
    for kind, value in image["identifiers"]:
        survivor.identifiers.filter(kind=kind, value=value).update(profile_id=loser.pk)
    return aliases


def _give_back(survivor: Profile, loser: Profile, before: dict[str, Any]) -> None:
    """The survivor keeps what it learned since; what it had only from the loser goes."""
    gone, own = before["loser"], before["survivor"]
    for name, at in gone["attribute_times"].items():
        if survivor.attribute_times.get(name) == at and own["attribute_times"].get(name) != at:
            _restore(survivor.attribute_times, own["attribute_times"], name)
            _restore(survivor.attributes, own["attributes"], name)
    if survivor.user_id == loser.user_id:
        survivor.user_id = own["user_id"]
    survivor.save(update_fields=["attributes", "attribute_times", "user_id"])


def _restore(current: dict[str, Any], image: dict[str, Any], name: str) -> None:
    current.pop(name, None)
    if name in image:
        current[name] = image[name]


@transaction.atomic
def erase(*, workspace: Workspace, profile: Profile, by: Actor, now: datetime) -> None:
    """Remove everything personal: identifiers, attributes, the content of events, refused items that name them.

    Message ids stay, so that a late repeat cannot bring anything back; no question counts the events any more.
    """
    lock_identities(workspace)
    cluster = [profile.pk, *Profile.objects.filter(merged_into=profile.pk).values_list("pk", flat=True)]
    _forget_refused(workspace, Identifier.objects.filter(profile_id__in=cluster).values_list("value", flat=True))
    Identifier.objects.filter(profile_id__in=cluster).delete()
    events = Event.objects.filter(profile_id__in=cluster).update(
        properties={}, context={}, platform=None, device=None, campaign=None
    )
    Profile.objects.filter(pk__in=cluster).update(
        attributes={}, attribute_times={}, user_id=None, erased_at=now, merged_into=None
    )
    Change.objects.filter(workspace=workspace, profile_id__in=cluster).update(before=None)
    Change.objects.bulk_create(
        Change(
            id=row_id, workspace=workspace, kind=Change.Kind.ERASE, profile_id=pk, reason="erased", by=by.label, at=now
        )
        for row_id, pk in zip(ids.take(len(cluster)), cluster, strict=True)
    )
    for eraser in registry.erasers.values():
        eraser.erase(workspace, cluster, now)
    ledger.append(workspace=workspace, drafts=[_proof(cluster, events, by)], now=now)
    if raw_archive.has_any(workspace):
        after_commit("cdp.forget_erased", workspace_id=workspace.pk)


def _proof(cluster: list[int], events: int, by: Actor) -> Draft:
    """The entry of the book names numbers only, or it would keep what was to be forgotten."""
    return Draft(
        kind=LedgerEntry.Kind.ERASURE,
        reason=f"Profile {cluster[0]} was erased: identifiers, attributes and the content of its events",
        reason_code="erased",
        action="erase_profile",
        entity=Entity("Profile", str(cluster[0])),
        by=by,
        evidence={"profiles": cluster, "events": events, "rooms": sorted(registry.erasers)},
    )


def _forget_refused(workspace: Workspace, values: Iterable[str]) -> None:
    """Refused items that name one of these identifiers as a whole JSON value."""
    for value in values:
        for written in {json.dumps(value), json.dumps(value, ensure_ascii=False)}:
            RejectedItem.objects.filter(workspace=workspace, item__contains=written).delete()


@transaction.atomic
def attach(*, workspace: Workspace, kind: str, values: Mapping[int, str], now: datetime) -> int:
    """Give live profiles one more way to be found, by number; how many were new. Nobody is merged by it: what belongs
    to somebody already stays there."""
    if not values:
        return 0
    lock_identities(workspace)
    live = set(
        Profile.objects.filter(pk__in=values, workspace=workspace, merged_into=None, erased_at=None).values_list(
            "pk", flat=True
        )
    )
    wanted = {profile: value for profile, value in sorted(values.items()) if profile in live}
    rows = [
        Identifier(id=row_id, workspace=workspace, kind=kind, value=value, profile_id=profile, created_at=now)
        for row_id, (profile, value) in zip(ids.take(len(wanted)), wanted.items(), strict=True)
    ]
    before = Identifier.objects.filter(workspace=workspace, kind=kind, value__in=wanted.values()).count()
    Identifier.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows) - before
