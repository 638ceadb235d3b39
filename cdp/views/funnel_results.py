"""/dashboard/cdp/funnels/<id>: the result of a saved funnel, and its table as CSV."""

import csv
import hashlib
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cdp.definitions.funnel_questions import Question
from cdp.definitions.funnels import FunnelDefinition, event_words
from cdp.models import Funnel
from cdp.queries import funnels as queries
from cdp.queries.funnel_results import FunnelResult
from cdp.views import funnel_words as words
from cdp.views.funnel_range import RANGES, Range, range_of
from stratum.lib import periods
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

Context = dict[str, object]


@require_safe
@access.page("view")
def funnel_detail(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = queries.get(request.workspace, funnel_id)
    chosen = range_of(request, request.GET)
    context = _asked(request, funnel, chosen)
    if not request.htmx:
        return render(request, "cdp/funnels/detail.html", context, status=200 if chosen.period else 400)
    if context.get("digest") and context["digest"] == request.GET.get("seen"):
        return _unchanged(request, context)
    response = render(request, "cdp/funnels/detail.html#result", context)
    if "seen" not in request.GET:
        response["HX-Push-Url"] = _address(request, chosen)
    return response


@require_safe
@access.page("export")
def funnel_csv(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = queries.get(request.workspace, funnel_id)
    chosen = range_of(request, request.GET)
    if chosen.period is None:
        raise Invalid([Fault("/from", chosen.error)])
    result = queries.analyze_saved(request.workspace, funnel, question=Question(chosen.period), now=request.now)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name = f"funnel-{result.period.first_day}-{result.period.last_day}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    csv.writer(response).writerows(_sheet(result))
    return response


def _asked(request: MemberRequest, funnel: Funnel, chosen: Range) -> Context:
    """The page of a funnel; without a result when the Date Range cannot be."""
    context: Context = {
        "funnel": funnel,
        "range": chosen,
        "range_choices": RANGES,
        "may_build": request.actor.may("build"),
        "may_export": request.actor.may("export"),
        "link": request.build_absolute_uri(_address(request, chosen)),
    }
    if chosen.period is None:
        return context
    context["can_live"] = chosen.period.covers(request.now)
    context["live"] = context["can_live"] and request.GET.get("live") != "0"
    result = queries.analyze_saved(request.workspace, funnel, question=Question(chosen.period), now=request.now)
    return context | shown(request, result, queries.definition_of(funnel, request.workspace))


def shown(request: MemberRequest, result: FunnelResult, definition: FunnelDefinition) -> Context:
    return {
        "result": result,
        "bars": words.bars(result),
        "caption": words.caption(result),
        "people": "Users" if result.counting == "unique" else "Attempts",
        "overall": words.percent(result.overall_conversion),
        "average": words.duration(result.average_seconds_to_convert),
        "median": words.duration(result.median_seconds_to_convert),
        "window": periods.duration_words(result.window),
        "definitions": words.DEFINITIONS,
        "as_of": words.moment(result),
        "digest": digest(result),
        "cautions": queries.cautions(request.workspace, definition, result, now=request.now),
    }


def digest(result: FunnelResult) -> str:
    """Equal for equal numbers, so that a live page changes only when they do."""
    numbers = (result.funnel, result.period, result.steps, result.converted, result.in_progress)
    times = (result.average_seconds_to_convert, result.median_seconds_to_convert)
    return hashlib.sha256(repr((numbers, times)).encode()).hexdigest()[:16]


def _unchanged(request: MemberRequest, context: Context) -> HttpResponse:
    """A live page that need not change learns only that its numbers still hold."""
    response = render(request, "cdp/funnels/detail.html#as_of", context)
    response["HX-Retarget"] = "#funnel-as-of"
    response["HX-Reswap"] = "outerHTML"
    return response


def _address(request: MemberRequest, chosen: Range) -> str:
    """The page with its whole state, without what only the live page needs."""
    still = "&live=0" if request.GET.get("live") == "0" else ""
    return f"{request.path}?{chosen.query}{still}"


def _sheet(result: FunnelResult) -> list[list[object]]:
    """The table as exported: rates 0…1 and seconds, so that a spreadsheet can go on with them."""
    head = ["step", "label", "event", "users" if result.counting == "unique" else "attempts"]
    head += ["conversion_rate", "step_conversion", "drop_off", "drop_off_rate", "average_seconds", "median_seconds"]
    rows: list[list[object]] = [list(head)]
    for step in result.steps:
        events = (step.event,) if isinstance(step.event, str) else tuple(step.event)
        rows.append(
            [
                step.index + 1,
                _cell(step.label),
                _cell(event_words(events)),
                step.count,
                step.conversion_from_start,
                step.conversion_from_previous,
                step.drop_off,
                step.drop_off_rate,
                step.average_seconds,
                step.median_seconds,
            ]
        )
    return rows


def _cell(text: str) -> str:
    """Spreadsheets run what starts like a formula; an apostrophe keeps it text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


urlpatterns = [
    route("dashboard/cdp/funnels/<uuid:funnel_id>", funnel_detail, "funnel_detail"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/csv", funnel_csv, "funnel_csv"),
]
