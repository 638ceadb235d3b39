"""/dashboard/autopilot/actions: the queue, one action, a new one, and everything that people do with them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from autopilot import changes
from autopilot.changes import PROPOSABLE, Absurd, Wish, parse_amount
from autopilot.models import Action, DryRun
from autopilot.queries import actions as queries
from autopilot.queries import entities
from autopilot.queries.actions import TABS
from autopilot.queries.settings import standing
from autopilot.services import actions as services
from autopilot.services import proposals
from autopilot.services.proposals import Asked
from autopilot.services.stage import Stage
from autopilot.states import LABELS, State
from autopilot.views.lines import line, lines
from stratum.lib.refusal import Fault, Invalid, Missing, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from trustlayer.actions import ACTIONS

PER_PAGE = 25
KEPT = ("q", "platform", "action", "rule", "account")


@require_safe
@access.page("view")
def action_list(request: MemberRequest) -> HttpResponse:
    filters = {name: request.GET.get(name, "") for name in KEPT}
    found = queries.queue(request.workspace, tab=request.GET.get("tab", ""), filters=filters)
    page = Paginator(found.rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "tab": found.tab,
        "tabs": _tabs(found.tab, found.counts, filters),
        "page": page,
        "lines": lines(page.object_list, request.actor),
        "filters": filters,
        "filtered": any(filters.values()),
        "kinds": [(name, ACTIONS[name].label) for name in PROPOSABLE],
        "may_build": request.actor.may("build"),
        "may_approve": request.actor.may("approve"),
        "may_execute": request.actor.may("execute"),
        "nothing_yet": not any(found.counts.values()),
        "connected": entities.any_account(request.workspace),
    }
    template = "autopilot/actions/list.html"
    return render(request, f"{template}#rows" if request.htmx else template, context)


def _tabs(chosen: str, counts: Any, filters: dict[str, str]) -> list[dict[str, object]]:
    kept = {name: value for name, value in filters.items() if value}
    address = reverse("action_list")
    return [
        {
            "url": f"{address}?{urlencode({'tab': name, **kept})}",
            "label": label,
            "count": f"{counts[name]:,}",
            "active": name == chosen,
        }
        for name, (label, _) in TABS.items()
    ]


@require_safe
@access.page("view")
def action_detail(request: MemberRequest, action_id: UUID) -> HttpResponse:
    return _detail(request, queries.get(request.workspace, action_id))


def _detail(request: MemberRequest, action: Action, refused: Refusal | None = None) -> HttpResponse:
    checks = [*action.findings.get("checks", []), *action.findings.get("conflicts", [])]
    context = {
        "line": line(action, request.actor),
        "action": action,
        "checks": checks,
        "moves": [(move, LABELS[State(move.after)]) for move in action.moves.order_by("-id")],
        "tests": action.dry_runs.order_by("-at", "-pk")[:5],
        "undone_by": action.undone_by.order_by("-created_at", "-pk")[:3],
        "difference": _difference(action),
        "refused": refused,
        "standing": standing(request.workspace),
        "confirm": _wants_typing(action),
    }
    return render(request, "autopilot/actions/detail.html", context, status=refused.status if refused else 200)


def _wants_typing(action: Action) -> bool:
    """Whether the change is so large that the new amount has to be typed."""
    failing = [check for check in action.findings.get("checks", []) if check["name"] == "change_size"]
    return any(check["passed"] is False and "type the new amount" in check["fix"] for check in failing)


def _difference(action: Action) -> list[tuple[str, str]]:
    if not action.difference:
        return []
    labels = {"expected": "Expected", "live": "Live on the platform", "wanted": "Wanted"}
    return [
        (
            labels[name],
            changes.shown(changes.from_json(value, action.field), action.account.currency, action.field),
        )
        for name, value in action.difference.items()
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def action_new(request: MemberRequest) -> HttpResponse:
    context: dict[str, Any] = {
        "kinds": [(name, ACTIONS[name].label) for name in PROPOSABLE],
        "typed": request.POST if request.method == "POST" else request.GET,
        "entities": entities.choices(request.workspace, request.GET.get("q", "")),
    }
    if request.method != "POST":
        return render(request, "autopilot/actions/new.html", context)
    try:
        action = _proposed(request)
    except Refusal as refused:
        errors = {fault.pointer.strip("/"): fault.detail for fault in refused.faults}
        context["errors"] = errors or {"form": refused.sentence}
        return render(request, "autopilot/actions/new.html", context, status=422)
    messages.success(request, f"Proposed: {action.said}. {action.get_state_display()}.")
    return redirect("action_detail", action.pk)


def _proposed(request: MemberRequest) -> Action:
    given = request.POST
    chosen = given.get("entity", "")
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 19):
        raise Invalid([Fault("/entity", "Choose what is to be changed.")])
    if given.get("action", "") not in PROPOSABLE:
        raise Invalid([Fault("/action", "Choose what is to be done.")])
    try:
        wish = Wish(
            given["action"], parse_amount(given.get("value"), "/value"), parse_amount(given.get("percent"), "/percent")
        )
    except Absurd as absurd:
        raise Invalid([Fault(absurd.pointer, absurd.sentence)]) from absurd
    asked = Asked(queries.entity(request.workspace, int(chosen)), wish, note=given.get("note", "").strip())
    return proposals.propose(stage=Stage(request.workspace, request.now), by=request.actor, asked=asked)


@require_POST
@access.page("build")
def action_test(request: MemberRequest, action_id: UUID) -> HttpResponse:
    def shown(tested: DryRun) -> HttpResponse:
        return redirect("dry_run_detail", tested.pk)

    return _do(request, action_id, services.test, shown)


@require_POST
@access.page("approve")
def action_approve(request: MemberRequest, action_id: UUID) -> HttpResponse:
    given = {name: request.POST.get(name, "") for name in ("confirm", "inputs_hash")}
    return _do(request, action_id, services.approve, _done(request, "Approved."), **given)


@require_POST
@access.page("approve")
def action_reject(request: MemberRequest, action_id: UUID) -> HttpResponse:
    reason = request.POST.get("reason", "")
    return _do(request, action_id, services.reject, _done(request, "Rejected."), reason=reason)


@require_POST
@access.page("build")
def action_cancel(request: MemberRequest, action_id: UUID) -> HttpResponse:
    return _do(request, action_id, services.cancel, _done(request, "Cancelled."))


@require_POST
@access.page("execute")
def action_execute(request: MemberRequest, action_id: UUID) -> HttpResponse:
    return _do(request, action_id, services.start, _done(request, "It is executed now."))


@require_POST
@access.page("build")
def action_judge(request: MemberRequest, action_id: UUID) -> HttpResponse:
    return _do(request, action_id, services.judge_again, _done(request, "Judged again: {state}."))


@require_POST
@access.page("execute")
def action_undo(request: MemberRequest, action_id: UUID) -> HttpResponse:
    def shown(back: Action) -> HttpResponse:
        messages.success(request, f"Undo: {back.said}. {back.get_state_display()}.")
        return redirect("action_detail", back.pk)

    return _do(request, action_id, services.undo, shown)


def _do(
    request: MemberRequest,
    action_id: UUID,
    service: Callable[..., Any],
    answer: Callable[[Any], HttpResponse],
    **given: str,
) -> HttpResponse:
    """Where a role or a plan is missing, the usual page says so; else the action's own page tells why not."""
    try:
        found = service(workspace=request.workspace, by=request.actor, action_id=action_id, now=request.now, **given)
    except Missing:
        raise
    except Refusal as refused:
        if refused.status == 403:
            raise
        return _detail(request, queries.get(request.workspace, action_id), refused)
    return answer(found)


def _done(request: MemberRequest, words: str) -> Callable[[Action], HttpResponse]:
    """Back to the queue that the button stood in, or to the action."""

    def answer(action: Action) -> HttpResponse:
        messages.success(request, words.format(state=action.get_state_display().lower()))
        return redirect(_back_to(request) or reverse("action_detail", args=[action.pk]))

    return answer


def _back_to(request: MemberRequest) -> str:
    """The queue that the button stood in."""
    back = request.POST.get("back", "")
    return back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/dashboard/") else ""


@require_POST
@access.page("build")
def action_bulk(request: MemberRequest) -> HttpResponse:
    """Test, approve or reject what is ticked."""
    works: Mapping[str, Callable[..., Any]] = {
        "test": services.test,
        "approve": services.approve,
        "reject": partial(services.reject, reason=request.POST.get("reason", "")),
    }
    chosen = works.get(request.POST.get("do", ""))
    ids = [_uuid(text) for text in request.POST.getlist("id")]
    if chosen is None or not ids:
        messages.error(request, "Tick at least one action, and choose what to do.")
        return redirect(_back_to(request) or "action_list")
    work = partial(chosen, workspace=request.workspace, by=request.actor, now=request.now)
    results = services.each(ids, lambda one: work(action_id=one), done="done")
    succeeded = sum(one.ok for one in results)
    if succeeded:
        messages.success(request, f"{succeeded} of {len(results)} done.")
    for sentence in dict.fromkeys(one.sentence for one in results if not one.ok):
        messages.error(request, sentence)
    return redirect("dry_run_list" if request.POST["do"] == "test" else _back_to(request) or "action_list")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Missing("There is no action with that address in this workspace.") from None


HERE = "dashboard/autopilot/actions"
urlpatterns = [
    route(HERE, action_list, "action_list"),
    route(f"{HERE}/new", action_new, "action_new"),
    route(f"{HERE}/bulk", action_bulk, "action_bulk"),
    route(f"{HERE}/<uuid:action_id>", action_detail, "action_detail"),
    route(f"{HERE}/<uuid:action_id>/test", action_test, "action_test"),
    route(f"{HERE}/<uuid:action_id>/approve", action_approve, "action_approve"),
    route(f"{HERE}/<uuid:action_id>/reject", action_reject, "action_reject"),
    route(f"{HERE}/<uuid:action_id>/cancel", action_cancel, "action_cancel"),
    route(f"{HERE}/<uuid:action_id>/execute", action_execute, "action_execute"),
    route(f"{HERE}/<uuid:action_id>/judge", action_judge, "action_judge"),
    route(f"{HERE}/<uuid:action_id>/undo", action_undo, "action_undo"),
]
