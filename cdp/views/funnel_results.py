"""/dashboard/cdp/funnels/<id>: the result of a saved funnel: steps, times, trend, breakdown and insights."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from cdp.definitions import funnel_questions as questions
from cdp.definitions.funnel_questions import Question
from cdp.definitions.funnels import FunnelDefinition
from cdp.models import Funnel
from cdp.queries import funnel_views as sights
from cdp.queries import funnels as queries
from cdp.queries.funnel_results import FunnelResult
from cdp.views import funnel_charts as charts
from cdp.views import funnel_rows as rows
from cdp.views import funnel_words as words
from cdp.views.api_code import command_of_question
from cdp.views.funnel_address import TABS, Address, address_of
from cdp.views.funnel_choices import choices
from cdp.views.funnel_range import RANGES
from stratum.lib import periods
from stratum.lib.refusal import Invalid
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

Context = dict[str, object]
Sight = Callable[[MemberRequest, Funnel, Address, Question], Context]


@require_safe
@access.page("view")
def funnel_detail(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = queries.get(request.workspace, funnel_id)
    address = address_of(request, request.path)
    found: Context = {}
    if address.question is not None:
        try:
            found = SIGHTS[address.tab](request, funnel, address, address.question)
        except Invalid as refused:
            address = address.with_faults(refused.faults)
    context = _frame(request, funnel, address) | found
    if not request.htmx:
        context |= choices(request, funnel, address)
        return render(request, "cdp/funnels/detail.html", context, status=400 if address.errors else 200)
    if context.get("digest") and context["digest"] == request.GET.get("seen"):
        return _unchanged(request, context)
    response = render(request, "cdp/funnels/detail.html#result", context)
    if "seen" not in request.GET:
        response["HX-Push-Url"] = _whole(request, address)
    return response


def _frame(request: MemberRequest, funnel: Funnel, address: Address) -> Context:
    can_live = address.range.period is not None and address.range.period.covers(request.now)
    return {
        "funnel": funnel,
        "address": address,
        "query": address.query(),
        "range": address.range,
        "range_choices": RANGES,
        "tabs": [
            {"url": f"?{address.query(tab=name)}", "label": label, "active": name == address.tab}
            for name, label in TABS.items()
        ],
        "may_build": request.actor.may("build"),
        "may_export": request.actor.may("export"),
        "can_live": can_live,
        "live": can_live and address.tab != "insights" and request.GET.get("live") != "0",
        "link": request.build_absolute_uri(_whole(request, address)),
    }


def _whole(request: MemberRequest, address: Address) -> str:
    """The page with its whole state, without what only the live page needs."""
    still = "&live=0" if request.GET.get("live") == "0" else ""
    return f"{address.path}?{address.query()}{still}"


def _unchanged(request: MemberRequest, context: Context) -> HttpResponse:
    """A live page that need not change learns only that its numbers still hold."""
    response = render(request, "cdp/funnels/detail.html#as_of", context)
    response["HX-Retarget"] = "#funnel-as-of"
    response["HX-Reswap"] = "outerHTML"
    return response


# The tabs


def _steps(request: MemberRequest, funnel: Funnel, address: Address, question: Question) -> Context:
    result = queries.analyze_saved(request.workspace, funnel, question=question, now=request.now)
    found = shown(request, result, queries.definition_of(funnel, request.workspace), rows.people_of(funnel, address))
    return found | {"picture": charts.steps(result)} | _in_api(request, funnel, address, "analyze")


def shown(
    request: MemberRequest,
    result: FunnelResult,
    definition: FunnelDefinition,
    people: words.PeopleAddress | None = None,
) -> Context:
    """The steps, on the page of the result and beside the builder."""
    return _told(result) | {
        "bars": words.bars(result, people),
        "caption": words.caption(result),
        "overall": words.percent(result.overall_conversion),
        "average": words.duration(result.average_seconds_to_convert),
        "median": words.duration(result.median_seconds_to_convert),
        "cautions": queries.cautions(request.workspace, definition, result, now=request.now),
        "before": rows.before(result),
    }


def _times(request: MemberRequest, funnel: Funnel, address: Address, question: Question) -> Context:
    definition = queries.definition_of(funnel, request.workspace)
    step = questions.parse_step({"step": address.given.get("step", "")}, definition, first=1)
    result = sights.time_to_convert(
        request.workspace, definition, question=question, step=step, now=request.now, funnel=queries.name_of(funnel)
    )
    table = rows.times(result, rows.people_of(funnel, address))
    return {
        **_told(result, window=question.window or definition.window),
        "bins": table,
        "facts": rows.time_facts(result),
        "caption": words.times_caption(result, definition.steps),
        "chart": charts.times(result, [row.people for row in table]),
        **_in_api(request, funnel, address, "time-to-convert"),
    }


def _trend(request: MemberRequest, funnel: Funnel, address: Address, question: Question) -> Context:
    definition = queries.definition_of(funnel, request.workspace)
    interval = questions.parse_interval({"interval": address.given.get("interval", "")})
    result = sights.trend(
        request.workspace,
        definition,
        question=question,
        interval=interval,
        now=request.now,
        funnel=queries.name_of(funnel),
    )
    return {
        **_told(result),
        "buckets": rows.trend(result),
        "caption": words.trend_caption(result),
        "chart": charts.trend(result),
        **_in_api(request, funnel, address, "trend"),
    }


def _breakdown(request: MemberRequest, funnel: Funnel, address: Address, question: Question) -> Context:
    result = queries.analyze_saved(request.workspace, funnel, question=question, now=request.now)
    assert result.breakdown is not None
    return {
        **_told(result),
        "values": rows.breakdown(result, result.breakdown, rows.people_of(funnel, address)),
        "dimension": words.dimension(result.breakdown.by),
        "caption": words.breakdown_caption(result, result.breakdown),
        "chart": charts.breakdown(result.breakdown),
        **_in_api(request, funnel, address, "analyze"),
    }


def _insights(request: MemberRequest, funnel: Funnel, address: Address, question: Question) -> Context:
    """Counted in a request of their own: they take longer than a page should."""
    return {}


SIGHTS: dict[str, Sight] = {
    "steps": _steps,
    "times": _times,
    "trend": _trend,
    "breakdown": _breakdown,
    "insights": _insights,
}


def _told(result: sights.TrendResult | sights.TimesResult | FunnelResult, window: int | None = None) -> Context:
    """What every tab says of its numbers."""
    micros = window if isinstance(result, sights.TimesResult) else result.window
    return {
        "result": result,
        "people": "Users" if result.counting == "unique" else "Attempts",
        "definitions": words.DEFINITIONS,
        "window": periods.duration_words(micros or 0),
        "as_of": words.moment(result),
        "digest": digest(result),
    }


def digest(result: sights.TrendResult | sights.TimesResult | FunnelResult) -> str:
    """Equal for equal numbers, so that a live page changes only when they do."""
    numbers = replace(result, as_of=result.period.start, previous=None)
    return hashlib.sha256(repr(numbers).encode()).hexdigest()[:16]


def _in_api(request: MemberRequest, funnel: Funnel, address: Address, sight: str) -> Context:
    """The same numbers from the API."""
    url = f"{reverse('api_funnel', args=[funnel.pk])}/{sight}?{address.api_query}"
    return {"api_url": url, "api_command": command_of_question(request.build_absolute_uri(url))}


urlpatterns = [route("dashboard/cdp/funnels/<uuid:funnel_id>", funnel_detail, "funnel_detail")]
