"""Settings: team, plan, API keys, sources, workspace."""

from collections.abc import Sequence

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from stratum.lib import tags
from stratum.lib.forms import show
from stratum.lib.refusal import Refusal
from stratum.workspaces import access, forms, limits, plans, queries, services
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.conditional import unless_overtaken
from stratum.workspaces.models import Workspace
from stratum.workspaces.views import once
from stratum.workspaces.views.snippets import snippets

# Team


@access.page("view")
@never_cache
def team(request: MemberRequest) -> HttpResponse:
    return _team(request, _invite_form(request))


@access.page("manage")
@require_POST
def invite(request: MemberRequest) -> HttpResponse:
    form = _invite_form(request, request.POST)
    if not form.is_valid():
        return _team(request, form)
    try:
        _, link = services.invite(workspace=request.workspace, by=request.actor, now=request.now, **form.cleaned_data)
    except Refusal as refusal:
        show(form, refusal)
        return _team(request, form)
    once.keep(request, "invitation", link)
    messages.success(request, f"{form.cleaned_data['email']} was invited.")
    return redirect("settings_team")


@access.page("manage")
@require_POST
def revoke_invitation(request: MemberRequest, invitation_id: int) -> HttpResponse:
    services.revoke_invitation(
        workspace=request.workspace, invitation_id=invitation_id, by=request.actor, now=request.now
    )
    messages.success(request, "The invitation was withdrawn; its link no longer works.")
    return redirect("settings_team")


@access.page("manage")
@require_POST
def change_role(request: MemberRequest, member_id: int) -> HttpResponse:
    role = request.POST.get("role", "")
    member = services.change_role(
        workspace=request.workspace, member_id=member_id, role=role, by=request.actor, now=request.now
    )
    messages.success(request, f"{member.user} is {member.role} now.")
    return redirect("settings_team")


@access.page("manage")
@require_POST
def remove_member(request: MemberRequest, member_id: int) -> HttpResponse:
    services.remove_member(workspace=request.workspace, member_id=member_id, by=request.actor, now=request.now)
    messages.success(request, "Removed from the team.")
    return redirect("settings_team")


@access.page("view")
@require_POST
def leave(request: MemberRequest) -> HttpResponse:
    services.remove_member(workspace=request.workspace, member_id=request.member.pk, by=request.actor, now=request.now)
    messages.success(request, f"You left {request.workspace.name}.")
    return redirect("home")


@access.page("own")
@require_POST
def transfer(request: MemberRequest, member_id: int) -> HttpResponse:
    heir = services.transfer_ownership(
        workspace=request.workspace, member_id=member_id, by=request.actor, now=request.now
    )
    messages.success(request, f"{heir.user} owns {request.workspace.name} now; you are admin.")
    return redirect("settings_team")


def _invite_form(request: MemberRequest, data: object = None) -> forms.InviteForm:
    return forms.InviteForm(data, allowed=queries.grantable(request.actor.rights))


def _team(request: MemberRequest, form: forms.InviteForm) -> HttpResponse:
    context = {
        "team": queries.team(request.workspace, request.member),
        "invitations": queries.open_invitations(request.workspace, now=request.now),
        "usage": limits.usage(request.workspace, "members"),
        "form": form,
        "link": once.take(request, "invitation"),
        "may_manage": request.actor.may("manage"),
        "may_own": request.actor.may("own"),
    }
    return render(request, "workspaces/team/list.html", context, status=_status(form))


# Plan


@access.page("view")
def plan(request: MemberRequest) -> HttpResponse:
    current = plans.of(request.workspace)
    context = {
        "usages": limits.usages(request.workspace, now=request.now),
        "features": [(name, flag in current.features) for flag, name in plans.FEATURES.items()],
        "plans": plans.PLANS.values(),
        "loses": [other.code for other in plans.PLANS.values() if plans.keeps_less(other, current)],
        "may_manage": request.actor.may("manage"),
    }
    return render(request, "workspaces/plan/detail.html", context)


@access.page("manage")
@require_POST
def change_plan(request: MemberRequest) -> HttpResponse:
    chosen = request.POST.get("plan", "")
    services.change_plan(workspace=request.workspace, plan=chosen, by=request.actor, now=request.now)
    messages.success(request, f"This workspace is on {plans.PLANS[chosen].name} now.")
    return redirect("settings_plan")


# API keys


@access.page("manage")
@never_cache
def api_keys(request: MemberRequest) -> HttpResponse:
    form = forms.ApiKeyForm(request.POST or None)
    if form.is_valid():
        try:
            _, text = services.issue_api_key(
                workspace=request.workspace, by=request.actor, now=request.now, **form.cleaned_data
            )
        except Refusal as refusal:
            show(form, refusal)
        else:
            once.keep(request, "api_key", text)
            return redirect("settings_api_keys")
    context = {
        "keys": queries.api_keys(request.workspace),
        "usage": limits.api_usage(request.workspace, now=request.now),
        "form": form,
        "text": once.take(request, "api_key"),
        "host": _host(request),
    }
    return render(request, "workspaces/keys/list.html", context, status=_status(form))


@access.page("manage")
@require_POST
def revoke_api_key(request: MemberRequest, key_id: int) -> HttpResponse:
    services.revoke_api_key(workspace=request.workspace, key_id=key_id, by=request.actor, now=request.now)
    messages.success(request, "The key was revoked and no longer opens anything.")
    return redirect("settings_api_keys")


@access.page("manage")
@require_POST
def rotate_api_key(request: MemberRequest, key_id: int) -> HttpResponse:
    _, text = services.rotate_api_key(workspace=request.workspace, key_id=key_id, by=request.actor, now=request.now)
    once.keep(request, "api_key", text)
    messages.success(request, "The key has a successor. The old one works for another 24 hours.")
    return redirect("settings_api_keys")


# Sources


@access.page("manage")
@never_cache
def sources(request: MemberRequest) -> HttpResponse:
    form = forms.SourceForm(request.POST or None)
    if form.is_valid():
        try:
            _, text = services.issue_write_key(
                workspace=request.workspace, by=request.actor, now=request.now, **form.cleaned_data
            )
        except Refusal as refusal:
            show(form, refusal)
        else:
            once.keep(request, "write_key", text)
            return redirect("settings_sources")
    new_key = once.take(request, "write_key")
    context = {
        "keys": queries.write_keys(request.workspace),
        "form": form,
        "text": new_key,
        "snippets": snippets(_host(request), new_key or "YOUR_WRITE_KEY"),
    }
    return render(request, "workspaces/sources/list.html", context, status=_status(form))


@access.page("manage")
@require_POST
def revoke_source(request: MemberRequest, key_id: int) -> HttpResponse:
    services.revoke_write_key(workspace=request.workspace, key_id=key_id, by=request.actor, now=request.now)
    messages.success(request, "The write key was revoked. What it has sent stays.")
    return redirect("settings_sources")


# Workspace


def _told(workspace: Workspace, fields: Sequence[str]) -> dict[str, object]:
    """As they stand now, whatever this request read before."""
    return dict(Workspace.objects.filter(pk=workspace.pk).values(*fields).get())


@access.page("connect")
def workspace(request: MemberRequest) -> HttpResponse:
    current = request.workspace
    fields = tuple(forms.WorkspaceForm.base_fields)
    form = forms.WorkspaceForm(request.POST or None, initial={name: getattr(current, name) for name in fields})
    if form.is_valid():
        try:
            with unless_overtaken(current, request.POST.get("seen", ""), lambda: _told(current, fields)):
                services.change_settings(workspace=current, by=request.actor, now=request.now, **form.cleaned_data)
        except Refusal as refusal:
            # The refused name must not stand in the page's frame.
            current.refresh_from_db()
            show(form, refusal)
        else:
            messages.success(request, "Saved.")
            return redirect("settings_workspace")
    seen = request.POST.get("seen") or tags.of_content(_told(current, fields))
    context = {"form": form, "zones": forms.zone_names(), "seen": seen}
    return render(request, "workspaces/settings.html", context, status=_status(form))


def _host(request: MemberRequest) -> str:
    """Where programs reach this server, as the browser did."""
    return request.build_absolute_uri("/").rstrip("/")


def _status(form: Form) -> int:
    return 422 if form.is_bound and form.errors else 200
