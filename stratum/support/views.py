"""/dashboard/help: documentation, addresses, and conversations with support."""

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from stratum.lib.refusal import Invalid
from stratum.support import hours, queries, services
from stratum.support.models import Conversation
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("view")
def help_page(request: MemberRequest) -> HttpResponse:
    faults: dict[str, str] = {}
    if request.method == "POST":
        try:
            asked = services.ask(
                workspace=request.workspace,
                by=request.actor,
                subject=request.POST.get("subject", ""),
                text=request.POST.get("text", ""),
                now=request.now,
            )
        except Invalid as refusal:
            faults = {fault.pointer.removeprefix("/"): fault.detail for fault in refusal.faults}
        else:
            return redirect("conversation", asked.pk)
    context = {
        "conversations": queries.conversations(request.workspace),
        "faults": faults,
        "subject": request.POST.get("subject", ""),
        "text": request.POST.get("text", ""),
        "longest_subject": services.LONGEST_SUBJECT,
        "longest_text": services.LONGEST_TEXT,
        "support_email": settings.SUPPORT_EMAIL,
    }
    return render(request, "support/help.html", context | _hours(request), status=422 if faults else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("view")
def conversation(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Asked again every ten seconds while it is open, so that an answer appears by itself."""
    shown = queries.conversation(request.workspace, conversation_id)
    fault = ""
    if request.method == "POST":
        try:
            return _replied(request, shown)
        except Invalid as refusal:
            fault = refusal.sentence
    context = {"conversation": shown, "said": queries.said(shown), "fault": fault, "text": request.POST.get("text", "")}
    if request.htmx and request.method != "POST":
        return render(request, "support/conversation.html#said", context)
    context |= {"longest_text": services.LONGEST_TEXT}
    return render(request, "support/conversation.html", context | _hours(request), status=422 if fault else 200)


@require_POST
@access.page("view")
def conversation_close(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    services.close(workspace=request.workspace, by=request.actor, conversation_id=conversation_id, now=request.now)
    return redirect("help")


def _replied(request: MemberRequest, shown: Conversation) -> HttpResponseRedirect:
    services.reply(
        workspace=request.workspace,
        by=request.actor,
        conversation_id=shown.pk,
        text=request.POST.get("text", ""),
        now=request.now,
    )
    return redirect("conversation", shown.pk)


def _hours(request: MemberRequest) -> dict[str, object]:
    business = hours.read(settings.SUPPORT_HOURS)
    is_open = business.is_open(request.now)
    return {
        "hours": str(business),
        "support_is_there": is_open,
        "next_opening": None if is_open else business.next_opening(request.now),
    }
