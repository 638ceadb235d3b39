"""Administration for support: find, look, and act through the services. No secret is ever shown."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from stratum.lib import clock
from stratum.lib import forms as refused
from stratum.lib.refusal import Invalid, Refusal
from stratum.workspaces import jobs, plans, roles, services
from stratum.workspaces.access import Actor
from stratum.workspaces.models import (
    ApiKey,
    ApiUsage,
    Invitation,
    Job,
    LoginFailures,
    Member,
    SignIn,
    TwoFactor,
    User,
    Workspace,
    WriteKey,
)
from stratum.workspaces.services.workspaces import checked_settings


def actor_of(request: HttpRequest) -> Actor:
    """Staff act in their own name with every right."""
    user = request.user
    return Actor(f"{user} (staff)", user=user if isinstance(user, User) else None)


class ServiceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Changes go through services; what they refuse is told, not raised."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._told(request, lambda: super(ServiceAdmin, self).changeform_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._told(request, lambda: super(ServiceAdmin, self).delete_view(request, *args, **kwargs))

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._told(request, lambda: super(ServiceAdmin, self).changelist_view(request, *args, **kwargs))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def _told(self, request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        try:
            return view()
        except Refusal as refusal:
            messages.error(request, refusal.sentence)
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin(ServiceAdmin):
    """Rows that only the program writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class WorkspaceForm(forms.ModelForm):  # type: ignore[type-arg]
    plan = forms.ChoiceField(choices=[(plan.code, plan.name) for plan in plans.PLANS.values()])

    class Meta:
        model = Workspace
        fields = ["name", "plan", "time_zone", "currency", "default_country", "churn_days"]

    def clean(self) -> dict[str, Any] | None:
        given = {name: value for name, value in self.cleaned_data.items() if name != "plan"}
        try:
            return {**self.cleaned_data, **checked_settings(**given)}
        except Invalid as refusal:
            refused.show(self, refusal)
            return None


class MemberForm(forms.ModelForm):  # type: ignore[type-arg]
    role = forms.ChoiceField(choices=[(role, role.capitalize()) for role in roles.ROLES])

    class Meta:
        model = Member
        fields = ["workspace", "user", "role"]


@admin.register(User)
class UserAdministration(UserAdmin):  # type: ignore[type-arg]
    list_display = ["email", "name", "is_active", "is_staff", "date_joined", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    readonly_fields = ["date_joined", "last_login"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "user_permissions"]}),
        ("Times", {"fields": ["date_joined", "last_login"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["email", "name", "usable_password", "password1", "password2"]})
    ]
    filter_horizontal = ["user_permissions"]


@admin.register(Workspace)
class WorkspaceAdministration(ServiceAdmin):
    """Made by sign-up or `manage.py create_workspace`; its events outlive no careless click on delete."""

    form = WorkspaceForm
    list_display = ["name", "slug", "plan", "time_zone", "currency", "holds_sample_data", "created_at"]
    list_filter = ["plan", "holds_sample_data"]
    search_fields = ["name", "slug", "members__user__email"]
    readonly_fields = ["slug", "holds_sample_data", "created_at"]

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        chosen, obj.plan = obj.plan, form.initial["plan"]
        services.assign_plan(workspace=obj, plan=chosen, now=clock.now())
        super().save_model(request, obj, form, change)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Member)
class MemberAdministration(ServiceAdmin):
    form = MemberForm
    list_display = ["user", "workspace", "role", "joined_at"]
    list_filter = ["role"]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__email", "user__name", "workspace__name", "workspace__slug"]
    autocomplete_fields = ["user", "workspace"]

    def get_readonly_fields(self, request: HttpRequest, obj: Member | None = None) -> list[str]:
        return ["workspace", "user"] if obj else []

    def save_model(self, request: HttpRequest, obj: Member, form: Any, change: bool) -> None:
        by, now = actor_of(request), clock.now()
        if not change:
            obj.pk = services.add_member(workspace=obj.workspace, user=obj.user, role=obj.role, by=by, now=now).pk
            return
        services.change_role(workspace=obj.workspace, member_id=obj.pk, role=obj.role, by=by, now=now)

    def delete_model(self, request: HttpRequest, obj: Member) -> None:
        services.remove_member(workspace=obj.workspace, member_id=obj.pk, by=actor_of(request), now=clock.now())


@admin.register(Invitation)
class InvitationAdministration(ReadOnlyAdmin):
    """Deleting an invitation withdraws it."""

    list_display = ["email", "workspace", "role", "invited_by", "created_at", "expires_at", "accepted_at"]
    list_filter = ["role"]
    list_select_related = ["workspace", "invited_by"]
    search_fields = ["email", "workspace__name", "workspace__slug"]
    exclude = ["token_hash"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True


@admin.register(ApiKey)
class ApiKeyAdministration(ReadOnlyAdmin):
    list_display = ["name", "prefix", "workspace", "created_at", "last_used_at", "expires_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace"]
    search_fields = ["name", "prefix", "workspace__name", "workspace__slug"]
    exclude = ["secret_hash"]
    actions = ["revoke"]

    @admin.action(description="Revoke the selected keys")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.select_related("workspace"):
            services.revoke_api_key(workspace=key.workspace, key_id=key.pk, by=actor_of(request), now=clock.now())
        messages.success(request, "Revoked.")


@admin.register(WriteKey)
class WriteKeyAdministration(ReadOnlyAdmin):
    list_display = ["name", "prefix", "workspace", "client_side", "created_at", "revoked_at"]
    list_filter = ["client_side", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace"]
    search_fields = ["name", "prefix", "workspace__name", "workspace__slug"]
    exclude = ["secret_hash"]
    actions = ["revoke"]

    @admin.action(description="Revoke the selected keys")
    def revoke(self, request: HttpRequest, queryset: QuerySet[WriteKey]) -> None:
        for key in queryset.select_related("workspace"):
            services.revoke_write_key(workspace=key.workspace, key_id=key.pk, by=actor_of(request), now=clock.now())
        messages.success(request, "Revoked.")


@admin.register(Job)
class JobAdministration(ReadOnlyAdmin):
    list_display = ["kind", "workspace", "state", "done", "total", "attempts", "created_at", "finished_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["workspace"]
    search_fields = ["kind", "workspace__name", "workspace__slug"]
    date_hierarchy = "created_at"
    actions = ["cancel"]

    @admin.action(description="Cancel the selected jobs")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        by, now = actor_of(request), clock.now()
        ended = sum(
            jobs.cancel(workspace=job.workspace, job_id=job.pk, by=by, now=now)
            for job in queryset.select_related("workspace")
        )
        messages.success(request, f"Cancelled {ended}.")


@admin.register(LoginFailures)
class LoginFailuresAdministration(ReadOnlyAdmin):
    """Deleting a row unlocks the address."""

    list_display = ["email", "ip", "failures", "last_at", "locked_until"]
    search_fields = ["email", "ip"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True


@admin.register(ApiUsage)
class ApiUsageAdministration(ReadOnlyAdmin):
    list_display = ["workspace", "month", "requests"]
    list_select_related = ["workspace"]
    search_fields = ["workspace__name", "workspace__slug"]
    date_hierarchy = "month"


admin.site.unregister(Group)  # roles belong to workspaces
admin.site.site_header = admin.site.site_title = "Stratum administration"


@admin.register(TwoFactor)
class TwoFactorAdministration(ReadOnlyAdmin):
    """Deleting one lets a person in who has lost both phone and recovery codes: ask who they are first."""

    list_display = ["user", "confirmed_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    exclude = ["sealed_secret", "recovery_hashes", "last_step"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True


@admin.register(SignIn)
class SignInAdministration(ReadOnlyAdmin):
    list_display = ["user", "at", "ip", "agent", "ended_at"]
    list_select_related = ["user"]
    search_fields = ["user__email", "ip"]
    date_hierarchy = "at"
    exclude = ["session_key"]
