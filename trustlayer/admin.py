"""Administration of the judge and its book: find and look. Nobody writes here; the book is only ever appended to."""

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet

from stratum.workspaces.admin import ReadOnlyAdmin
from trustlayer.models import Checkpoint, HealthDay, LedgerEntry, PolicyVersion, SignalReading

MOST_COUNTED = 10_000


class NewestRows(Paginator):  # type: ignore[type-arg]
    """Counts and leafs through the first rows only: books grow to millions of entries."""

    object_list: QuerySet[LedgerEntry]

    @property
    def count(self) -> int:
        return self.object_list[:MOST_COUNTED].count()


class BookAdmin(ReadOnlyAdmin):
    list_select_related = ["workspace"]
    list_filter = ["workspace"]
    paginator = NewestRows
    show_full_result_count = False
    list_per_page = 50


@admin.register(LedgerEntry)
class LedgerEntryAdministration(BookAdmin):
    list_display = ["seq", "workspace", "timestamp", "kind", "decision", "reason_code", "entity", "user"]
    list_filter = ["kind", "decision", "workspace"]
    search_fields = ["id__exact", "action_id__exact", "request_id__exact", "entity_id__exact", "workspace__slug__exact"]
    search_help_text = "A whole id of an entry, action, entity or a platform's request, or a workspace's slug."
    ordering = ["-timestamp", "-seq"]


@admin.register(Checkpoint)
class CheckpointAdministration(BookAdmin):
    list_display = ["seq", "workspace", "at", "reason", "entry_hash"]
    search_fields = ["workspace__name", "workspace__slug", "entry_hash__exact"]
    ordering = ["-at"]


@admin.register(PolicyVersion)
class PolicyVersionAdministration(BookAdmin):
    list_display = ["version", "workspace", "created_by", "created_at"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["workspace__name", "workspace__slug"]
    ordering = ["-created_at"]


@admin.register(SignalReading)
class SignalReadingAdministration(BookAdmin):
    list_display = ["signal", "platform", "workspace", "value", "observed_at", "source", "reported"]
    list_filter = ["platform", "signal", "workspace"]
    search_fields = ["workspace__slug__exact", "source__exact"]
    ordering = ["-id"]


@admin.register(HealthDay)
class HealthDayAdministration(BookAdmin):
    list_display = ["day", "platform", "workspace", "score", "lowest", "highest", "measured_at"]
    list_filter = ["platform", "workspace"]
    search_fields = ["workspace__name", "workspace__slug"]
    ordering = ["-id"]
