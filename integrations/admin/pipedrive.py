"""Administration of Pipedrive: look, and pause, resume or disconnect through the services. No secret is shown.

Nobody connects here: that needs the token, which only the customer has, and room in the plan.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from integrations.models import (
    PipedriveConflict,
    PipedriveConnection,
    PipedriveDeal,
    PipedriveDuplicate,
    PipedriveLink,
    PipedriveOutbox,
    PipedriveRow,
    PipedriveRun,
)
from integrations.services.pipedrive import connecting, runs
from stratum.lib import clock
from stratum.lib.refusal import Refusal
from stratum.workspaces.admin import ReadOnlyAdmin, actor_of

SECRETS = ["token", "webhook_password", "webhook_secret"]
BULKY = ["remote_fields", "followed"]


@admin.register(PipedriveConnection)
class PipedriveConnectionAdministration(ReadOnlyAdmin):
    list_display = ["workspace", "company_name", "state", "schedule", "token_hint", "last_sync_at", "next_sync_at"]
    list_filter = ["state", "schedule", "is_sandbox"]
    list_select_related = ["workspace"]
    search_fields = ["workspace__name", "workspace__slug", "company_name", "company_domain"]
    exclude = [*SECRETS, *BULKY]
    actions = ["pause", "resume", "disconnect"]

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, queryset: QuerySet[PipedriveConnection]) -> None:
        self._each(request, queryset, connecting.pause)

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[PipedriveConnection]) -> None:
        self._each(request, queryset, connecting.resume)

    @admin.action(description="Disconnect and forget the token")
    def disconnect(self, request: HttpRequest, queryset: QuerySet[PipedriveConnection]) -> None:
        self._each(request, queryset, connecting.disconnect)

    def _each(self, request: HttpRequest, queryset: QuerySet[PipedriveConnection], act: Callable[..., None]) -> None:
        for one in queryset.select_related("workspace"):
            try:
                act(workspace=one.workspace, by=actor_of(request), now=clock.now())
            except Refusal as refusal:
                messages.error(request, f"{one}: {refusal.sentence}")


class OfConnection(ReadOnlyAdmin):
    list_select_related = ["connection__workspace"]
    show_full_result_count = False

    @admin.display(description="workspace", ordering="connection__workspace")
    def of(self, row: Any) -> str:
        return str(row.connection.workspace)


@admin.register(PipedriveRun)
class PipedriveRunAdministration(OfConnection):
    list_display = ["created_at", "of", "mode", "trigger", "dry_run", "state", "tokens", "started_by"]
    list_filter = ["state", "mode", "dry_run"]
    search_fields = ["workspace__name", "workspace__slug", "id__exact"]
    ordering = ["-created_at"]
    actions = ["cancel"]

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[PipedriveRun]) -> None:
        for one in queryset.select_related("workspace"):
            runs.cancel(workspace=one.workspace, by=actor_of(request), run_id=one.pk, now=clock.now())


@admin.register(PipedriveRow)
class PipedriveRowAdministration(ReadOnlyAdmin):
    list_display = ["at", "kind", "action", "state", "title", "local_id", "remote_id", "response_code", "error"]
    list_filter = ["action", "state", "kind"]
    search_fields = ["local_id__exact", "remote_id__exact", "run__id__exact"]
    search_help_text = "A whole profile number, Pipedrive number or run id."
    ordering = ["-id"]
    show_full_result_count = False


@admin.register(PipedriveLink)
class PipedriveLinkAdministration(OfConnection):
    list_display = ["of", "kind", "local_id", "remote_id", "remote_state", "synced_at"]
    list_filter = ["kind", "remote_state"]
    search_fields = ["local_id__exact", "remote_id__exact"]
    ordering = ["-id"]


@admin.register(PipedriveOutbox)
class PipedriveOutboxAdministration(OfConnection):
    list_display = ["of", "kind", "local_id", "state", "attempts", "queued_at", "not_before", "last_error"]
    list_filter = ["state", "kind"]
    search_fields = ["local_id__exact"]
    ordering = ["queued_at"]


@admin.register(PipedriveConflict)
class PipedriveConflictAdministration(OfConnection):
    list_display = ["at", "of", "local", "winner", "rule", "seen_at"]
    list_filter = ["winner", "rule"]
    ordering = ["-id"]


@admin.register(PipedriveDuplicate)
class PipedriveDuplicateAdministration(OfConnection):
    list_display = ["created_at", "of", "reason", "local_id", "remote_ids", "state", "resolution"]
    list_filter = ["state", "reason"]
    search_fields = ["local_id__exact"]
    ordering = ["-id"]


@admin.register(PipedriveDeal)
class PipedriveDealAdministration(OfConnection):
    list_display = ["remote_id", "of", "title", "status", "value", "currency", "won_at", "parked"]
    list_filter = ["status", "is_archived", "is_deleted"]
    search_fields = ["remote_id__exact", "title"]
    ordering = ["-id"]
