"""Segments written: create, change, members in and out, archive and restore."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import IntegrityError, transaction

from cdp.definitions.condition_reading import MOST_FAULTS
from cdp.definitions.segments import SegmentDraft, parse_draft, parse_named
from cdp.engine.arrays import Ints
from cdp.models import Segment, Spell
from cdp.queries import arrays, segment_uses
from cdp.queries import segments as queries
from cdp.queries.segment_members import members_of
from cdp.queries.survivors import survivors
from cdp.queries.traits import zone_of
from cdp.services import segment_days, segment_spells
from cdp.services.event_store import lock_identities
from cdp.services.segment_spells import enter, leave
from stratum.lib.jobs import after_commit
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.tags import names_tag
from stratum.workspaces import limits, registry
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

METER = "segments"
STATIC = {"type": "static"}
COMPUTE = "cdp.keep_segments"  # the task that decides who is in


def create(
    *, workspace: Workspace, by: Actor, name: str, description: str, condition: object, now: datetime
) -> Segment:
    """Raises Invalid with every fault, also for profiles that are not of this workspace."""
    draft = parse_draft({"name": name, "description": description, "condition": condition}, zone=zone_of(workspace))
    return create_from_draft(workspace=workspace, by=by, draft=draft, now=now)


def create_from_draft(*, workspace: Workspace, by: Actor, draft: SegmentDraft, now: datetime) -> Segment:
    """A static list as it is; a condition's members are there a moment later. Raises Invalid and Refusal."""
    if draft.ids is None:
        return _create_kept(workspace, by, draft, now)
    keys = np.array(draft.ids, np.int64)
    require_profiles(workspace, keys, "/condition/ids")
    return create_static(
        workspace=workspace, by=by, name=draft.name, description=draft.description, profiles=keys, now=now
    )


@transaction.atomic
def _create_kept(workspace: Workspace, by: Actor, draft: SegmentDraft, now: datetime) -> Segment:
    limits.require_room(workspace, METER)
    segment_uses.require_in_plan(workspace, draft.condition)
    segment_uses.require_known(workspace, draft.condition)
    segment = _save(
        Segment(
            workspace=workspace,
            name=draft.name,
            description=draft.description,
            condition=dict(draft.source),
            include_anonymous=draft.include_anonymous,
            status=Segment.Status.COMPUTING,
            created_by=by.user,
            created_at=now,
            updated_at=now,
        )
    )
    after_commit(COMPUTE, workspace_id=workspace.pk)
    return segment


@transaction.atomic
def create_static(
    *, workspace: Workspace, by: Actor, name: str, description: str, profiles: Ints, now: datetime
) -> Segment:
    """A named list of these profiles. Merged ones enter as their survivor; erased and foreign ones do not enter."""
    name, description = parse_named(name, description)
    limits.require_room(workspace, METER)
    segment = _save(
        Segment(
            workspace=workspace,
            name=name,
            description=description,
            condition=STATIC,
            include_anonymous=True,
            created_by=by.user,
            created_at=now,
            updated_at=now,
        )
    )
    lock_identities(workspace)
    enter(segment, profiles, Spell.Reason.DEFINITION, now)
    return segment


@transaction.atomic
def update(
    *,
    workspace: Workspace,
    by: Actor,
    segment_id: UUID,
    draft: SegmentDraft,
    now: datetime,
    expected: str | None = None,
) -> Segment:
    """Replace name, description and list. `expected` is the tag the caller saw: 412 when somebody was faster."""
    segment = _changeable(workspace, segment_id, expected)
    if segment.is_static != (draft.ids is not None):
        sentence = "A list of people stays a list, and a condition stays a condition. Create another segment instead."
        raise Invalid([Fault("/condition/type", sentence, "not_supported")])
    if draft.ids is None:
        _change_condition(segment, draft)
    else:
        _change_list(segment, np.array(draft.ids, np.int64), now)
    segment.name, segment.description, segment.updated_at = draft.name, draft.description, now
    return _save(segment)


def _change_condition(segment: Segment, draft: SegmentDraft) -> None:
    """Its members stay those of the condition before until the new one is decided for everybody."""
    said = (dict(draft.source), draft.include_anonymous)
    if (segment.condition, segment.include_anonymous) == said:
        return
    segment_uses.require_in_plan(segment.workspace, draft.condition)
    segment_uses.require_known(segment.workspace, draft.condition, segment)
    segment.condition, segment.include_anonymous = said
    segment.version += 1
    segment.status = Segment.Status.COMPUTING
    after_commit(COMPUTE, workspace_id=segment.workspace_id)


def _change_list(segment: Segment, wanted: Ints, now: datetime) -> None:
    workspace = segment.workspace
    require_profiles(workspace, wanted, "/condition/ids")
    lock_identities(workspace)
    others = np.setdiff1d(members_of(workspace, segment), survivors(workspace, wanted))
    left = leave(segment, others, Spell.Reason.DEFINITION, now)
    entered = enter(segment, wanted, Spell.Reason.DEFINITION, now)
    segment.version += bool(left or entered)


@transaction.atomic
def rename(
    *,
    workspace: Workspace,
    by: Actor,
    segment_id: UUID,
    name: str,
    description: str,
    now: datetime,
    expected: str | None = None,
) -> Segment:
    """Its list stays as it is."""
    named = parse_named(name, description)
    segment = _changeable(workspace, segment_id, expected)
    segment.name, segment.description = named
    segment.updated_at = now
    return _save(segment)


def add_members(*, workspace: Workspace, by: Actor, segment_id: UUID, profiles: Ints, now: datetime) -> int:
    """How many were not in already."""
    with transaction.atomic():
        segment = _listing(workspace, segment_id)
        lock_identities(workspace)
        entered = enter(segment, profiles, Spell.Reason.MANUAL, now)
        _touch(segment, now, entered=entered)
    return entered


def remove_members(*, workspace: Workspace, by: Actor, segment_id: UUID, profiles: Ints, now: datetime) -> int:
    """How many were in. Who was merged into somebody leaves together with him."""
    with transaction.atomic():
        segment = _listing(workspace, segment_id)
        lock_identities(workspace)
        left = leave(segment, profiles, Spell.Reason.MANUAL, now)
        _touch(segment, now, exited=left)
    return left


@transaction.atomic
def archive(
    *, workspace: Workspace, by: Actor, segment_id: UUID, now: datetime, expected: str | None = None
) -> Segment:
    """Out of the list, but kept with its members: `restore` undoes it. Doing it twice changes nothing."""
    segment = _locked(workspace, segment_id, expected)
    if segment.archived_at is None:
        _refuse_used(workspace, segment)
        segment.archived_at = now
        segment.save(update_fields=["archived_at"])
    return segment


@transaction.atomic
def restore(*, workspace: Workspace, by: Actor, segment_id: UUID, now: datetime) -> Segment:
    limits.require_room(workspace, METER, adding=0 if queries.get(workspace, segment_id).archived_at is None else 1)
    segment = _locked(workspace, segment_id, None)
    if segment.archived_at is None:
        return segment
    segment.archived_at = None
    if not segment.is_static:
        segment_uses.require_known(workspace, segment_uses.condition_of(segment, workspace.time_zone), segment)
        segment.status = Segment.Status.COMPUTING
        after_commit(COMPUTE, workspace_id=workspace.pk)
    try:
        return _save(segment)
    except Invalid as taken:
        sentence = (
            f"There is another segment called “{segment.name}” now. Rename that one first, then restore this one."
        )
        raise Refusal("name_taken", sentence) from taken


def _refuse_used(workspace: Workspace, segment: Segment) -> None:
    """What another segment or a CRM rests on stays; saved views may name a segment that is archived."""
    users = registry.holders(workspace, queries.NAME_OF_KIND, str(segment.pk))
    if users:
        named = ", ".join(f"“{user.label}”" for user in users)
        sentence = f"“{segment.name}” is used by {named}. Take it out there first."
        raise Refusal("in_use", sentence, faults=[Fault(user.url, user.label, "in_use") for user in users])


def forget(workspace: Workspace, profiles: Sequence[int], now: datetime) -> None:
    segment_spells.forget(workspace, np.array(profiles, np.int64))


def require_profiles(workspace: Workspace, keys: Ints, pointer: str) -> None:
    """Raises Invalid with the places of numbers that are nobody's in this workspace."""
    with raw_cursor() as cursor:
        cursor.execute(_STRANGERS, [arrays.literal(keys), workspace.pk, MOST_FAULTS])
        strangers = cursor.fetchall()
    if strangers:
        sentence = "There is no profile {} in this workspace."
        raise Invalid([Fault(f"{pointer}/{place}", sentence.format(key), "unknown") for place, key in strangers])


_STRANGERS = """
SELECT w.place - 1, w.id FROM unnest(%s::bigint[]) WITH ORDINALITY AS w(id, place)
    LEFT JOIN cdp_profile p ON p.id = w.id AND p.workspace_id = %s AND p.erased_at IS NULL
WHERE p.id IS NULL ORDER BY 1 LIMIT %s
"""


def _touch(segment: Segment, now: datetime, *, entered: int = 0, exited: int = 0) -> None:
    if entered or exited:
        segment.version += 1
        segment.updated_at = now
        segment.save(update_fields=["version", "updated_at"])
        segment_days.note(segment.workspace, segment, now, entered=entered, exited=exited)


# One row


def _locked(workspace: Workspace, segment_id: UUID, expected: str | None) -> Segment:
    queries.get(workspace, segment_id)
    segment = (
        Segment.objects.select_for_update(of=("self",)).select_related("created_by", "workspace").get(pk=segment_id)
    )
    if expected is not None and not names_tag(expected, queries.tag(segment)):
        sentence = "Somebody changed this segment since you read it. Load it again and repeat your change."
        raise Refusal("precondition_failed", sentence, status=412)
    return segment


def _changeable(workspace: Workspace, segment_id: UUID, expected: str | None) -> Segment:
    segment = _locked(workspace, segment_id, expected)
    if segment.archived_at is not None:
        raise Refusal("archived", "This segment is archived. Restore it first, then change it.")
    return segment


def _listing(workspace: Workspace, segment_id: UUID) -> Segment:
    segment = _changeable(workspace, segment_id, None)
    if not segment.is_static:
        sentence = f"Who is in “{segment.name}” follows from its condition. Change the condition instead."
        raise Refusal("not_a_list", sentence)
    return segment


def _save(segment: Segment) -> Segment:
    """Raises Invalid when the workspace has another segment of that name."""
    try:
        with transaction.atomic():
            segment.save()
    except IntegrityError as error:
        sentence = f"There is already a segment called “{segment.name}”. Choose another name."
        raise Invalid([Fault("/name", sentence, "taken")]) from error
    return segment
