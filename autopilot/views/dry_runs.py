"""/dashboard/autopilot/dry-runs: results of tests, all of them, and what came of what they predicted."""

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from autopilot import guards, report
from autopilot.changes import PROPOSABLE
from autopilot.models import DryRun
from autopilot.models.dry_runs import VERDICTS
from autopilot.queries import dry_runs as queries
from autopilot.queries import rules
from autopilot.queries.dry_runs import FILTERS, OUTCOMES
from autopilot.queries.settings import standing
from autopilot.states import State
from autopilot.verdicts import STATUS_WORDS, WORDS, Verdict
from autopilot.views.lines import TESTABLE, values
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from trustlayer.actions import ACTIONS

PER_PAGE = 25
LOOKS = {
    "WOULD_EXECUTE": ("ok", "circle-check", "Would execute"),
    "WOULD_HOLD": ("warn", "player-pause", "Would hold"),
    "WOULD_BLOCK": ("danger", "ban", "Would block"),
}
MARKS = {True: ("ok", "check", "Pass"), False: ("danger", "x", "Fail"), None: ("neutral", "minus", "Not checked")}


@require_safe
@access.page("view")
def dry_run_detail(request: MemberRequest, dry_run_id: UUID) -> HttpResponse:
    found = queries.get(request.workspace, dry_run_id)
    result, action = found.result, found.action
    before, after = values(action)
    fresh = found.expires_at > request.now and action.state == State.PENDING_REVIEW
    checks = [guards.read(one) for one in (*result["checks"], *result["conflicts"])]
    context: dict[str, Any] = {
        "found": found,
        "result": result,
        "action": action,
        "before": before,
        "after": after,
        "look": LOOKS[found.verdict],
        "verdict": WORDS[Verdict(found.verdict)],
        "checks": [(check, *MARKS[check.passed]) for check in checks],
        "impact": report.impact_lines(result["projected"], result["currency"]),
        "platform": STATUS_WORDS[result["platform_validation"]["status"]],
        "text": report.text(result),
        "may_approve": request.actor.may("approve") and fresh and found.verdict != Verdict.BLOCK,
        "may_test": request.actor.may("build") and action.state in TESTABLE,
        "fresh": fresh,
        "standing": standing(request.workspace),
    }
    return render(request, "autopilot/dry_runs/detail.html", context)


@require_safe
@access.page("view")
def dry_run_list(request: MemberRequest) -> HttpResponse:
    filters = {name: request.GET.get(name, "") for name in FILTERS}
    page = Paginator(queries.find(request.workspace, filters), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "lines": [(one, LOOKS[one.verdict], *values(one.action), predicted(one)) for one in page.object_list],
        "filters": filters,
        "filtered": any(filters.values()),
        "query": urlencode({name: value for name, value in filters.items() if value}),
        "verdicts": VERDICTS,
        "outcomes": [(name, label) for name, (label, _) in OUTCOMES.items()],
        "kinds": [(name, ACTIONS[name].label) for name in PROPOSABLE],
        "rules": rules.names(request.workspace),
        "may_export": request.actor.may("export"),
    }
    if not request.htmx:
        context |= {"scores": queries.scores(request.workspace), "failing": queries.failing(request.workspace)[:12]}
    template = "autopilot/dry_runs/list.html"
    return render(request, f"{template}#rows" if request.htmx else template, context)


def predicted(one: DryRun) -> dict[str, Any]:
    """The range that is scored, what came, and whether it is inside."""
    low, high = (one.observed_low, one.observed_high) if one.executed else (one.noise_low, one.noise_high)
    actual = one.actual_14 if one.actual_28 is None else one.actual_28
    if low is None or high is None:
        return {"range": None, "sentence": one.unresolvable or "No projection"}
    told: dict[str, Any] = {"range": f"{low:+.1f} to {high:+.1f}", "actual": None, "sentence": ""}
    if actual is not None:
        return told | {"actual": f"{actual:+.1f}", "inside": low <= actual <= high}
    return told | {"sentence": one.unresolvable or (f"known from {one.resolves_on}" if one.resolves_on else "")}


HERE = "dashboard/autopilot/dry-runs"
urlpatterns = [
    route(HERE, dry_run_list, "dry_run_list"),
    route(f"{HERE}/<uuid:dry_run_id>", dry_run_detail, "dry_run_detail"),
]
