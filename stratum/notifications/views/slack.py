"""/dashboard/integrations/slack: connect an incoming webhook, test it, see what was sent."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from stratum.lib.forms import show
from stratum.lib.refusal import Invalid
from stratum.notifications import queries
from stratum.notifications.forms import SlackForm
from stratum.notifications.services import preferences, sending
from stratum.notifications.views.settings import page_of_messages, tell
from stratum.workspaces import access, plans
from stratum.workspaces.access import MemberRequest


@require_safe
@access.page("view")
def slack(request: MemberRequest) -> HttpResponse:
    return _page(request, SlackForm())


@sensitive_post_parameters("url")
@never_cache
@require_POST
@access.page("connect")
def connect(request: MemberRequest) -> HttpResponse:
    form = SlackForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    try:
        preferences.connect_slack(
            workspace=request.workspace, by=request.actor, url=form.cleaned_data["url"], now=request.now
        )
    except Invalid as refusal:
        show(form, refusal)
        return _page(request, form)
    messages.success(request, "Slack is connected. Send a test to see it arrive.")
    return redirect("slack")


@require_POST
@access.page("connect")
def disconnect(request: MemberRequest) -> HttpResponse:
    preferences.disconnect_slack(workspace=request.workspace, by=request.actor, now=request.now)
    messages.success(request, "Slack is disconnected, and its address is forgotten.")
    return redirect("slack")


@require_POST
@access.page("connect")
def test(request: MemberRequest) -> HttpResponse:
    tell(request, sending.send_test(workspace=request.workspace, by=request.actor, now=request.now))
    return redirect("slack")


def _page(request: MemberRequest, form: SlackForm) -> HttpResponse:
    context = {
        "form": form,
        "connection": queries.slack_of(request.workspace),
        "included": preferences.FEATURE in plans.of(request.workspace).features,
        "may_connect": request.actor.may("connect"),
        **page_of_messages(request, request.workspace, "slack"),
    }
    return render(request, "notifications/slack.html", context, status=422 if form.errors else 200)
