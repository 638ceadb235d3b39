"""Administration of customer data: look, and change what people may change. Searches are exact: indexes serve."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from cdp.definitions.funnels import FunnelDraft, parse_draft
from cdp.models import (
    Change,
    Event,
    EventAlias,
    EventCopy,
    Funnel,
    Identifier,
    Profile,
    RejectedItem,
    Segment,
    Spell,
    Trait,
    TraitCarry,
    TraitVersion,
)
from cdp.queries import funnels as funnel_queries
from cdp.services import aliases, funnels, segments, traits
from stratum.lib import clock
from stratum.lib import forms as refused
from stratum.lib.refusal import Invalid
from stratum.workspaces.admin import ReadOnlyAdmin, ServiceAdmin, actor_of

MOST_COUNTED = 10_000


class FirstRows(Paginator):  # type: ignore[type-arg]
    """Counts and leafs through the first rows only: counting millions would take seconds on every page."""

    object_list: QuerySet[Any]

    @property
    def count(self) -> int:
        return self.object_list[:MOST_COUNTED].count()


class TruthAdmin(ReadOnlyAdmin):
    paginator = FirstRows
    show_full_result_count = False
    list_per_page = 50


@admin.register(Event)
class EventAdministration(TruthAdmin):
    list_display = ["id", "name", "kind", "workspace", "profile_id", "ts", "received_at", "message_id"]
    list_filter = ["workspace"]
    list_select_related = ["workspace"]
    search_fields = ["message_id__exact", "profile_id__exact"]
    search_help_text = "A whole message id or profile number."
    ordering = ["-id"]


@admin.register(EventCopy)
class EventCopyAdministration(TruthAdmin):
    list_display = ["id", "pair_key", "workspace", "message_id", "received_at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace"]
    search_fields = ["message_id__exact"]
    search_help_text = "A whole message id."
    ordering = ["-id"]


@admin.register(Change)
class ChangeAdministration(TruthAdmin):
    list_display = ["id", "kind", "workspace", "event_id", "profile_id", "into_id", "reason", "at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace"]
    search_fields = ["event_id__exact", "profile_id__exact", "into_id__exact"]
    search_help_text = "The whole number of an event or profile."
    ordering = ["-id"]


@admin.register(RejectedItem)
class RejectedItemAdministration(TruthAdmin):
    list_display = ["id", "name", "code", "reason", "workspace", "source", "received_at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace", "source"]
    ordering = ["-id"]


@admin.register(Profile)
class ProfileAdministration(TruthAdmin):
    list_display = ["id", "workspace", "user_id", "merged_into", "merges", "created_at", "erased_at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace"]
    search_fields = ["id__exact", "identifiers__value__exact"]
    search_help_text = "A whole profile number or identifier."
    ordering = ["-id"]


@admin.register(Identifier)
class IdentifierAdministration(TruthAdmin):
    list_display = ["id", "kind", "value", "workspace", "profile_id", "created_at"]
    list_select_related = ["workspace"]
    search_fields = ["value__exact", "profile__id__exact"]
    search_help_text = "A whole identifier or profile number."
    ordering = ["-id"]


@admin.register(EventAlias)
class EventAliasAdministration(ServiceAdmin):
    list_display = ["original", "name", "workspace"]
    list_filter = ["workspace"]
    list_select_related = ["workspace"]
    search_fields = ["original", "name"]
    autocomplete_fields = ["workspace"]

    def get_readonly_fields(self, request: HttpRequest, obj: EventAlias | None = None) -> list[str]:
        return ["workspace", "original"] if obj else []

    def save_model(self, request: HttpRequest, obj: EventAlias, form: Any, change: bool) -> None:
        aliases.put(workspace=obj.workspace, by=actor_of(request), original=obj.original, name=obj.name)
        obj.pk = EventAlias.objects.get(workspace=obj.workspace, original=obj.original.strip()).pk

    def delete_model(self, request: HttpRequest, obj: EventAlias) -> None:
        aliases.remove(workspace=obj.workspace, by=actor_of(request), original=obj.original)


class FunnelForm(forms.ModelForm):  # type: ignore[type-arg]
    """Reads the definition as the API does; the draft waits in `draft`."""

    draft: FunnelDraft

    class Meta:
        model = Funnel
        fields = ["workspace", "name", "description", "definition"]

    def clean(self) -> dict[str, Any] | None:
        data = self.cleaned_data
        workspace = data.get("workspace") or getattr(self.instance, "workspace", None)
        definition = data.get("definition")
        if workspace is None or definition is None or "name" not in data:
            return data
        named = {"name": data["name"], "description": data.get("description", "")}
        try:
            body = {**named, **definition} if isinstance(definition, dict) else definition
            self.draft = parse_draft(body, zone=funnel_queries.zone_of(workspace))
        except Invalid as refusal:
            refused.show(self, refusal)
        return data


@admin.register(Funnel)
class FunnelAdministration(ServiceAdmin):
    form = FunnelForm
    list_display = ["name", "workspace", "version", "created_by", "updated_at", "archived_at"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["name", "workspace__name", "workspace__slug"]
    autocomplete_fields = ["workspace"]
    actions = ["archive", "restore"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Funnel | None = None) -> list[str]:
        return ["workspace"] if obj else []

    def save_model(self, request: HttpRequest, obj: Funnel, form: Any, change: bool) -> None:
        by, now = actor_of(request), clock.now()
        if change:
            funnels.update(workspace=obj.workspace, by=by, funnel_id=obj.pk, draft=form.draft, now=now)
        else:
            obj.pk = funnels.create(workspace=obj.workspace, by=by, draft=form.draft, now=now).pk

    @admin.action(description="Archive the selected funnels")
    def archive(self, request: HttpRequest, queryset: QuerySet[Funnel]) -> None:
        for funnel in queryset.select_related("workspace"):
            funnels.archive(workspace=funnel.workspace, by=actor_of(request), funnel_id=funnel.pk, now=clock.now())
        messages.success(request, "Archived.")

    @admin.action(description="Restore the selected funnels")
    def restore(self, request: HttpRequest, queryset: QuerySet[Funnel]) -> None:
        for funnel in queryset.select_related("workspace"):
            funnels.restore(workspace=funnel.workspace, by=actor_of(request), funnel_id=funnel.pk, now=clock.now())
        messages.success(request, "Restored.")


@admin.register(Segment)
class SegmentAdministration(ReadOnlyAdmin):
    list_display = ["name", "workspace", "version", "created_by", "updated_at", "archived_at"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["name", "workspace__name", "workspace__slug"]
    actions = ["archive", "restore"]

    @admin.action(description="Archive the selected segments")
    def archive(self, request: HttpRequest, queryset: QuerySet[Segment]) -> None:
        for segment in queryset.select_related("workspace"):
            segments.archive(workspace=segment.workspace, by=actor_of(request), segment_id=segment.pk, now=clock.now())
        messages.success(request, "Archived.")

    @admin.action(description="Restore the selected segments")
    def restore(self, request: HttpRequest, queryset: QuerySet[Segment]) -> None:
        for segment in queryset.select_related("workspace"):
            segments.restore(workspace=segment.workspace, by=actor_of(request), segment_id=segment.pk, now=clock.now())
        messages.success(request, "Restored.")


@admin.register(Spell)
class SpellAdministration(TruthAdmin):
    list_display = ["id", "segment", "profile_id", "entered_at", "entry_reason", "exited_at", "exit_reason"]
    list_select_related = ["segment"]
    search_fields = ["profile_id__exact", "segment__id__exact"]
    search_help_text = "A whole profile number or segment id."
    ordering = ["-id"]


@admin.register(Trait)
class TraitAdministration(ReadOnlyAdmin):
    list_display = [
        "name",
        "workspace",
        "status",
        "frequency",
        "is_system",
        "version",
        "last_computed_at",
        "deleted_at",
    ]
    list_filter = ["status", "is_system", ("deleted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace"]
    search_fields = ["name", "label", "workspace__name", "workspace__slug"]
    actions = ["backfill", "disable", "enable"]

    @admin.action(description="Compute the selected traits again")
    def backfill(self, request: HttpRequest, queryset: QuerySet[Trait]) -> None:
        for trait in queryset.select_related("workspace"):
            traits.backfill(workspace=trait.workspace, by=actor_of(request), trait_id=trait.pk, now=clock.now())
        messages.success(request, "Their jobs are on the way.")

    @admin.action(description="Disable the selected traits")
    def disable(self, request: HttpRequest, queryset: QuerySet[Trait]) -> None:
        for trait in queryset.select_related("workspace"):
            traits.disable(workspace=trait.workspace, by=actor_of(request), trait_id=trait.pk, now=clock.now())
        messages.success(request, "Disabled.")

    @admin.action(description="Enable the selected traits")
    def enable(self, request: HttpRequest, queryset: QuerySet[Trait]) -> None:
        for trait in queryset.select_related("workspace"):
            traits.enable(workspace=trait.workspace, by=actor_of(request), trait_id=trait.pk, now=clock.now())
        messages.success(request, "Enabled: their values are being computed.")


@admin.register(TraitVersion)
class TraitVersionAdministration(ReadOnlyAdmin):
    list_display = ["id", "trait", "number", "note", "created_by", "created_at", "backfilled_at", "has_values"]
    list_select_related = ["trait", "created_by"]
    search_fields = ["trait__name", "trait__id__exact"]
    ordering = ["-id"]


@admin.register(TraitCarry)
class TraitCarryAdministration(TruthAdmin):
    list_display = ["id", "workspace", "profile_id", "key", "until"]
    list_select_related = ["workspace"]
    search_fields = ["profile_id__exact", "key__exact"]
    search_help_text = "A whole profile number or key."
    ordering = ["-id"]
