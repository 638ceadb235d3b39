"""/dashboard/settings/trust: what the Trust Gate demands, and every version of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from stratum.lib import tags
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.conditional import unless_overtaken
from trustlayer.actions import ACTIONS
from trustlayer.policy import Policy
from trustlayer.queries import policies as queries
from trustlayer.services import policies
from trustlayer.signals import SIGNALS

SCORES = ("pass_at", "block_below", "resume_at")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the form: a signal, or an action with thresholds of its own. `values` are as they were typed."""

    name: str
    label: str
    sentence: str
    values: Mapping[str, Any]
    errors: Mapping[str, str]


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("view")
def settings_trust(request: MemberRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, policies.current(request.workspace).to_json(), {})
    body = _body(request.POST)
    try:
        with unless_overtaken(request.workspace, request.POST.get("seen", ""), lambda: _told(request)):
            policy = policies.change(workspace=request.workspace, by=request.actor, body=body, now=request.now)
    except Refusal as refused:
        errors = {fault.pointer: fault.detail for fault in refused.faults} or {"/form": refused.sentence}
        return _page(request, body, errors, status=refused.status)
    messages.success(request, f"Version {policy.version} of the policy is in force.")
    return redirect("settings_trust")


def _told(request: MemberRequest) -> Mapping[str, Any]:
    return {"version": policies.current(request.workspace).version}


def _body(given: QueryDict) -> dict[str, Any]:
    """As the API takes it. What is no number stays as it was typed: the service says what is wrong with it."""
    actions = {kind: _own(given, kind) for kind in ACTIONS}
    return {
        **{name: _number(given.get(name, "")) for name in (*SCORES, "emq_block")},
        "hysteresis": "hysteresis" in given,
        "weights": {name: _number(given.get(f"weight-{name}", "")) for name in SIGNALS},
        "required": [name for name in SIGNALS if name in given.getlist("required")],
        "actions": {kind: own for kind, own in actions.items() if own},
    }


def _own(given: QueryDict, kind: str) -> dict[str, Any]:
    """Thresholds of one action; a field left empty means as usual."""
    typed = {name: given.get(f"{kind}-{name}", "").strip() for name in ("pass_at", "block_below")}
    return {name: _number(text) for name, text in typed.items() if text}


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text.strip())
        except ValueError:
            continue
    return text


def _page(
    request: MemberRequest, body: Mapping[str, Any], errors: Mapping[str, str], status: int = 200
) -> HttpResponse:
    context = {
        "typed": body,
        "errors": {pointer.strip("/"): sentence for pointer, sentence in errors.items() if pointer.count("/") == 1},
        "signals": [_signal(name, body, errors) for name in SIGNALS],
        "actions": [_action(kind, body, errors) for kind in ACTIONS if not ACTIONS[kind].never_refused],
        "refused": bool(errors),
        "seen": request.POST.get("seen") or tags.of_content(_told(request)),
        "policy": policies.current(request.workspace),
        "usual": Policy(),
        "versions": queries.versions(request.workspace),
        "may_connect": request.actor.may("connect"),
    }
    return render(request, "trustlayer/policy/edit.html", context, status=status)


def _signal(name: str, body: Mapping[str, Any], errors: Mapping[str, str]) -> Line:
    values = {"weight": body["weights"][name], "required": name in body["required"]}
    found = {"weight": errors.get(f"/weights/{name}", "")}
    return Line(name, SIGNALS[name].label, SIGNALS[name].sentence, values, found)


def _action(kind: str, body: Mapping[str, Any], errors: Mapping[str, str]) -> Line:
    own = body["actions"].get(kind, {})
    found = {name: errors.get(f"/actions/{kind}/{name}", "") for name in ("pass_at", "block_below")}
    return Line(kind, ACTIONS[kind].label, "", own, found)


urlpatterns = [route("dashboard/settings/trust", settings_trust, "settings_trust")]
