"""/dashboard/settings/notifications: who is told what, by which way, when, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from stratum.lib import tags
from stratum.lib.forms import show
from stratum.lib.refusal import Refusal
from stratum.notifications import queries
from stratum.notifications.forms import KindForm, WhenForm, prefix_of
from stratum.notifications.models import Message, NotificationSettings, Subscription
from stratum.notifications.registry import Kind, ordered_kinds
from stratum.notifications.services import preferences, sending
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.conditional import unless_overtaken
from stratum.workspaces.forms import zone_names
from stratum.workspaces.models import Member, Workspace

PER_PAGE = 20


@dataclass(frozen=True, slots=True)
class KindLine:
    kind: Kind
    form: KindForm


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("view")
def notifications(request: MemberRequest) -> HttpResponse:
    """Everybody sees who is told what; changing it needs the right to connect."""
    posted = request.POST if request.method == "POST" else None
    when = WhenForm(posted, initial=_initial(queries.settings_of(request.workspace)))
    lines = _lines(request.workspace, posted)
    if posted is not None and all([when.is_valid(), *(line.form.is_valid() for line in lines)]):
        try:
            with unless_overtaken(request.workspace, posted.get("seen", ""), lambda: _told(request.workspace)):
                _save(request, when, lines)
        except Refusal as refusal:
            access.demand(request.actor, "connect")
            show(when, refusal)
        else:
            messages.success(request, "Saved.")
            return redirect("settings_notifications")
    context = {
        "when": when,
        "lines": lines,
        "slack": queries.slack_of(request.workspace),
        "may_change": request.actor.may("connect"),
        "zones": zone_names(),
        "seen": request.POST.get("seen") or tags.of_content(_told(request.workspace)),
        **page_of_messages(request, request.workspace),
    }
    status = 200 if posted is None else 422
    return render(request, "notifications/settings.html", context, status=status)


@require_POST
@access.page("connect")
def retry(request: MemberRequest, message_id: int) -> HttpResponse:
    message = sending.retry(workspace=request.workspace, by=request.actor, message_id=message_id, now=request.now)
    tell(request, message)
    return redirect((request.POST.get("back") == "slack" and "slack") or "settings_notifications")


def tell(request: HttpRequest, message: Message) -> None:
    """What became of a message that was sent at once."""
    if message.state == Message.State.SENT:
        messages.success(request, "It was sent and confirmed.")
    else:
        messages.error(request, f"It was not sent. {message.reason}")


def page_of_messages(request: HttpRequest, workspace: Workspace, channel: str = "") -> dict[str, object]:
    found = queries.messages(workspace, channel=channel)
    return {"page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")), "back": channel}


def _save(request: MemberRequest, when: WhenForm, lines: list[KindLine]) -> None:
    preferences.save(
        workspace=request.workspace,
        by=request.actor,
        wanted=when.wanted(),
        by_kind={line.kind.name: line.form.wanted() for line in lines},
        now=request.now,
    )


def _told(workspace: Workspace) -> Mapping[str, Any]:
    """What the form shows as it stands now."""
    chosen = queries.subscriptions(workspace)
    return {
        "when": _initial(queries.settings_of(workspace)),
        "kinds": {kind.name: _chosen(kind, chosen.get(kind.name)) for kind in ordered_kinds()},
    }


def _lines(workspace: Workspace, posted: QueryDict | None) -> list[KindLine]:
    team = list(Member.objects.filter(workspace=workspace).select_related("user").order_by("joined_at", "id"))
    chosen = queries.subscriptions(workspace)
    return [
        KindLine(
            kind,
            KindForm(
                posted,
                prefix=prefix_of(kind.name),
                team=team,
                options=kind.options,
                initial=_chosen(kind, chosen.get(kind.name)),
            ),
        )
        for kind in ordered_kinds()
    ]


def _chosen(kind: Kind, subscription: Subscription | None) -> dict[str, object]:
    if subscription is None:
        return {"options": [value for value, _ in kind.options]}
    people = [member.pk for member in subscription.members.all()]
    return {"slack": subscription.slack, "members": people, "options": subscription.options}


def _initial(row: NotificationSettings) -> dict[str, object]:
    return {name: getattr(row, name) for name in WhenForm.base_fields}
