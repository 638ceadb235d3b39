"""/dashboard/cdp/funnels/<id>/csv: the table of each tab, rates 0…1 and seconds, so that a spreadsheet can go on."""

from collections.abc import Callable, Iterator
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from cdp.definitions import funnel_questions as questions
from cdp.definitions.funnel_questions import Question
from cdp.definitions.funnels import event_words
from cdp.models import Funnel
from cdp.queries import funnel_views as sights
from cdp.queries import funnels as queries
from cdp.queries.funnel_results import FunnelResult, StepResult
from cdp.views import funnel_words as words
from cdp.views.funnel_address import Address, address_of
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

Rows = Iterator[list[object]]


@require_safe
@access.page("export")
def funnel_csv(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = queries.get(request.workspace, funnel_id)
    address = address_of(request, request.path)
    if address.question is None:
        raise Invalid([Fault(f"/{name}", sentence) for name, sentence in address.errors.items()])
    sheet = SHEETS.get(address.tab, _steps)(request, funnel, address, address.question)
    period = address.question.period
    response = HttpResponse("".join(csv_lines(sheet)), content_type="text/csv; charset=utf-8")
    named = f"funnel-{address.tab}-{period.first_day}-{period.last_day}.csv"
    response["Content-Disposition"] = f'attachment; filename="{named}"'
    return response


def _steps(request: MemberRequest, funnel: Funnel, address: Address, question: Question) -> Rows:
    result = queries.analyze_saved(request.workspace, funnel, question=question, now=request.now)
    head: list[object] = ["step", "label", "event", "users" if result.counting == "unique" else "attempts"]
    head += ["conversion_rate", "step_conversion", "drop_off", "drop_off_rate", "average_seconds", "median_seconds"]
    earlier = result.previous.steps if result.previous else None
    yield [*head, "previous"] if earlier else head
    for step in result.steps:
        row = _step(step)
        yield [*row, earlier[step.index].count] if earlier else row


def _step(step: StepResult) -> list[object]:
    events = (step.event,) if isinstance(step.event, str) else tuple(step.event)
    rates = [step.conversion_from_start, step.conversion_from_previous, step.drop_off, step.drop_off_rate]
    times = [step.average_seconds, step.median_seconds]
    return [step.index + 1, step.label, event_words(events), step.count, *rates, *times]


def _times(request: MemberRequest, funnel: Funnel, address: Address, question: Question) -> Rows:
    definition = queries.definition_of(funnel, request.workspace)
    step = questions.parse_step({"step": address.given.get("step", "")}, definition, first=1)
    result = sights.time_to_convert(
        request.workspace, definition, question=question, step=step, now=request.now, funnel=queries.name_of(funnel)
    )
    yield ["from_seconds", "to_seconds", "users" if result.counting == "unique" else "attempts"]
    for one in result.bins:
        yield [one.start_seconds, one.end_seconds, one.count]


def _trend(request: MemberRequest, funnel: Funnel, address: Address, question: Question) -> Rows:
    definition = queries.definition_of(funnel, request.workspace)
    interval = questions.parse_interval({"interval": address.given.get("interval", "")})
    name = queries.name_of(funnel)
    result = sights.trend(
        request.workspace, definition, question=question, interval=interval, now=request.now, funnel=name
    )
    steps = [f"step_{number}" for number, _ in enumerate(definition.steps, 1)]
    yield ["from", "to", "window_open", "conversion_rate", *steps, "median_seconds"]
    for one in result.buckets:
        yield [one.start, one.end, one.is_open, one.conversion, *one.counts, one.median_seconds]


def _breakdown(request: MemberRequest, funnel: Funnel, address: Address, question: Question) -> Rows:
    result = queries.analyze_saved(request.workspace, funnel, question=question, now=request.now)
    yield ["value", *_breakdown_head(result)]
    for one in result.breakdown.values if result.breakdown else ():
        counts = [step.count for step in one.steps]
        yield [
            words.value(one.value, address.given["breakdown"]),
            *counts,
            one.overall_conversion,
            one.average_seconds_to_convert,
            one.median_seconds_to_convert,
            *([one.previous.overall_conversion] if one.previous else []),
        ]


def _breakdown_head(result: FunnelResult) -> list[object]:
    steps = [f"step_{step.index + 1}" for step in result.steps]
    compared = ["previous_conversion_rate"] if result.previous else []
    return [*steps, "conversion_rate", "average_seconds", "median_seconds", *compared]


SHEETS: dict[str, Callable[[MemberRequest, Funnel, Address, Question], Rows]] = {
    "steps": _steps,
    "times": _times,
    "trend": _trend,
    "breakdown": _breakdown,
}

urlpatterns = [route("dashboard/cdp/funnels/<uuid:funnel_id>/csv", funnel_csv, "funnel_csv")]
