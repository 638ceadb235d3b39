"""Administration of saved views and exports: look; deleting an export removes its file."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from stratum.lib import clock
from stratum.reports.models import Delivery, DeliveryMessage, Export, ExportSchedule, SavedView
from stratum.reports.services import exports
from stratum.workspaces.admin import ReadOnlyAdmin, actor_of


@admin.register(SavedView)
class SavedViewAdministration(ReadOnlyAdmin):
    list_display = ["name", "page", "workspace", "shared", "created_by", "created_at", "deleted_at"]
    list_filter = ["shared", ("deleted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["name", "page", "workspace__name", "workspace__slug"]


@admin.register(Export)
class ExportAdministration(ReadOnlyAdmin):
    list_display = ["title", "workspace", "format", "rows", "size", "created_by", "created_at", "expires_at"]
    list_filter = ["format", "exporter"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["title", "workspace__name", "workspace__slug"]
    date_hierarchy = "created_at"

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def delete_model(self, request: HttpRequest, obj: Export) -> None:
        exports.delete(workspace=obj.workspace, by=actor_of(request), export_id=obj.pk, now=clock.now())


@admin.register(ExportSchedule)
class ExportScheduleAdministration(ReadOnlyAdmin):
    list_display = ["name", "workspace", "exporter", "format", "frequency", "enabled", "next_run_at", "created_by"]
    list_filter = ["enabled", "frequency", "format", "exporter"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["name", "workspace__name", "workspace__slug", "recipients"]


class DeliveryMessages(admin.TabularInline):  # type: ignore[type-arg]
    model = DeliveryMessage
    extra = 0
    can_delete = False


@admin.register(Delivery)
class DeliveryAdministration(ReadOnlyAdmin):
    list_display = ["schedule", "workspace", "due_at", "state", "attempts", "next_attempt_at", "reason"]
    list_filter = ["state"]
    list_select_related = ["workspace", "schedule"]
    search_fields = ["schedule__name", "workspace__name", "workspace__slug", "messages__email"]
    date_hierarchy = "created_at"
    inlines = [DeliveryMessages]
