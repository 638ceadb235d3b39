"""/dashboard/data-quality: how far the signals can be trusted, why, what follows for automation, and the history."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from stratum.lib.refusal import NotAllowed
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from trustlayer.actions import ACTIONS
from trustlayer.gate import judge, what_would_change
from trustlayer.health import Health, SignalState
from trustlayer.policy import Policy
from trustlayer.queries import health as queries
from trustlayer.queries import history
from trustlayer.queries.health import WorkspaceHealth
from trustlayer.services import policies
from trustlayer.services.readings import PLATFORMS
from trustlayer.signals import EMQ, SIGNALS, VOLUME
from trustlayer.views.health_charts import course
from trustlayer.words import DECISION, STATUS, Mark, platform_name

RANGES = (30, 60, 90, 180)
TYPICAL = ("budget_increase", "scale_budget", "pause_adset", "enable_campaign", "bid_increase")


@dataclass(frozen=True, slots=True)
class Line:
    """A signal as its row shows it."""

    state: SignalState
    mark: Mark
    sentence: str
    score: str
    good: str
    critical: str


@dataclass(frozen=True, slots=True)
class Card:
    """A platform's score, and the address that shows it."""

    name: str
    score: int | None
    mark: Mark
    query: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the gate would say now of these kinds of action, and what would change it."""

    actions: tuple[str, ...]
    mark: Mark
    reason: str
    changes: tuple[str, ...]


@require_safe
@access.page("view")
def signal_health(request: MemberRequest) -> HttpResponse:
    template = "trustlayer/health/detail.html"
    policy = policies.current(request.workspace)
    found = queries.health(request.workspace, policy, now=request.now)
    chosen = _chosen(found, request.GET.get("platform", ""))
    context: dict[str, Any] = {
        "found": found,
        "health": chosen,
        "name": platform_name(chosen.platform),
        "mark": STATUS[chosen.status],
        "worst": platform_name(found.worst.platform),
        "nothing_yet": not any(state.observed_at for state in chosen.signals),
        "cards": [_card(one, chosen) for one in found.platforms],
        "lines": [_line(state, policy) for state in chosen.signals],
        "outlooks": list(_outlooks(chosen, policy)),
        "policy": policy,
        "query": urlencode({"platform": chosen.platform}),
        "may_connect": request.actor.may("connect"),
    }
    if request.htmx:
        return render(request, f"{template}#live", context)
    context["match"] = queries.match_evidence(request.workspace, chosen.platform, now=request.now)
    return render(request, template, context | _past(request, policy, chosen))


def _chosen(found: WorkspaceHealth, platform: str) -> Health:
    """The platform of the address, else the worst."""
    return next((one for one in found.platforms if one.platform == platform and platform), found.worst)


def _card(one: Health, chosen: Health) -> Card:
    query = urlencode({"platform": one.platform})
    return Card(platform_name(one.platform), one.score, STATUS[one.status], query, one is chosen)


def _line(state: SignalState, policy: Policy) -> Line:
    signal = SIGNALS[state.name]
    sign = "≥" if signal.rising else "≤"
    good = f"p {sign} {signal.goal:g}" if signal is VOLUME else f"{sign} {signal.show(signal.goal)}"
    critical = f"below {policy.emq_block:.1f}, if the platform says so" if signal is EMQ else signal.critical_words
    score = "–" if state.score is None else f"{state.score:.0f}"
    return Line(state, STATUS[state.status], signal.sentence, score, good, critical)


def _outlooks(found: Health, policy: Policy) -> Iterator[Outlook]:
    """Actions with one answer stand together."""
    said: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for kind in TYPICAL:
        verdict = judge(kind, found, policy)
        reason = f"{verdict.reason}: {verdict.blocked_reason}" if verdict.blocked_reason else verdict.reason
        changes = tuple(what_would_change(kind, found, policy))
        said.setdefault((verdict.decision, reason, changes), []).append(ACTIONS[kind].label)
    for (decision, reason, changes), labels in said.items():
        yield Outlook(tuple(labels), DECISION[decision], reason, changes)


def _past(request: MemberRequest, policy: Policy, chosen: Health) -> dict[str, Any]:
    """The history, or why the plan has none."""
    days = _days(request.GET.get("days", ""))
    try:
        found = history.history(request.workspace, days=days, now=request.now)
    except NotAllowed as refused:
        return {"no_history": refused.sentence}
    kept: dict[str, str | int] = {"platform": chosen.platform} if chosen.platform in PLATFORMS else {}
    return {
        "days": days,
        "course": course(found, policy),
        "ranges": [(one, urlencode({**kept, "days": one}), one == days) for one in RANGES],
        "may_export": request.actor.may("export"),
    }


def _days(given: str) -> int:
    return int(given) if given in map(str, RANGES) else RANGES[0]


urlpatterns = [route("dashboard/data-quality", signal_health, "signal_health")]
