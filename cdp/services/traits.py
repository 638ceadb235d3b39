"""Computed traits written: created, changed by versions, disabled, deleted; and the jobs that fill them.

Versions never change. The one that serves goes on serving until the next one's values are complete; then one
transaction puts the next one in its place.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from cdp.definitions.traits import TraitDefinition, parse_trait
from cdp.models import Trait, TraitVersion
from cdp.queries import traits as queries
from cdp.queries.trait_currencies import pinned
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.tags import names_tag
from stratum.workspaces import jobs, limits
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Job, Workspace

METER = "computed_traits"
FEATURE = "computed_traits"
BACKFILL = "cdp.backfill_trait"
WORDS = ("name", "label", "description")  # of a definition: no value depends on them


def create(*, workspace: Workspace, by: Actor, body: object, now: datetime, draft: bool = False) -> Trait:
    """A trait whose first values a worker computes; a draft waits for `publish`. Raises Invalid with every fault."""
    limits.require_feature(workspace, FEATURE)
    definition = read(workspace, body, now=now)
    with transaction.atomic():
        trait = Trait(workspace=workspace, created_by=by.user, created_at=now)
        _describe(trait, definition, now)
        _require_sound(workspace, trait, definition)
        if not draft:
            limits.require_room(workspace, METER)
        _save(trait)
        if not draft:
            _compute(trait, definition, by, now, note="")
    return trait


def read(workspace: Workspace, body: object, *, now: datetime, pointer: str = "") -> TraitDefinition:
    """The definition as it will be saved: with the one currency its values have. Raises Invalid."""
    definition = parse_trait(body, pointer, zone=queries.zone_of(workspace))
    return pinned(workspace, definition, now=now, pointer=pointer)


@transaction.atomic
def update(
    *, workspace: Workspace, by: Actor, trait_id: UUID, body: object, now: datetime, expected: str | None = None
) -> Trait:
    """Change what is said of the trait at once; what its values depend on becomes a version, which serves once it is
    computed. `expected` is the tag the caller saw: 412 when somebody was faster.
    """
    limits.require_feature(workspace, FEATURE)
    definition = read(workspace, body, now=now)
    trait = _changeable(workspace, trait_id, expected)
    if definition.name != trait.name:
        _require_unused(workspace, trait, "renamed")
    _require_sound(workspace, trait, definition)
    latest = _latest(trait)
    if trait.status == Trait.Status.DRAFT or latest is None:
        _describe(trait, definition, now)
        return _save(trait)
    if _is_same(latest, definition):
        return _reword(trait, definition, now)
    _call_off(trait, now)
    if trait.version is None:
        _describe(trait, definition, now)
    _reword(trait, definition, now)
    _compute(trait, definition, by, now, note="")
    return trait


@transaction.atomic
def publish(*, workspace: Workspace, by: Actor, trait_id: UUID, now: datetime) -> Trait:
    """Compute a draft, or again what failed. Doing it twice changes nothing."""
    limits.require_feature(workspace, FEATURE)
    trait = _changeable(workspace, trait_id, None)
    if trait.status not in (Trait.Status.DRAFT, Trait.Status.FAILED):
        return trait
    limits.require_room(workspace, METER, adding=1 if trait.status == Trait.Status.DRAFT else 0)
    definition = queries.definition_of(trait, workspace)
    _require_sound(workspace, trait, definition)
    _compute(trait, definition, by, now, note="")
    return trait


@transaction.atomic
def restore(*, workspace: Workspace, by: Actor, trait_id: UUID, number: int, now: datetime) -> Trait:
    """What version `number` said, as a new version."""
    trait = queries.get(workspace, trait_id)
    body = {**queries.version(trait, number).definition, "name": trait.name}
    restored = update(workspace=workspace, by=by, trait_id=trait_id, body=body, now=now)
    newest = _latest(restored)
    if newest is not None and newest.created_at == now:
        newest.note = f"Version {number} restored"
        newest.save(update_fields=["note"])
    return restored


@transaction.atomic
def disable(*, workspace: Workspace, by: Actor, trait_id: UUID, now: datetime, expected: str | None = None) -> Trait:
    """Nobody sees its values any more, and it takes no place in the plan."""
    trait = _changeable(workspace, trait_id, expected, also_disabled=True)
    if trait.status == Trait.Status.DISABLED:
        return trait
    if trait.status == Trait.Status.DRAFT:
        raise Refusal("draft", "A draft is not computed, so there is nothing to disable.")
    _require_unused(workspace, trait, "disabled")
    _call_off(trait, now)
    return _set_status(trait, Trait.Status.DISABLED, now)


@transaction.atomic
def enable(*, workspace: Workspace, by: Actor, trait_id: UUID, now: datetime) -> Trait:
    """Its values are computed anew before anybody sees them."""
    limits.require_feature(workspace, FEATURE)
    trait = _changeable(workspace, trait_id, None, also_disabled=True)
    if trait.status != Trait.Status.DISABLED:
        return trait
    limits.require_room(workspace, METER)
    definition = queries.definition_of(trait, workspace)
    _require_sound(workspace, trait, definition)
    trait.version = None
    _compute(trait, definition, by, now, note="Enabled again")
    return trait


@transaction.atomic
def delete(*, workspace: Workspace, by: Actor, trait_id: UUID, now: datetime, expected: str | None = None) -> None:
    """Refused with the list while something uses it. Its values go with it; the name is free at once."""
    trait = _changeable(workspace, trait_id, expected, also_disabled=True)
    _require_unused(workspace, trait, "deleted")
    _call_off(trait, now)
    trait.deleted_at = trait.updated_at = now
    trait.save(update_fields=["deleted_at", "updated_at", "next_version", "job"])


@transaction.atomic
def backfill(*, workspace: Workspace, by: Actor, trait_id: UUID, now: datetime) -> Job:
    """Compute everybody's value again; what serves goes on serving. One under way is not begun a second time."""
    limits.require_feature(workspace, FEATURE)
    trait = _locked(workspace, trait_id, None)
    if trait.job is not None and trait.job.state in jobs.UNFINISHED:
        return trait.job
    if trait.status in (Trait.Status.DRAFT, Trait.Status.DISABLED):
        sentence = "Publish this draft first." if trait.status == Trait.Status.DRAFT else "Enable this trait first."
        raise Refusal("not_active", f"Only an active trait has values. {sentence}")
    _compute(trait, queries.definition_of(trait, workspace), by, now, note="Computed again")
    assert trait.job is not None
    return trait.job


@transaction.atomic
def cancel(*, workspace: Workspace, by: Actor, trait_id: UUID, now: datetime) -> Trait:
    """Leave off the computation under way: what served goes on serving, what was new is a draft again."""
    trait = _locked(workspace, trait_id, None)
    _call_off(trait, now, by)
    if trait.status in queries.UNDER_WAY:
        return _set_status(trait, Trait.Status.DRAFT, now)
    trait.save(update_fields=["next_version", "job"])
    return trait


@transaction.atomic
def settle(*, workspace: Workspace, trait_id: UUID, now: datetime) -> None:
    """Give up a computation whose job has ended without success, wherever it was ended."""
    trait = Trait.objects.select_for_update(of=("self",)).select_related("job").get(pk=trait_id, workspace=workspace)
    if trait.next_version is None or (trait.job is not None and trait.job.state in jobs.UNFINISHED):
        return
    was_cancelled = trait.job is not None and trait.job.state == Job.State.CANCELLED
    trait.error = (
        "" if was_cancelled else (trait.job.error if trait.job else "") or "The computation was lost. Start it again."
    )
    if trait.status in queries.UNDER_WAY:
        trait.status = Trait.Status.DRAFT if was_cancelled else Trait.Status.FAILED
    trait.next_version, trait.updated_at = None, now
    trait.save(update_fields=["error", "status", "next_version", "updated_at"])


# What must hold


def _require_sound(workspace: Workspace, trait: Trait, definition: TraitDefinition) -> None:
    """What the filter names is there, and does not lead back. Raises Invalid."""
    uses = definition.uses
    known = set(workspace.traits.filter(deleted_at=None, name__in=uses).values_list("name", flat=True))
    faults = [
        Fault("/profile_filter", f"There is no computed trait “{name}” in this workspace.", "unknown")
        for name in sorted(uses - known - {definition.name})
    ]
    if path := queries.path_back(workspace, definition.name, uses):
        way = " → ".join(path)
        faults.append(Fault("/profile_filter", f"The trait would depend on itself: {way}.", "cycle"))
    if faults:
        raise Invalid(faults)


def _require_unused(workspace: Workspace, trait: Trait, what: str) -> None:
    users = queries.used_by(workspace, trait)
    if not users:
        return
    named = ", ".join(f"{user.kind.lower()} “{user.label}”" for user in users)
    sentence = f"“{trait.name}” cannot be {what} while something uses it: {named}. Change that first."
    raise Refusal(
        "in_use", sentence, faults=[Fault(user.url, f"{user.kind} “{user.label}”", "in_use") for user in users]
    )


def _is_same(latest: TraitVersion, definition: TraitDefinition) -> bool:
    """Whether both give everybody the same value at the same times: an open currency is what it was settled to."""
    stored, wanted = latest.definition, definition.to_json()
    if "currency" in stored and stored["currency"] is None:
        stored = {**stored, "currency": latest.currency or wanted.get("currency")}
        wanted = {**wanted, "currency": wanted.get("currency") or latest.currency or None}
    return _meaning(stored) == _meaning(wanted)


def _meaning(definition: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in definition.items() if key not in WORDS}


# One row


def _locked(workspace: Workspace, trait_id: UUID, expected: str | None) -> Trait:
    queries.get(workspace, trait_id)
    trait = Trait.objects.select_for_update(of=("self",)).select_related("created_by", "job").get(pk=trait_id)
    if expected is not None and not names_tag(expected, queries.tag(trait)):
        sentence = "Somebody changed this trait since you read it. Load it again and repeat your change."
        raise Refusal("precondition_failed", sentence, status=412)
    return trait


def _changeable(workspace: Workspace, trait_id: UUID, expected: str | None, *, also_disabled: bool = False) -> Trait:
    trait = _locked(workspace, trait_id, expected)
    if trait.is_system:
        raise Refusal(
            "system_trait", f"“{trait.name}” comes with Stratum and cannot be changed. Create a trait of your own."
        )
    if trait.status == Trait.Status.DISABLED and not also_disabled:
        raise Refusal("disabled", "This trait is disabled. Enable it first, then change it.")
    return trait


def _describe(trait: Trait, definition: TraitDefinition, now: datetime) -> None:
    trait.name, trait.label, trait.description = definition.name, definition.label, definition.description
    trait.definition, trait.frequency = definition.to_json(), definition.frequency
    trait.updated_at = now


def _reword(trait: Trait, definition: TraitDefinition, now: datetime) -> Trait:
    """What the trait is called is said at once, whatever it counts until the next version serves."""
    trait.name, trait.label, trait.description = definition.name, definition.label, definition.description
    trait.definition = {**trait.definition, **{word: getattr(definition, word) for word in WORDS}}
    trait.updated_at = now
    return _save(trait)


def _set_status(trait: Trait, status: Trait.Status, now: datetime) -> Trait:
    trait.status, trait.updated_at = status, now
    trait.save(update_fields=["status", "updated_at", "next_version", "job"])
    return trait


def _save(trait: Trait) -> Trait:
    """Raises Invalid when the workspace has another trait of that name."""
    try:
        with transaction.atomic():
            trait.save()
    except IntegrityError as error:
        sentence = f"There is already a computed trait called “{trait.name}”. Choose another name."
        raise Invalid([Fault("/name", sentence, "taken")]) from error
    return trait


def _latest(trait: Trait) -> TraitVersion | None:
    return trait.versions.order_by("-number").first()


def _compute(trait: Trait, definition: TraitDefinition, by: Actor, now: datetime, *, note: str) -> None:
    """Write the next version and start the job that fills it."""
    _call_off(trait, now)
    number = (trait.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    trait.versions.create(number=number, definition=definition.to_json(), note=note, created_by=by.user, created_at=now)
    trait.job = jobs.start(
        workspace=trait.workspace,
        kind=BACKFILL,
        by=by,
        now=now,
        arguments={"trait": str(trait.pk), "version": number},
    )
    trait.next_version, trait.error, trait.updated_at = number, "", now
    if trait.version is None:
        trait.status = Trait.Status.PREPARING
    trait.save(update_fields=["job", "next_version", "error", "updated_at", "status", "version"])


def _call_off(trait: Trait, now: datetime, by: Actor | None = None) -> None:
    """The computation under way is no longer wanted. What it has written is swept later."""
    if trait.job is not None and trait.job.state in jobs.UNFINISHED:
        jobs.cancel(workspace=trait.workspace, job_id=trait.job.pk, by=by or SYSTEM, now=now)
        trait.job.refresh_from_db()
    trait.next_version = None
