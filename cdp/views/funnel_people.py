"""/dashboard/cdp/funnels/<id>/people: who is behind a number of the result, as a list, a CSV or a new segment."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from cdp.definitions import funnel_questions as questions
from cdp.definitions.funnel_conditions import condition_of_people
from cdp.definitions.funnel_questions import WHOM_FIELDS, Question, Whom
from cdp.definitions.funnels import FunnelDefinition
from cdp.models import Funnel
from cdp.queries import funnel_views as sights
from cdp.queries import funnels as queries
from cdp.queries.funnel_views import FunnelPerson
from cdp.queries.segments import free_name
from cdp.services import segments
from cdp.views import funnel_words as words
from cdp.views.funnel_range import range_of
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

COLUMNS = ("profile", "name", "user_id", "email", "entered_at", "last_step", "last_at", "completed_at", "seconds")


@require_safe
@access.page("view")
def funnel_people(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = queries.get(request.workspace, funnel_id)
    return _page(request, funnel, status=200)


@require_safe
@access.page("export")
def funnel_people_csv(request: MemberRequest, funnel_id: UUID) -> StreamingHttpResponse:
    funnel = queries.get(request.workspace, funnel_id)
    definition = queries.definition_of(funnel, request.workspace)
    question, whom = asked_people(request, definition)
    found = sights.all_people(request.workspace, definition, question=question, whom=whom, now=request.now)
    response = StreamingHttpResponse(csv_lines(_sheet(found)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="funnel-people.csv"'
    return response


@require_POST
@access.page("build")
def funnel_people_segment(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    """A static segment of these people; the question stands in the address."""
    funnel = queries.get(request.workspace, funnel_id)
    definition = queries.definition_of(funnel, request.workspace)
    question, whom = asked_people(request, definition)
    profiles = sights.people_profiles(request.workspace, definition, question=question, whom=whom, now=request.now)
    try:
        segment = segments.create_static(
            workspace=request.workspace,
            by=request.actor,
            name=request.POST.get("name", ""),
            description=f"From the funnel “{funnel.name}”: {words.people_title(definition, whom, question)}.",
            profiles=profiles,
            now=request.now,
        )
    except Invalid as refused:
        return _page(request, funnel, status=422, faults=refused.faults)
    messages.success(request, f"Created the segment “{segment.name}” with {len(profiles):,} profiles.")
    if request.POST.get("then") == "build":
        return redirect(f"{reverse('segment_builder')}?{urlencode({'segment': segment.pk})}")
    return redirect("segment_detail", segment.pk)


def _page(request: MemberRequest, funnel: Funnel, *, status: int, faults: tuple[Fault, ...] = ()) -> HttpResponse:
    definition = queries.definition_of(funnel, request.workspace)
    context: dict[str, object] = {"funnel": funnel, "back": _back(request, funnel)}
    try:
        question, whom = asked_people(request, definition)
        context |= _listed(request, funnel, definition, question, whom)
    except Invalid as refused:
        return render(request, "cdp/funnels/people.html", context | {"error": refused.sentence}, status=400)
    typed = request.POST.get("name", "")
    context |= {"name_error": " ".join(fault.detail for fault in faults), "name": typed or context["suggested"]}
    return render(request, "cdp/funnels/people.html", context, status=status)


def _listed(
    request: MemberRequest, funnel: Funnel, definition: FunnelDefinition, question: Question, whom: Whom
) -> dict[str, object]:
    found = sights.people(
        request.workspace,
        definition,
        question=question,
        whom=whom,
        now=request.now,
        funnel=queries.name_of(funnel),
        after=request.GET.get("cursor", ""),
    )
    query = _without(request, "cursor")
    return {
        "found": found,
        "rows": [words.person(one, definition) for one in found.people],
        "title": words.people_title(definition, whom, question),
        "suggested": free_name(request.workspace, f"{funnel.name}: {words.people_title(definition, whom, question)}"),
        "follows": _follows(request, funnel, definition, whom),
        "people": "Users" if found.counting == "unique" else "Attempts",
        "timed": _timed(whom),
        "as_of": words.moment(found),
        "query": query,
        "next_url": _turned(query, found.next),
        "previous_url": _turned(query, found.previous),
        "may_export": request.actor.may("export"),
        "may_build": request.actor.may("build"),
    }


def _follows(request: MemberRequest, funnel: Funnel, definition: FunnelDefinition, whom: Whom) -> str:
    """The address of the builder with a condition that says the same; empty where there is none."""
    if condition_of_people(definition, whom, 1) is None:
        return ""
    return f"{reverse('segment_builder')}?{urlencode({'funnel': funnel.pk})}&{_without(request, 'cursor')}"


def _timed(whom: Whom) -> str:
    """What the time of each person is; empty where there is none."""
    if whom.step is None:
        return "Time to convert" if whom.outcome == "converted" else ""
    return "From the step before" if whom.step else ""


def asked_people(request: MemberRequest, definition: FunnelDefinition) -> tuple[Question, Whom]:
    """The question of the result page, and whose names are wanted. Raises Invalid."""
    chosen = range_of(request, request.GET)
    if chosen.period is None:
        raise Invalid([Fault("/from", chosen.error)])
    fields = {name: str(text) for name, text in request.GET.items() if text}
    asked = _part(fields, set(questions.FIELDS) - {"from", "to"})
    question = questions.parse_question(asked, now=request.now, zone=queries.zone_of(request.workspace))
    whom = questions.parse_whom(_part(fields, WHOM_FIELDS), definition, question.breakdown)
    return replace(question, period=chosen.period), whom


def _part(fields: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: fields[name] for name in names if name in fields}


def _without(request: MemberRequest, *names: str) -> str:
    return urlencode([(name, text) for name, text in request.GET.items() if text and name not in names])


def _turned(query: str, cursor: str | None) -> str:
    """The address of another page of the list."""
    if cursor is None:
        return ""
    return f"?{query}&{urlencode({'cursor': cursor})}" if cursor else f"?{query}"


def _back(request: MemberRequest, funnel: Funnel) -> str:
    tab = "breakdown" if "breakdown" in request.GET else "times" if "seconds_min" in request.GET else ""
    kept = _without(
        request, "cursor", "tab", *(name for name in WHOM_FIELDS if not (name == "step" and tab == "times"))
    )
    return f"{reverse('funnel_detail', args=[funnel.pk])}?{kept}" + (f"&tab={tab}" if tab else "")


def _sheet(people: Iterator[FunnelPerson]) -> Iterator[list[object]]:
    """As exported: instants in UTC, seconds as numbers, steps counted from 1."""
    yield list(COLUMNS)
    for one in people:
        yield [
            one.profile.id,
            one.profile.name,
            one.profile.user_id,
            one.profile.email,
            one.entered_at,
            one.last_step + 1,
            one.last_at,
            one.completed_at,
            one.seconds,
        ]


urlpatterns = [
    route("dashboard/cdp/funnels/<uuid:funnel_id>/people", funnel_people, "funnel_people"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/people/csv", funnel_people_csv, "funnel_people_csv"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/people/segment", funnel_people_segment, "funnel_people_segment"),
]
