"""Administration of the autopilot: find and look; what can be done goes through its services and into the book."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from autopilot.models import (
    Action,
    ActionMove,
    AutopilotSettings,
    DryRun,
    Rule,
    RuleEvaluation,
    RuleRun,
    RuleVersion,
)
from autopilot.services import actions, rules, settings
from stratum.lib import clock
from stratum.lib.refusal import Refusal
from stratum.workspaces.admin import ReadOnlyAdmin, actor_of


def each(request: HttpRequest, rows: QuerySet[Any], work: Callable[..., object]) -> None:
    """`work(row, by=, now=)`; what one refuses does not keep the others from it."""
    by, now, done = actor_of(request), clock.now(), 0
    for row in rows.select_related("workspace"):
        try:
            work(row, by=by, now=now)
            done += 1
        except Refusal as refused:
            messages.error(request, f"{row}: {refused.sentence}")
    messages.success(request, f"Done: {done}.")


class MoveInline(admin.TabularInline):  # type: ignore[type-arg]
    model = ActionMove
    extra = 0
    can_delete = False
    fields = ["at", "before", "after", "by", "sentence", "entry_id"]
    readonly_fields = ["at", "before", "after", "by", "sentence", "entry_id"]
    ordering = ["id"]

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Action)
class ActionAdministration(ReadOnlyAdmin):
    show_full_result_count = False
    list_display = ["said", "entity", "workspace", "kind", "state", "signal_health", "proposed_by", "created_at", "why"]
    list_filter = ["state", "kind", "account__platform", "never_refused"]
    list_select_related = ["workspace", "entity"]
    search_fields = ["workspace__slug__exact", "entity__external_id__exact", "id__exact"]
    search_help_text = "A whole id, of the action or of the platform, or a workspace's address."
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-id"]
    inlines = [MoveInline]
    actions = ["cancel", "judge_again"]

    @admin.action(description="Cancel the selected actions")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Action]) -> None:
        each(request, queryset, lambda one, **same: actions.cancel(workspace=one.workspace, action_id=one.pk, **same))

    @admin.action(description="Judge the selected blocked actions again")
    def judge_again(self, request: HttpRequest, queryset: QuerySet[Action]) -> None:
        each(
            request,
            queryset,
            lambda one, **same: actions.judge_again(workspace=one.workspace, action_id=one.pk, **same),
        )


@admin.register(DryRun)
class DryRunAdministration(ReadOnlyAdmin):
    show_full_result_count = False
    list_display = ["at", "entity", "workspace", "verdict", "rule", "by", "executed", "actual_14", "unresolvable"]
    list_filter = ["verdict", "executed", "action__account__platform"]
    list_select_related = ["workspace", "entity", "rule"]
    search_fields = ["workspace__slug__exact", "entity__external_id__exact", "inputs_hash__exact"]
    date_hierarchy = "at"
    ordering = ["-at", "-id"]


@admin.register(Rule)
class RuleAdministration(ReadOnlyAdmin):
    list_display = ["name", "workspace", "template", "version", "enabled", "last_run_at", "next_run_at", "archived_at"]
    list_filter = ["enabled", "template", ("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace"]
    search_fields = ["name", "workspace__name", "workspace__slug"]
    actions = ["switch_off"]

    @admin.action(description="Switch the selected rules off")
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        each(
            request,
            queryset,
            lambda one, **same: rules.switch(workspace=one.workspace, rule_id=one.pk, on=False, **same),
        )


@admin.register(RuleVersion)
class RuleVersionAdministration(ReadOnlyAdmin):
    list_display = ["name", "version", "rule", "created_by", "created_at"]
    list_select_related = ["rule", "created_by"]
    search_fields = ["name", "rule__workspace__slug"]
    ordering = ["-id"]


@admin.register(RuleRun)
class RuleRunAdministration(ReadOnlyAdmin):
    list_display = ["rule", "workspace", "at", "version", "is_dry_run", "looked_at", "met", "proposed", "problem"]
    list_filter = ["is_dry_run"]
    list_select_related = ["rule", "workspace"]
    search_fields = ["rule__name", "workspace__slug"]
    date_hierarchy = "at"
    ordering = ["-at"]


@admin.register(RuleEvaluation)
class RuleEvaluationAdministration(ReadOnlyAdmin):
    show_full_result_count = False
    list_display = ["rule", "entity", "at", "version", "outcome", "sentence"]
    list_filter = ["outcome"]
    list_select_related = ["rule", "entity"]
    search_fields = ["rule__name", "entity__external_id__exact"]
    ordering = ["-id"]


@admin.register(AutopilotSettings)
class AutopilotSettingsAdministration(ReadOnlyAdmin):
    list_display = ["workspace", "account", "dry_run", "level", "stopped_at", "stopped_by", "version", "updated_at"]
    list_filter = ["dry_run", "level", ("stopped_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace", "account"]
    search_fields = ["workspace__name", "workspace__slug", "account__external_id__exact"]
    actions = ["stop", "resume"]

    @admin.action(description="Pull the emergency stop in the selected workspaces")
    def stop(self, request: HttpRequest, queryset: QuerySet[AutopilotSettings]) -> None:
        rows = queryset.filter(account=None)
        each(request, rows, lambda one, **same: settings.stop(workspace=one.workspace, **same))

    @admin.action(description="Lift the emergency stop in the selected workspaces")
    def resume(self, request: HttpRequest, queryset: QuerySet[AutopilotSettings]) -> None:
        rows = queryset.filter(account=None)
        each(request, rows, lambda one, **same: settings.resume(workspace=one.workspace, **same))
