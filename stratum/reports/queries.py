"""Saved views and exports read."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db.models import Prefetch, Q, QuerySet

from stratum.lib.refusal import Missing, Refusal
from stratum.reports.models import Delivery, DeliveryMessage, Export, ExportSchedule, SavedView
from stratum.workspaces.models import Member, User, Workspace

SIGNER = signing.Signer(salt="stratum.reports.link")
MOST_RESPONSIBLE = 5


def views(workspace: Workspace, user: User | None) -> QuerySet[SavedView]:
    """What this person may see: their own, and what the team shares."""
    kept = SavedView.objects.select_related("created_by").filter(workspace=workspace, deleted_at=None)
    return kept.filter(Q(shared=True) | Q(created_by=user, created_by__isnull=False))


def view(workspace: Workspace, user: User | None, view_id: UUID) -> SavedView:
    """Raises Missing."""
    found = views(workspace, user).filter(pk=view_id).first()
    if found is None:
        raise Missing("There is no saved view with that address.")
    return found


def views_of_page(workspace: Workspace, user: User | None, page: str) -> QuerySet[SavedView]:
    """By name."""
    return views(workspace, user).filter(page=page).order_by("name", "created_at", "pk")


def views_naming(workspace: Workspace, references: Iterable[str]) -> QuerySet[SavedView]:
    """Whosoever's views whose state names one of these, such as the ids of segments."""
    kept = SavedView.objects.select_related("created_by").filter(workspace=workspace, deleted_at=None)
    named = Q(pk__in=[])
    for reference in references:
        named |= Q(query__contains=reference)
    return kept.filter(named).order_by("name", "created_at", "pk")


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


# Links in mails, for whoever has no account


def link_token(export: Export) -> str:
    return SIGNER.sign(str(export.pk))


def export_of_link(token: str) -> Export:
    """Raises Missing. The file may have gone: `open_file` says so."""
    try:
        found = Export.objects.filter(pk=SIGNER.unsign(token)).first()
    except signing.BadSignature:
        found = None
    if found is None:
        raise Missing("This link leads to no file of ours, or the file is deleted.")
    return found


# Schedules and deliveries


def schedules(workspace: Workspace) -> QuerySet[ExportSchedule]:
    """The newest first."""
    found = ExportSchedule.objects.filter(workspace=workspace).select_related("created_by")
    return found.order_by("-created_at", "-id")


def schedule(workspace: Workspace, schedule_id: UUID, *, for_update: bool = False) -> ExportSchedule:
    """Raises Missing."""
    found = schedules(workspace).filter(pk=schedule_id)
    row = (found.select_for_update(of=("self",)) if for_update else found).first()
    if row is None:
        raise Missing("There is no scheduled delivery with that address in this workspace.")
    return row


def deliveries(schedule: ExportSchedule) -> QuerySet[Delivery]:
    """The newest first, each with its messages."""
    messages = Prefetch("messages", DeliveryMessage.objects.order_by("purpose", "email"))
    found = Delivery.objects.filter(workspace=schedule.workspace, schedule=schedule)
    return found.select_related("export", "schedule").prefetch_related(messages).order_by("-due_at", "-id")


def last_deliveries(workspace: Workspace) -> dict[UUID, Delivery]:
    """The newest of each schedule."""
    newest = Delivery.objects.filter(workspace=workspace).order_by("schedule_id", "-due_at").distinct("schedule_id")
    return {delivery.schedule_id: delivery for delivery in newest}


def has_file(delivery: Delivery, now: datetime) -> bool:
    export = delivery.export
    return export is not None and export.is_there(now) and file_of(export).exists()


def outcome(delivery: Delivery) -> tuple[list[DeliveryMessage], list[DeliveryMessage]]:
    """Which recipients' messages were sent, and which were not."""
    reports = delivery.messages.filter(purpose=DeliveryMessage.Purpose.REPORT).order_by("pk")
    sent = [message for message in reports if message.state == DeliveryMessage.State.SENT]
    return sent, [message for message in reports if message.state != DeliveryMessage.State.SENT]


def responsible(workspace: Workspace, user: User | None) -> list[str]:
    """Addresses to tell when something failed: its maker, or the owners when the maker has left."""
    active = Member.objects.filter(workspace=workspace, user__is_active=True).order_by("joined_at", "pk")
    makers = active.filter(user=user) if user is not None else active.none()
    members = makers if makers.exists() else active.filter(role="owner")
    return list(members.values_list("user__email", flat=True)[:MOST_RESPONSIBLE])


def teammates(workspace: Workspace) -> frozenset[str]:
    """Addresses of the team, to tell who is outside of it."""
    return frozenset(Member.objects.filter(workspace=workspace).values_list("user__email", flat=True))
