"""Exports: small ones are streamed by the page, large ones written to a file by a job, which goes after a week."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from stratum.lib.refusal import Fault, Invalid, Missing, Refusal
from stratum.reports import queries, sheets
from stratum.reports.models import Delivery, Export, SavedView
from stratum.reports.registry import exporters
from stratum.reports.sheets import Sheet
from stratum.workspaces import access, jobs
from stratum.workspaces.access import Actor
from stratum.workspaces.jobs import Run
from stratum.workspaces.models import ApiKey, Member, User, Workspace

TASK = "reports.export"
MOST_STREAMED = 10_000  # rows; more would hold a web worker for seconds
KEPT_FOR = timedelta(days=7)
VIEWS_KEPT_FOR = timedelta(days=30)  # after they were deleted
REPORTED_EVERY = 1_000  # rows


def prepare(
    *, workspace: Workspace, by: Actor, exporter: str, parameters: Mapping[str, str], file_format: str, now: datetime
) -> Sheet:
    """The table itself, for streaming. Raises what the exporter refuses, before a row is read."""
    access.demand(by, "export")
    if exporter not in exporters:
        raise Missing(f"There is no export “{exporter}”. There are {', '.join(sorted(exporters))}.")
    sheet = exporters[exporter].prepare(workspace, parameters, by, now)
    if file_format not in (known := sheets.formats(sheet)):
        sentence = f"Choose {', '.join(known[:-1]).upper()} or {known[-1].upper()}."
        raise Invalid([Fault("/format", sentence, "unknown_format")])
    return sheet


@transaction.atomic
def start(
    *, workspace: Workspace, by: Actor, exporter: str, parameters: Mapping[str, str], file_format: str, now: datetime
) -> Export:
    """Have a job write it to a file."""
    sheet = prepare(
        workspace=workspace, by=by, exporter=exporter, parameters=parameters, file_format=file_format, now=now
    )
    job = jobs.start(workspace=workspace, kind=TASK, by=by, now=now, total=sheet.total)
    return Export.objects.create(
        workspace=workspace,
        job=job,
        exporter=exporter,
        parameters=dict(parameters),
        format=file_format,
        title=sheet.title[:200],
        filename=f"{sheet.name[:190]}.{file_format}",
        created_by=by.user,
        api_key=by.api_key,
        created_at=now,
    )


def run(run: Run) -> None:
    """The job: write the file beside its place, then move it there, so that nobody downloads half of one."""
    export = Export.objects.select_related("workspace", "created_by", "api_key").get(job=run.job)
    sheet = prepare(
        workspace=export.workspace,
        by=_actor_of(export),
        exporter=export.exporter,
        parameters=export.parameters,
        file_format=export.format,
        now=export.created_at,
    )
    place = queries.file_of(export)
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in place.parent.glob(f"{place.stem}.*.part"):
        left.unlink(missing_ok=True)  # of a worker that was killed
    unfinished = place.with_suffix(f".{run.job.attempts}.part")
    try:
        rows, digest = _write(unfinished, sheet, export.format, run)
        run.report(rows, rows, "Written")
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)
    now = run.now()
    kept = {"rows": rows, "size": place.stat().st_size, "expires_at": now + KEPT_FOR}
    kept["manifest"] = _manifest(export, sheet, {**kept, "sha256": digest}, now)
    if not Export.objects.filter(pk=export.pk).update(**kept):
        place.unlink()  # deleted meanwhile
    run.succeed({"rows": rows, "download": reverse("api_export_download", args=[export.pk])})


def _manifest(export: Export, sheet: Sheet, kept: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What somebody needs to tell whether a file is the one that was written."""
    return {
        "file": export.filename,
        "title": sheet.title,
        "workspace": export.workspace.slug,
        "exporter": export.exporter,
        "filters": export.parameters,
        "format": export.format,
        "rows": kept["rows"],
        "bytes": kept["size"],
        "sha256": kept["sha256"],
        "written_at": now.isoformat(),
        **({"proof": dict(proof)} if (proof := sheet.proof()) else {}),
    }


def _write(place: Path, sheet: Sheet, file_format: str, run: Run) -> tuple[int, str]:
    """How many rows, and the file's SHA-256. Raises Stopped when it was cancelled."""
    written, digest = 0, sha256()

    def tell(rows: int) -> None:
        nonlocal written
        if rows // REPORTED_EVERY > written // REPORTED_EVERY:
            run.report(rows, max(rows, sheet.total), "Writing rows")
        written = rows

    run.report(0, sheet.total, "Writing rows")
    with place.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        for piece in sheets.lines(sheet, file_format, tell):
            file.write(piece)
            digest.update(piece)
    return written, digest.hexdigest()


def _actor_of(export: Export) -> Actor:
    """Who asked for it; a scheduled one says so wherever its actor is named."""
    actor = actor_for(export.workspace, export.created_by, export.api_key)
    delivery = Delivery.objects.filter(export=export).select_related("schedule").first()
    return replace(actor, label=f"{actor.label} (scheduled: {delivery.schedule})"[:150]) if delivery else actor


def actor_for(workspace: Workspace, user: User | None, key: ApiKey | None) -> Actor:
    """Whoever has left the team since, or whose key was revoked, gets nothing out any more. Raises Refusal."""
    if key is not None and key.revoked_at is None:
        return access.actor_of_key(key)
    member = Member.objects.select_related("user").filter(workspace=workspace, user=user).first()
    if member is None:
        raise Refusal("left_the_team", "Who asked for this export is no longer on the team.")
    return access.actor_of_member(member)


def cancel(*, workspace: Workspace, by: Actor, export_id: UUID, now: datetime) -> bool:
    """False when it had ended already."""
    return jobs.cancel(workspace=workspace, job_id=queries.export(workspace, export_id).job_id, by=by, now=now)


def delete(*, workspace: Workspace, by: Actor, export_id: UUID, now: datetime) -> None:
    """The file and its line, for good. One that still runs is cancelled first."""
    export = queries.export(workspace, export_id)
    jobs.cancel(workspace=workspace, job_id=export.job_id, by=by, now=now)
    export.delete()


# Going


def forget_file_of(instance: Export, **_: object) -> None:
    """Whenever an export's row goes, also with its workspace, so does the file."""
    place = queries.file_of(instance)
    transaction.on_commit(lambda: place.unlink(missing_ok=True))


def forget_personal(workspace: Workspace, profiles: Sequence[int], now: datetime) -> None:
    """Somebody was erased: no file that may still name them stays, and none is finished with what was read before."""
    personal = [exporter.name for exporter in exporters.values() if exporter.personal]
    for export in Export.objects.filter(workspace=workspace, exporter__in=personal):
        jobs.cancel(workspace=workspace, job_id=export.job_id, by=access.SYSTEM, now=now)
        export.delete()


def claim_expired(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: one run when something is due."""
    due = Export.objects.filter(expires_at__lte=now).exists() or _forgettable_views(now).exists()
    return [{}] if due else []


def forget_expired(*, now: datetime) -> int:
    """How many exports went."""
    _forgettable_views(now).delete()
    expired = list(Export.objects.filter(expires_at__lte=now))
    for export in expired:
        export.delete()
    return len(expired)


def _forgettable_views(now: datetime) -> QuerySet[SavedView]:
    return SavedView.objects.filter(deleted_at__lte=now - VIEWS_KEPT_FOR)
