"""Saved views and exports read."""

from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from stratum.lib.refusal import Missing, Refusal
from stratum.reports.models import Export, SavedView
from stratum.workspaces.models import User, Workspace


def views(workspace: Workspace, user: User | None) -> QuerySet[SavedView]:
    """What this person may see: their own, and what the team shares."""
    kept = SavedView.objects.select_related("created_by").filter(workspace=workspace, deleted_at=None)
    return kept.filter(Q(shared=True) | Q(created_by=user, created_by__isnull=False))


def views_of_page(workspace: Workspace, user: User | None, page: str) -> QuerySet[SavedView]:
    """By name."""
    return views(workspace, user).filter(page=page).order_by("name", "created_at")


def views_naming(workspace: Workspace, reference: str) -> QuerySet[SavedView]:
    """Whosoever's views whose state names this, such as the id of a segment."""
    kept = SavedView.objects.select_related("created_by").filter(workspace=workspace, deleted_at=None)
    return kept.filter(query__contains=reference).order_by("name", "created_at")


def export_list(workspace: Workspace) -> QuerySet[Export]:
    """The newest first."""
    found = Export.objects.filter(workspace=workspace).select_related("job", "created_by")
    return found.order_by("-created_at", "-id")


def export(workspace: Workspace, export_id: UUID) -> Export:
    """Raises Missing."""
    found = export_list(workspace).filter(pk=export_id).first()
    if found is None:
        raise Missing("There is no export with that address in this workspace.")
    return found


def file_of(export: Export) -> Path:
    """Where its file is, or will be."""
    return Path(settings.HOME) / "exports" / str(export.workspace_id) / f"{export.pk}.{export.format}"


def open_file(export: Export, *, now: datetime) -> BinaryIO:
    """Raises Refusal when it is not there any more, or not yet."""
    place = file_of(export)
    if not (export.is_there(now) and place.exists()):
        raise Refusal("gone", "This file is not there any more, or not there yet. Export the table again.", status=410)
    return place.open("rb")
