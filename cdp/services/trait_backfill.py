"""Everybody's value of a new version, by a job: begun again where it was when its worker was lost.

Until the switch nobody reads what it writes. The switch takes in what has happened since the job began, and puts the
version in its trait's place, in one transaction.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from cdp.models import Trait, TraitVersion
from cdp.queries import changes, served_traits
from cdp.queries import traits as queries
from cdp.queries.engine import answering, settled_engine
from cdp.queries.position import Position
from cdp.queries.trait_outcomes import Outcome, Rows, evaluate
from cdp.services import trait_rows, trait_values
from cdp.services.traits import settle
from stratum.workspaces import jobs
from stratum.workspaces.jobs import Run, Stopped
from stratum.workspaces.models import Workspace

AT_ONCE = 50_000  # rows of one transaction: what a killed worker has to write again
SWEPT = 50_000  # rows of old versions removed in a round


def work(run: Run) -> None:
    """Do the job. Raises Refusal, and Stopped when it is no longer wanted."""
    workspace, number = run.job.workspace, run.job.arguments["version"]
    trait = Trait.objects.filter(pk=run.job.arguments["trait"], next_version=number, deleted_at=None).first()
    if trait is None:
        return run.succeed()  # switched already, or given up for another version
    version = _begin(workspace, trait, number)
    with answering():
        outcome = _everybody(workspace, version, run.now())
        _fill(run, version, outcome.rows)
        written = _switch(run, workspace, trait.pk, version, outcome)
    return run.succeed({"version": number, "profiles_with_value": written})


def _begin(workspace: Workspace, trait: Trait, number: int) -> TraitVersion:
    """What is committed from here on is taken in at the switch."""
    version = trait.versions.get(number=number)
    if version.cursor is not None and not changes.is_of_here(Position.of(version.cursor)):
        while trait_rows.drop(version.pk, SWEPT):
            pass
        version.cursor, version.backfilled_until = None, 0
    if version.cursor is None:
        version.cursor, version.has_values = changes.here(workspace).cursor(), True
        version.save(update_fields=["cursor", "backfilled_until", "has_values"])
    preparing = Trait.objects.filter(pk=trait.pk, status=Trait.Status.PREPARING)
    preparing.update(status=Trait.Status.COMPUTING)
    return version


def _everybody(workspace: Workspace, version: TraitVersion, now: datetime) -> Outcome:
    definition = trait_values.settled(workspace, version, now)
    return evaluate(workspace, settled_engine(workspace), [definition], now=now)[0]


def _fill(run: Run, version: TraitVersion, rows: Rows) -> None:
    """The rows above the mark, each part together with its mark."""
    left = rows.above(version.backfilled_until)
    done, total = len(rows) - len(left), len(rows)
    run.report(done, total, "Writing values")
    for part in left.parts(AT_ONCE):
        with transaction.atomic():
            _move_mark(version, int(part.profile[-1]))
            trait_rows.copy(version.pk, part, run.now())
        done += len(part)
        run.report(done, total, "Writing values")


def _move_mark(version: TraitVersion, last: int) -> None:
    """Raises Stopped when another worker has been here."""
    marked = TraitVersion.objects.filter(pk=version.pk, backfilled_until=version.backfilled_until)
    if not marked.update(backfilled_until=last):
        raise Stopped
    version.backfilled_until = last


@transaction.atomic
def _switch(run: Run, workspace: Workspace, trait_id: UUID, version: TraitVersion, outcome: Outcome) -> int:
    """Raises Stopped when the version is no longer wanted."""
    now = run.now()
    trait_values.hold(workspace)
    run.report(len(outcome.rows), len(outcome.rows), "Putting the version in place")
    trait = Trait.objects.select_for_update(of=("self",)).filter(pk=trait_id, next_version=version.number).first()
    if trait is None or trait.deleted_at is not None:
        raise Stopped
    trait_values.catch_up(workspace, trait, version, now)
    definition = served_traits.definition_of(version, workspace.time_zone)
    trait.version, trait.next_version, trait.status, trait.error = version.number, None, Trait.Status.LIVE, ""
    trait.definition = {
        **version.definition,
        "label": trait.label,
        "description": trait.description,
        "name": trait.name,
    }
    trait.frequency = definition.frequency
    for name, value in trait_values.counts(workspace, outcome, now).items():
        setattr(trait, name, value)
    trait.profiles_with_value = trait_rows.with_value(version.pk)
    trait.as_of = trait.last_computed_at = now
    trait.next_run_at = trait_values.next_run(workspace, trait, now)
    trait.stamp += 1
    trait.save()
    version.backfilled_at = now
    if definition.uses:
        version.cursor = None  # what the traits that it asks have become meanwhile, the next round finds out
    version.save(update_fields=["backfilled_at", "cursor"])
    _recompute_those_asking(workspace, trait.name)
    return trait.profiles_with_value or 0


def _recompute_those_asking(workspace: Workspace, name: str) -> None:
    """Traits whose filter asks for this one: its values are those of another definition now."""
    asking = [
        trait.pk for trait in workspace.traits.filter(deleted_at=None) if name in queries.names_in(trait.definition)
    ]
    TraitVersion.objects.filter(trait__in=asking, number=F("trait__version")).update(cursor=None)


# What is left behind


def tidy(workspace: Workspace, *, now: datetime) -> None:
    """Settle computations whose job has ended, and remove rows that nobody reads any more, some at a time."""
    for trait in workspace.traits.filter(next_version__isnull=False).exclude(job__state__in=jobs.UNFINISHED):
        settle(workspace=workspace, trait_id=trait.pk, now=now)
    for version in _unread(workspace)[:1]:
        with transaction.atomic():
            if trait_rows.drop(version.pk, SWEPT) < SWEPT:
                TraitVersion.objects.filter(pk=version.pk).update(has_values=False)


def _unread(workspace: Workspace) -> QuerySet[TraitVersion]:
    is_read = Q(number=F("trait__version"), trait__status=Trait.Status.LIVE) | Q(number=F("trait__next_version"))
    return TraitVersion.objects.filter(has_values=True, trait__workspace=workspace).exclude(
        is_read, trait__deleted_at=None
    )
