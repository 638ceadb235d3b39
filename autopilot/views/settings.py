"""/dashboard/settings/autopilot: Dry-Run Mode, level, guard rails, accounts' own, emergency stop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from autopilot.queries import settings as queries
from autopilot.rails import AMOUNTS, LABELS, LEVELS, WEEKDAYS, WHOLE, Rails
from autopilot.services import pausing
from autopilot.services import settings as services
from autopilot.services.pausing import Paused
from stratum.lib import tags
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.conditional import unless_overtaken

SPARE_WINDOWS = 2
NUMBERS = (*AMOUNTS, *WHOLE)
HELP: Mapping[str, str] = {
    "budget_cap": "No single budget above it. Empty: no cap.",
    "daily_spend_limit": "Sum of an account's daily budgets after a change; Google may spend twice of it in a day.",
    "budget_floor": "No budget below it. Empty: no floor.",
    "automatic_percent": "Larger changes wait for a person.",
    "approval_percent": "Beyond it the new amount has to be typed.",
    "week_percent": "Of the value 7 days ago.",
    "budget_cooldown_hours": "Since anybody's last change.",
    "bid_cooldown_hours": "Since anybody's last change.",
    "status_cooldown_hours": "Since anybody's last change.",
    "min_conversions": "In the last 30 days, the last 3 left out.",
    "min_days": "With spend, in the last 30 days.",
    "max_per_run": "A rule proposes no more at once.",
    "max_per_day": "Executed in the whole workspace.",
}


@dataclass(frozen=True, slots=True)
class Box:
    """An input of the form."""

    name: str
    rail: str
    label: str
    help: str
    value: object
    error: str
    placeholder: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("view")
def settings_autopilot(request: MemberRequest) -> HttpResponse:
    """Everybody may see it; who may connect systems may change it."""
    errors: dict[str, str] = {}
    status = 200
    if request.method == "POST":
        access.demand(request.actor, "connect")
        try:
            with unless_overtaken(request.workspace, request.POST.get("seen", ""), lambda: _told(request)):
                services.change(
                    workspace=request.workspace, by=request.actor, body=_body(request.POST), now=request.now
                )
        except Refusal as refused:
            status = refused.status
            errors = {fault.pointer: fault.detail for fault in refused.faults} or {"form": refused.sentence}
        else:
            messages.success(request, "Saved.")
            return redirect("settings_autopilot")
    typed = request.POST if errors else None
    context = _context(request, errors, typed) | {"trouble": errors.get("form", "")}
    context["seen"] = request.POST.get("seen") or tags.of_content(_told(request))
    return render(request, "autopilot/settings/edit.html", context, status=status)


def _told(request: MemberRequest) -> dict[str, Any]:
    """What the form shows, as it stands now."""
    return {"version": queries.standing(request.workspace).version}


def _context(request: MemberRequest, errors: Mapping[str, str], typed: QueryDict | None) -> dict[str, Any]:
    found = queries.standing(request.workspace)
    accounts = queries.accounts(request.workspace)
    return {
        "standing": found,
        "dry_run": "dry_run" in typed if typed is not None else found.dry_run,
        "level": typed.get("level", found.level) if typed is not None else found.level,
        "levels": LEVELS.items(),
        "boxes": [
            _box(name, name, found.rails.to_json()[name], f"/guard_rails/{name}", errors, typed) for name in NUMBERS
        ],
        "learning": "respect_learning" in typed if typed is not None else found.rails.respect_learning,
        "windows": _windows(found.rails),
        "weekdays": list(enumerate(day.capitalize() for day in WEEKDAYS)),
        "accounts": [
            (account, _own_boxes(account.external_id, found.own.get(account.pk, {}), found.rails, errors, typed))
            for account in accounts
        ],
        "errors": errors,
        "freeze_error": next((told for at, told in errors.items() if at.startswith("/guard_rails/freeze")), ""),
        "may_change": request.actor.may("connect"),
        "may_stop": request.actor.may("execute"),
    }


def _box(rail: str, name: str, value: object, pointer: str, errors: Mapping[str, str], typed: QueryDict | None) -> Box:
    shown = typed.get(name, "") if typed is not None else ("" if value is None else value)
    return Box(name, rail, LABELS[rail], HELP[rail], shown, errors.get(pointer, ""))


def _own_boxes(
    account: str, own: Mapping[str, Any], rails: Rails, errors: Mapping[str, str], typed: QueryDict | None
) -> list[Box]:
    usual = rails.to_json()
    boxes = []
    for rail in NUMBERS:
        box = _box(rail, f"{account}-{rail}", own.get(rail), f"/accounts/{account}/{rail}", errors, typed)
        told = "none" if usual[rail] is None else str(usual[rail])
        boxes.append(Box(box.name, rail, box.label, "", box.value, box.error, told))
    return boxes


def _windows(rails: Rails) -> list[dict[str, Any]]:
    blank = {"name": "", "days": [], "start": 0, "end": 24, "first": "", "last": ""}
    known: list[dict[str, Any]] = rails.to_json()["freeze"]
    return [*known, *(dict(blank) for _ in range(SPARE_WINDOWS))]


def _body(given: QueryDict) -> dict[str, Any]:
    rails = {name: _number(given.get(name, ""), name) for name in NUMBERS}
    rails = {name: value for name, value in rails.items() if value is not None or name in AMOUNTS}
    rails["respect_learning"] = "respect_learning" in given
    rails["freeze"] = _typed_windows(given)
    return {
        "dry_run": "dry_run" in given,
        "level": given.get("level", ""),
        "guard_rails": rails,
        "accounts": {account: _own(given, account) for account in given.getlist("account")},
    }


def _own(given: QueryDict, account: str) -> dict[str, Any] | None:
    """Only what differs; nothing at all takes it back."""
    own = {name: _number(given.get(f"{account}-{name}", ""), name) for name in NUMBERS}
    return {name: value for name, value in own.items() if value is not None} or None


def _number(text: str, name: str) -> Any:
    """As the service wants it; what is no number goes there as it is, and is refused with its place."""
    text = text.strip()
    if not text:
        return None
    if name in AMOUNTS:
        return text
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _typed_windows(given: QueryDict) -> list[dict[str, Any]]:
    count = int(text) if (text := given.get("windows", "0")).isascii() and text.isdigit() and len(text) < 3 else 0
    rows = []
    for index in range(count):
        days = [int(day) for day in given.getlist(f"window-{index}-days") if day in set("0123456")]
        first, last = given.get(f"window-{index}-first", ""), given.get(f"window-{index}-last", "")
        name = given.get(f"window-{index}-name", "").strip()
        if name or days or first or last:
            start, end = (_number(given.get(f"window-{index}-{end}", ""), "hour") for end in ("start", "end"))
            hours = {"start": 0 if start is None else start, "end": 24 if end is None else end}
            rows.append({"name": name, "days": days, "first": first, "last": last, **hours})
    return rows


@require_POST
@access.page("execute")
def emergency_stop(request: MemberRequest) -> HttpResponse:
    cancelled = services.stop(workspace=request.workspace, by=request.actor, now=request.now)
    messages.warning(request, f"The emergency stop is on. {cancelled} approved actions were cancelled.")
    return redirect("settings_autopilot")


@require_POST
@access.page("execute")
def emergency_resume(request: MemberRequest) -> HttpResponse:
    services.resume(workspace=request.workspace, by=request.actor, now=request.now)
    messages.success(request, "The emergency stop is lifted.")
    return redirect("settings_autopilot")


@require_POST
@access.page("execute")
def pause_all(request: MemberRequest) -> HttpResponse:
    account = request.POST.get("account", "")
    paused = pausing.pause_all(workspace=request.workspace, by=request.actor, now=request.now, account=account)
    messages.warning(request, _paused_words(paused))
    return redirect("action_list")


def _paused_words(paused: Paused) -> str:
    count = len(paused.actions)
    campaigns = "1 campaign" if count == 1 else f"{count:,} campaigns"
    if not count:
        return "No active campaign is left to pause."
    if paused.simulated:
        return f"Dry-Run Mode is on, so nothing is paused: the pauses of {campaigns} wait in the queue."
    return f"{campaigns} {'is' if count == 1 else 'are'} being paused. What is done stands on the tab Executed."


HERE = "dashboard/settings/autopilot"
urlpatterns = [
    route(HERE, settings_autopilot, "settings_autopilot"),
    route(f"{HERE}/emergency-stop", emergency_stop, "emergency_stop"),
    route(f"{HERE}/pause-all", pause_all, "pause_all"),
    route(f"{HERE}/resume", emergency_resume, "emergency_resume"),
]
