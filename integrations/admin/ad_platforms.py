"""Administration of what lies beyond our walls: look only. Credentials are never shown, sealed or not."""

from django.contrib import admin

from integrations.models import AdAccount, AdConnection, AdEntity, AdSyncRun
from stratum.workspaces.admin import ReadOnlyAdmin


@admin.register(AdConnection)
class AdConnectionAdministration(ReadOnlyAdmin):
    exclude = ["credentials"]
    list_display = ["name", "platform", "sandbox", "workspace", "state", "token_hint", "last_sync_at", "problem"]
    list_filter = ["platform", "state", "sandbox"]
    list_select_related = ["workspace"]
    search_fields = ["name", "workspace__slug"]
    ordering = ["-id"]


@admin.register(AdAccount)
class AdAccountAdministration(ReadOnlyAdmin):
    list_display = ["name", "external_id", "platform", "workspace", "currency", "chosen", "synced_until"]
    list_filter = ["platform", "chosen"]
    list_select_related = ["workspace"]
    search_fields = ["external_id__exact", "name"]
    ordering = ["-id"]


@admin.register(AdEntity)
class AdEntityAdministration(ReadOnlyAdmin):
    show_full_result_count = False
    list_display = ["name", "kind", "external_id", "workspace", "account", "status", "budget", "seen_at"]
    list_filter = ["kind", "status"]
    list_select_related = ["workspace", "account"]
    search_fields = ["external_id__exact"]
    search_help_text = "A whole id of the platform."
    ordering = ["-id"]


@admin.register(AdSyncRun)
class AdSyncRunAdministration(ReadOnlyAdmin):
    list_display = ["connection", "workspace", "state", "started_at", "accounts", "entities", "days", "error"]
    list_filter = ["state"]
    list_select_related = ["connection", "workspace"]
    ordering = ["-id"]
