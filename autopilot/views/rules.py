"""/dashboard/autopilot/rules: built-in templates, rules, their tests over history, and why they did not propose."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from autopilot.changes import PROPOSABLE
from autopilot.models import Rule, RuleEvaluation
from autopilot.queries import rules as queries
from autopilot.queries import settings as settings_queries
from autopilot.rules.definitions import EVERY, METRICS, OPS, parse
from autopilot.rules.templates import TEMPLATES
from autopilot.services import rule_runs
from autopilot.services import rules as services
from cdp.queries import segments
from stratum.lib import tags
from stratum.lib.refusal import Missing, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access, plans
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.conditional import unless_overtaken
from trustlayer.actions import ACTIONS

PER_PAGE = 25
LEVELS = {"campaign": "Campaigns", "adset": "Ad sets", "creative": "Creatives"}
SPARE_ROWS = 3  # of a rule of one's own
LOOKS: Mapping[str, tuple[str, str]] = {
    RuleEvaluation.Outcome.PROPOSED: ("ok", "circle-check"),
    RuleEvaluation.Outcome.WAITING: ("info", "hourglass"),
    RuleEvaluation.Outcome.CONFLICT: ("warn", "alert-triangle"),
    RuleEvaluation.Outcome.LIMITED: ("warn", "alert-triangle"),
    RuleEvaluation.Outcome.IMPOSSIBLE: ("danger", "ban"),
    RuleEvaluation.Outcome.NO_DATA: ("neutral", "help-circle"),
    RuleEvaluation.Outcome.NOT_MET: ("neutral", "minus"),
}


@require_safe
@access.page("view")
def rule_list(request: MemberRequest) -> HttpResponse:
    context = {
        "cards": queries.cards(list(queries.find(request.workspace).order_by("name"))),
        "templates": TEMPLATES.values(),
        "may_build": request.actor.may("build"),
        "may_custom": services.CUSTOM_FEATURE in plans.of(request.workspace).features,
    }
    return render(request, "autopilot/rules/list.html", context)


@require_safe
@access.page("view")
def rule_detail(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    rule = queries.get(request.workspace, rule_id)
    return _detail(request, rule)


def _detail(request: MemberRequest, rule: Rule, refused: Refusal | None = None) -> HttpResponse:
    outcome = request.GET.get("outcome", "")
    found = queries.evaluations(rule)
    if outcome in RuleEvaluation.Outcome.values:
        found = found.filter(outcome=outcome)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    tested = rule.runs.filter(is_dry_run=True, version=rule.version).order_by("-at", "-pk").first()
    context = {
        "rule": rule,
        "card": queries.card(rule),
        "page": page,
        "lines": [(one, *LOOKS[one.outcome]) for one in page.object_list],
        "outcomes": RuleEvaluation.Outcome.choices,
        "outcome": outcome,
        "runs": rule.runs.filter(is_dry_run=False).order_by("-at", "-pk")[:10],
        "tested": tested,
        "peak": max((day["proposed"] for day in tested.history["days"]), default=0) if tested and tested.history else 0,
        "versions": rule.versions.select_related("created_by").order_by("-version"),
        "conflicts": queries.conflicts(rule),
        "currencies": queries.currencies(rule),
        "may_build": request.actor.may("build"),
        "refused": refused,
    }
    return render(request, "autopilot/rules/detail.html", context, status=refused.status if refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def rule_new(request: MemberRequest) -> HttpResponse:
    template = request.GET.get("template", "")
    if template not in TEMPLATES:
        template = ""
    known = TEMPLATES.get(template)
    start = known.definition.to_json() if known else {"scope": {}, "when": [], "then": {}, "every": "hourly"}

    def save(body: Mapping[str, Any]) -> Rule:
        name = request.POST.get("name", "")
        return services.create(
            workspace=request.workspace, by=request.actor, name=name, template=template, body=body, now=request.now
        )

    return _form(request, start, known.label if known else "", template, save)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def rule_edit(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    rule = queries.get(request.workspace, rule_id)

    def save(body: Mapping[str, Any]) -> Rule:
        name = request.POST.get("name", "")
        with unless_overtaken(request.workspace, request.POST.get("seen", ""), lambda: _told(request, rule_id)):
            return services.change(
                workspace=request.workspace, by=request.actor, rule_id=rule_id, name=name, body=body, now=request.now
            )

    return _form(request, rule.definition, rule.name, rule.template, save, rule)


def _told(request: MemberRequest, rule_id: UUID) -> Mapping[str, Any]:
    """What the form shows of a rule, as it stands now."""
    rule = queries.get(request.workspace, rule_id)
    return {"name": rule.name, "version": rule.version}


def _form(
    request: MemberRequest,
    start: Mapping[str, Any],
    name: str,
    template: str,
    save: Callable[[Mapping[str, Any]], Rule],
    rule: Rule | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {"rule": rule, "template": TEMPLATES.get(template), "name": name, "body": start}
    status = 200
    if request.method == "POST":
        body = _body(request.POST)
        try:
            saved = save(body)
        except Refusal as refused:
            errors = [(fault.pointer, fault.detail) for fault in refused.faults] or [("", refused.sentence)]
            context |= {"errors": errors, "name": request.POST.get("name", ""), "body": body}
            status = refused.status
        else:
            messages.success(request, f"“{saved.name}” is saved as version {saved.version}. Test it over history next.")
            return redirect("rule_detail", saved.pk)
    if rule is not None:
        context["seen"] = request.POST.get("seen") or tags.of_content(_told(request, rule.pk))
    rows = [{**row, "value": _as_typed(row["value"])} for row in context["body"]["when"]]
    context |= {
        "level": LEVELS.get(context["body"]["scope"].get("kind", ""), ""),
        "rows": rows if template else [*rows, *({} for _ in range(SPARE_ROWS))],
        "metrics": METRICS.values(),
        "ops": OPS.items(),
        "every": EVERY.items(),
        "kinds": [(one, ACTIONS[one].label) for one in PROPOSABLE],
        "accounts": settings_queries.accounts(request.workspace),
        "segments": segments.find(request.workspace).order_by("name")[:200],
    }
    return render(request, "autopilot/rules/edit.html", context, status=status)


def _as_typed(value: Any) -> str:
    """`60` of 60.0; what was no number stays as it was typed."""
    return f"{value:.12g}" if isinstance(value, int | float) else str(value)


def _body(given: QueryDict) -> dict[str, Any]:
    """As the API takes it; what is no number goes on as text and is refused with its place."""
    columns = [given.getlist(name) for name in ("metric", "op", "value", "days", "segment")]
    when = [_condition(*row) for row in zip(*columns, strict=False) if row[0]]
    then = {name: value for name in ("action", "percent", "value_to") if (value := given.get(name, "").strip())}
    if "value_to" in then:
        then["value"] = then.pop("value_to")
    scope = {
        "kind": given.get("kind", ""),
        "platforms": given.getlist("platforms"),
        "accounts": given.getlist("accounts"),
        "name_contains": given.get("name_contains", ""),
        "status": given.get("status", "active"),
    }
    return {"scope": scope, "when": when, "then": then, "every": given.get("every", "hourly")}


def _condition(metric: str, op: str, value: str, days: str, segment: str) -> dict[str, Any]:
    found: dict[str, Any] = {"metric": metric, "op": op, "value": _number(value)}
    if metric in METRICS and METRICS[metric].dated:
        found["days"] = int(days) if days.isascii() and days.isdigit() and len(days) < 5 else days
    return found | ({"segment": segment} if segment and metric == "segment_size" else {})


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


@require_POST
@access.page("build")
def rule_test(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    found = rule_runs.over_history(workspace=request.workspace, by=request.actor, rule_id=rule_id, now=request.now)
    messages.success(request, f"Tested over 30 days: it would have proposed {found.proposed} times.")
    return redirect("rule_detail", rule_id)


@require_POST
@access.page("build")
def rule_switch(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    on = request.POST.get("on") == "1"
    try:
        services.switch(workspace=request.workspace, by=request.actor, rule_id=rule_id, on=on, now=request.now)
    except Missing:
        raise
    except Refusal as refused:
        return _detail(request, queries.get(request.workspace, rule_id), refused)
    messages.success(request, "The rule is on: it runs within a minute." if on else "The rule is off.")
    return redirect("rule_detail", rule_id)


@require_POST
@access.page("build")
def rule_archive(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    rule = services.archive(workspace=request.workspace, by=request.actor, rule_id=rule_id, now=request.now)
    messages.success(request, f"“{rule.name}” is archived. What it proposed stays in the queue.")
    return redirect("rule_list")


@require_POST
@access.page("build")
def rule_restore(request: MemberRequest, rule_id: UUID, version: int) -> HttpResponse:
    """An earlier version becomes the newest one."""
    rule = queries.get(request.workspace, rule_id)
    old = rule.versions.filter(version=version).first()
    if old is None:
        raise Missing("This rule has no such version.")
    body = parse(old.definition).to_json()
    saved = services.change(workspace=request.workspace, by=request.actor, rule_id=rule_id, body=body, now=request.now)
    messages.success(request, f"Version {version} is back as version {saved.version}.")
    return redirect("rule_detail", rule_id)


HERE = "dashboard/autopilot/rules"
urlpatterns = [
    route(HERE, rule_list, "rule_list"),
    route(f"{HERE}/new", rule_new, "rule_new"),
    route(f"{HERE}/<uuid:rule_id>", rule_detail, "rule_detail"),
    route(f"{HERE}/<uuid:rule_id>/edit", rule_edit, "rule_edit"),
    route(f"{HERE}/<uuid:rule_id>/test", rule_test, "rule_test"),
    route(f"{HERE}/<uuid:rule_id>/switch", rule_switch, "rule_switch"),
    route(f"{HERE}/<uuid:rule_id>/archive", rule_archive, "rule_archive"),
    route(f"{HERE}/<uuid:rule_id>/versions/<int:version>/restore", rule_restore, "rule_restore"),
]
