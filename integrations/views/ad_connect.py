"""Connecting an ad platform: platform and credentials → accounts → the first sync; and new credentials later."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from integrations.forms.ad_platforms import CredentialsForm
from integrations.services import ad_connections as services
from integrations.views.ad_platforms import PLATFORMS
from stratum.lib import forms as refused_forms
from stratum.lib.refusal import Missing, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access, limits
from stratum.workspaces.access import MemberRequest

NAMES = {platform: name for platform, name, _ in PLATFORMS}
STEPS = ("Credentials", "Accounts", "First sync")


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("connect")
def ad_platform_connect(request: MemberRequest, platform: str) -> HttpResponse:
    if platform not in NAMES:
        raise Missing
    form = CredentialsForm(platform, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            connection = services.connect(
                workspace=request.workspace,
                by=request.actor,
                platform=platform,
                credentials=form.cleaned_data,
                now=request.now,
            )
            messages.success(request, f"{NAMES[platform]} lets us in as {connection.name}. Now choose the accounts.")
            return redirect("ad_account_choice", connection.pk)
        except Refusal as refused:
            refused_forms.show(form, refused)
    context = {"form": form, "name": NAMES[platform], "platform": platform, "steps": STEPS, "step": 1}
    return render(request, "integrations/ad_platforms/connect.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("connect")
def ad_connection_renew(request: MemberRequest, connection_id: int) -> HttpResponse:
    connection = services.get(request.workspace, connection_id)
    if connection.sandbox:
        raise Missing
    form = CredentialsForm(connection.platform, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.reconnect(
                workspace=request.workspace,
                by=request.actor,
                connection_id=connection_id,
                credentials=form.cleaned_data,
                now=request.now,
            )
            messages.success(request, f"{connection.get_platform_display()} is connected again.")
            return redirect("ad_connection", connection_id)
        except Refusal as refused:
            refused_forms.show(form, refused)
    context: dict[str, Any] = {"form": form, "name": NAMES[connection.platform], "connection": connection}
    return render(request, "integrations/ad_platforms/connect.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("connect")
def ad_account_choice(request: MemberRequest, connection_id: int) -> HttpResponse:
    connection = services.get(request.workspace, connection_id)
    context: dict[str, Any] = {"connection": connection, "steps": STEPS, "step": 2}
    chosen = request.POST.getlist("accounts")
    try:
        if request.method == "POST":
            services.choose_accounts(
                workspace=request.workspace,
                by=request.actor,
                connection_id=connection_id,
                account_ids=chosen,
                now=request.now,
            )
            messages.success(request, _saved(len(set(chosen))))
            return redirect("ad_connection", connection_id)
    except Missing:
        raise
    except Refusal as refused:
        context["problem"] = refused.sentence
    try:
        context["offered"] = services.offered(
            workspace=request.workspace, by=request.actor, connection_id=connection_id
        )
    except Refusal as refused:
        context.setdefault("problem", refused.sentence)
    context |= {"typed": chosen, "posted": request.method == "POST"}
    context["usage"] = limits.usage(request.workspace, services.METER)
    status = 422 if "problem" in context else 200
    return render(request, "integrations/ad_platforms/accounts.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("connect")
def ad_conversion_action(request: MemberRequest, account_id: int) -> HttpResponse:
    account = services.get_account(request.workspace, account_id)
    context: dict[str, Any] = {"account": account}
    try:
        if request.method == "POST":
            services.choose_conversion_action(
                workspace=request.workspace,
                by=request.actor,
                account_id=account_id,
                action=request.POST.get("conversion_action", ""),
                now=request.now,
            )
            messages.success(request, "Saved. All days are being read again with this conversion action.")
            return redirect("ad_connection", account.connection_id)
    except Refusal as refused:
        context["problem"] = refused.sentence
    try:
        context["actions"] = services.conversion_actions(
            workspace=request.workspace, by=request.actor, account_id=account_id
        )
    except Refusal as refused:
        context.setdefault("problem", refused.sentence)
    status = 422 if "problem" in context else 200
    return render(request, "integrations/ad_platforms/conversion_action.html", context, status=status)


def _saved(count: int) -> str:
    if not count:
        return "No account is synced any more. What was read stays."
    return f"{count} account{'' if count == 1 else 's'} chosen. Entities and 90 days of metrics are being read."


PLACE = "dashboard/integrations/ad-platforms"
urlpatterns = [
    route(f"{PLACE}/connect/<slug:platform>", ad_platform_connect, "ad_platform_connect"),
    route(f"{PLACE}/<int:connection_id>/credentials", ad_connection_renew, "ad_connection_renew"),
    route(f"{PLACE}/<int:connection_id>/accounts", ad_account_choice, "ad_account_choice"),
    route(f"{PLACE}/accounts/<int:account_id>/conversion-action", ad_conversion_action, "ad_conversion_action"),
]
