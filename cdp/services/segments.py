"""Segments written: create, change, members in and out, archive and restore."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import IntegrityError, transaction

from cdp.definitions.segments import MOST_FAULTS, SegmentDraft, parse_draft, parse_named
from cdp.engine.base import Ints
from cdp.models import Segment, Spell
from cdp.queries import arrays
from cdp.queries import segments as queries
from cdp.queries.funnels import names_tag
from cdp.services.event_store import lock_identities
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.workspaces import limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

METER = "segments"
STATIC = {"type": "static"}


def create(
    *, workspace: Workspace, by: Actor, name: str, description: str, condition: object, now: datetime
) -> Segment:
    """Raises Invalid with every fault, also for profiles that are not of this workspace."""
    draft = parse_draft({"name": name, "description": description, "condition": condition})
    return create_from_draft(workspace=workspace, by=by, draft=draft, now=now)


def create_from_draft(*, workspace: Workspace, by: Actor, draft: SegmentDraft, now: datetime) -> Segment:
    keys = np.array(draft.condition.ids, np.int64)
    require_profiles(workspace, keys, "/condition/ids")
    return create_static(
        workspace=workspace, by=by, name=draft.name, description=draft.description, profiles=keys, now=now
    )


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
    _enter(segment, profiles, Spell.Reason.DEFINITION, now)
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
    wanted = np.array(draft.condition.ids, np.int64)
    require_profiles(workspace, wanted, "/condition/ids")
    segment = _changeable(workspace, segment_id, expected)
    lock_identities(workspace)
    others = np.setdiff1d(queries.members(workspace, segment), queries.survivors(workspace, wanted))
    left = _exit(segment, others, Spell.Reason.DEFINITION, now)
    entered = _enter(segment, wanted, Spell.Reason.DEFINITION, now)
    segment.version += bool(left or entered)
    segment.name, segment.description, segment.updated_at = draft.name, draft.description, now
    return _save(segment)


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
        segment = _changeable(workspace, segment_id, None)
        lock_identities(workspace)
        entered = _enter(segment, profiles, Spell.Reason.MANUAL, now)
        _touch(segment, entered, now)
    return entered


def remove_members(*, workspace: Workspace, by: Actor, segment_id: UUID, profiles: Ints, now: datetime) -> int:
    """How many were in. Who was merged into somebody leaves together with him."""
    with transaction.atomic():
        segment = _changeable(workspace, segment_id, None)
        lock_identities(workspace)
        left = _exit(segment, profiles, Spell.Reason.MANUAL, now)
        _touch(segment, left, now)
    return left


@transaction.atomic
def archive(
    *, workspace: Workspace, by: Actor, segment_id: UUID, now: datetime, expected: str | None = None
) -> Segment:
    """Out of the list, but kept with its members: `restore` undoes it. Doing it twice changes nothing."""
    segment = _locked(workspace, segment_id, expected)
    if segment.archived_at is None:
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
    try:
        return _save(segment)
    except Invalid as taken:
        sentence = (
            f"There is another segment called “{segment.name}” now. Rename that one first, then restore this one."
        )
        raise Refusal("name_taken", sentence) from taken


def forget(workspace: Workspace, profiles: Sequence[int], now: datetime) -> None:
    """Erased profiles leave no trace, not even in the past of a segment."""
    Spell.objects.filter(profile_id__in=profiles, segment__workspace=workspace).delete()


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


# In and out, thousands in one statement. Under the lock of identities: nobody is merged or erased meanwhile.


def _enter(segment: Segment, keys: Ints, reason: str, now: datetime) -> int:
    """How many entered: whoever is in already, himself or by somebody merged into him, stays as he is."""
    with raw_cursor() as cursor:
        parameters = (segment.pk, now, reason, arrays.literal(keys), segment.workspace_id, segment.pk)
        cursor.execute(_ENTER, parameters)
        return cursor.rowcount


_ENTER = """
INSERT INTO cdp_spell (segment_id, profile_id, entered_at, entry_reason)
SELECT %s::uuid, w.id, %s, %s FROM (
    SELECT DISTINCT coalesce(p.merged_into, p.id) AS id FROM unnest(%s::bigint[]) AS g(id)
    JOIN cdp_profile p ON p.id = g.id AND p.workspace_id = %s AND p.erased_at IS NULL
    EXCEPT
    SELECT coalesce(p.merged_into, p.id) FROM cdp_spell s JOIN cdp_profile p ON p.id = s.profile_id
    WHERE s.segment_id = %s AND s.exited_at IS NULL
) w ORDER BY w.id
"""


def _exit(segment: Segment, keys: Ints, reason: str, now: datetime) -> int:
    """How many left, each together with those merged into him."""
    with raw_cursor() as cursor:
        cursor.execute(_EXIT, (arrays.literal(keys), segment.workspace_id, now, reason, segment.pk))
        return int((cursor.fetchone() or (0,))[0])


_EXIT = """
WITH named AS (
    SELECT DISTINCT coalesce(p.merged_into, p.id) AS id FROM unnest(%s::bigint[]) AS g(id)
    JOIN cdp_profile p ON p.id = g.id AND p.workspace_id = %s
), cluster AS (
    SELECT n.id, n.id AS survivor FROM named n
    UNION ALL SELECT p.id, n.id FROM named n JOIN cdp_profile p ON p.merged_into = n.id
), ended AS (
    UPDATE cdp_spell s SET exited_at = %s, exit_reason = %s FROM cluster c
    WHERE s.profile_id = c.id AND s.segment_id = %s AND s.exited_at IS NULL
    RETURNING c.survivor
)
SELECT count(DISTINCT survivor) FROM ended
"""


def _touch(segment: Segment, changed: int, now: datetime) -> None:
    if changed:
        segment.version += 1
        segment.updated_at = now
        segment.save(update_fields=["version", "updated_at"])


# One row


def _locked(workspace: Workspace, segment_id: UUID, expected: str | None) -> Segment:
    queries.get(workspace, segment_id)
    segment = Segment.objects.select_for_update(of=("self",)).select_related("created_by").get(pk=segment_id)
    if expected is not None and not names_tag(expected, queries.tag(segment)):
        sentence = "Somebody changed this segment since you read it. Load it again and repeat your change."
        raise Refusal("precondition_failed", sentence, status=412)
    return segment


def _changeable(workspace: Workspace, segment_id: UUID, expected: str | None) -> Segment:
    segment = _locked(workspace, segment_id, expected)
    if segment.archived_at is not None:
        raise Refusal("archived", "This segment is archived. Restore it first, then change it.")
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
