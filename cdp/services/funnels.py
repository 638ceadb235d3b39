"""Funnels written: create, change, duplicate, archive and restore."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from cdp.definitions.funnels import MAX_NAME, FunnelDraft
from cdp.models import Funnel
from cdp.queries import funnels as queries
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.tags import names_tag
from stratum.workspaces import limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace


def create(*, workspace: Workspace, by: Actor, draft: FunnelDraft, now: datetime) -> Funnel:
    limits.require_feature(workspace, "funnel_builder")
    queries.require_answerable(workspace, draft.definition, now=now)
    return _save(
        Funnel(
            workspace=workspace,
            name=draft.name,
            description=draft.description,
            definition=draft.definition.as_json(),
            created_by=by.user,
            created_at=now,
            updated_at=now,
        )
    )


@transaction.atomic
def update(
    *,
    workspace: Workspace,
    by: Actor,
    funnel_id: UUID,
    draft: FunnelDraft,
    now: datetime,
    expected: str | None = None,
) -> Funnel:
    """Replace name, description and definition; the version grows when the definition is another one.

    `expected` is the tag of the state the caller saw: 412 when somebody was faster.
    """
    limits.require_feature(workspace, "funnel_builder")
    funnel = _locked(workspace, funnel_id, expected)
    _refuse_archived(funnel)
    definition = draft.definition.as_json()
    if definition != funnel.definition:
        queries.require_answerable(workspace, draft.definition, now=now)
        funnel.version += 1
    funnel.name, funnel.description, funnel.definition = draft.name, draft.description, definition
    funnel.updated_at = now
    return _save(funnel)


def duplicate(*, workspace: Workspace, by: Actor, funnel_id: UUID, now: datetime) -> Funnel:
    limits.require_feature(workspace, "funnel_builder")
    original = queries.get(workspace, funnel_id)
    return _save(
        Funnel(
            workspace=workspace,
            name=_free_name(workspace, original.name),
            description=original.description,
            definition=original.definition,
            created_by=by.user,
            created_at=now,
            updated_at=now,
        )
    )


@transaction.atomic
def archive(*, workspace: Workspace, by: Actor, funnel_id: UUID, now: datetime, expected: str | None = None) -> Funnel:
    """Out of the list, but kept: `restore` undoes it. Doing it twice changes nothing."""
    funnel = _locked(workspace, funnel_id, expected)
    if funnel.archived_at is None:
        funnel.archived_at = now
        funnel.save(update_fields=["archived_at"])
    return funnel


@transaction.atomic
def restore(*, workspace: Workspace, by: Actor, funnel_id: UUID, now: datetime) -> Funnel:
    funnel = _locked(workspace, funnel_id, None)
    if funnel.archived_at is None:
        return funnel
    funnel.archived_at = None
    try:
        return _save(funnel)
    except Invalid as taken:
        sentence = f"There is another funnel called “{funnel.name}” now. Rename that one first, then restore this one."
        raise Refusal("name_taken", sentence) from taken


def _locked(workspace: Workspace, funnel_id: UUID, expected: str | None) -> Funnel:
    queries.get(workspace, funnel_id)
    funnel = Funnel.objects.select_for_update(of=("self",)).select_related("created_by").get(pk=funnel_id)
    if expected is not None and not names_tag(expected, queries.tag(funnel)):
        sentence = "Somebody changed this funnel since you read it. Load it again and repeat your change."
        raise Refusal("precondition_failed", sentence, status=412)
    return funnel


def _refuse_archived(funnel: Funnel) -> None:
    if funnel.archived_at is not None:
        raise Refusal("archived", "This funnel is archived. Restore it first, then change it.")


def _save(funnel: Funnel) -> Funnel:
    """Raises Invalid when the workspace has another funnel of that name."""
    try:
        with transaction.atomic():
            funnel.save()
    except IntegrityError as error:
        sentence = f"There is already a funnel called “{funnel.name}”. Choose another name."
        raise Invalid([Fault("/name", sentence, "taken")]) from error
    return funnel


def _free_name(workspace: Workspace, name: str) -> str:
    """`Name (copy)`, `Name (copy 2)`, …, within the column's length."""
    taken = set(workspace.funnels.filter(archived_at=None).values_list("name", flat=True))
    number = 1
    while True:
        suffix = " (copy)" if number == 1 else f" (copy {number})"
        copy = name[: MAX_NAME - len(suffix)] + suffix
        if copy not in taken:
            return copy
        number += 1
