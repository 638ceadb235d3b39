"""/dashboard/cdp/funnels: the list, the builder with its live result, and the result itself."""

import csv
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdp.definitions.funnels import FunnelDefinition, FunnelDraft, event_words, parse_draft
from cdp.forms.funnels import OPERATORS, TEMPLATES, UNIT_WORDS, Builder
from cdp.models import Funnel
from cdp.queries import funnels as queries
from cdp.queries.funnels import FunnelName, FunnelResult, SeenEvent
from cdp.services import funnels as services
from cdp.views import funnel_words as words
from stratum.lib import periods
from stratum.lib.periods import Period
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

Context = dict[str, object]

PER_PAGE = 25
RANGES = ("7", "30", "90")
# What the pickers carry to the browser; more would make the page heavy, and every name can still be typed.
PICKER_EVENTS, PICKER_PROPERTIES = 500, 40


@dataclass(frozen=True, slots=True)
class Range:
    """The Date Range as chosen: `days` is a number of days or `custom`. `error` says why there is no `period`."""

    days: str
    first: str
    last: str
    period: Period | None
    error: str = ""

    @property
    def query(self) -> str:
        """The part of an address that brings it back."""
        return urlencode({"from": self.first, "to": self.last} if self.days == "custom" else {"days": self.days})


@require_safe
@access.page("view")
def funnel_list(request: MemberRequest) -> HttpResponse:
    search, archived = request.GET.get("q", "").strip(), request.GET.get("archived") == "1"
    found = queries.find(request.workspace, search=search, archived=archived)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    cards = queries.cards(request.workspace, list(page.object_list), now=request.now)
    context = {
        "page": page,
        "lines": [words.line(card) for card in cards],
        "search": search,
        "archived": archived,
        "may_build": request.actor.may("build"),
    }
    return render(request, "cdp/funnels/list.html#rows" if request.htmx else "cdp/funnels/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def funnel_new(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        return _built(request, lambda draft: _created(request, draft))
    chosen = TEMPLATES.get(request.GET.get("template", ""))
    builder = Builder.of_draft(parse_draft(chosen)) if chosen else Builder(focus="name")
    return _builder_page(request, builder)


@require_POST
@access.page("build")
def funnel_from_template(request: MemberRequest, template: str) -> HttpResponse:
    if template not in TEMPLATES:
        raise Http404
    return _created(request, parse_draft(TEMPLATES[template]))


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def funnel_edit(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = queries.get(request.workspace, funnel_id)
    if request.method == "POST":
        return _built(request, lambda draft: _updated(request, funnel, draft), funnel=funnel)
    definition = queries.definition_of(funnel, request.workspace)
    builder = Builder.of_draft(FunnelDraft(funnel.name, funnel.description, definition))
    builder.expected = queries.tag(funnel)
    return _builder_page(request, builder, funnel=funnel)


@require_POST
@access.page("view")
def funnel_preview(request: MemberRequest) -> HttpResponse:
    """The live result beside the builder. Errors go to their fields; the last good result stays while there are any."""
    context = _preview(request, Builder.of_post(request.POST)) | {"live_errors": True}
    response = render(request, "cdp/funnels/builder.html#preview", context)
    if "result" not in context and "waiting" not in context:
        response["HX-Reswap"] = "none"
    return response


@require_safe
@access.page("view")
def funnel_detail(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = queries.get(request.workspace, funnel_id)
    chosen = _range(request, request.GET)
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
    chosen = _range(request, request.GET)
    if chosen.period is None:
        raise Invalid([Fault("/from", chosen.error)])
    result = queries.analyze_saved(request.workspace, funnel, period=chosen.period, now=request.now)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name = f"funnel-{result.period.first_day}-{result.period.last_day}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    csv.writer(response).writerows(_sheet(result))
    return response


@require_POST
@access.page("build")
def funnel_duplicate(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    copy = services.duplicate(workspace=request.workspace, by=request.actor, funnel_id=funnel_id, now=request.now)
    messages.success(request, f"Copied to “{copy.name}”.")
    return redirect("funnel_edit", copy.pk)


@require_POST
@access.page("build")
def funnel_archive(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = services.archive(workspace=request.workspace, by=request.actor, funnel_id=funnel_id, now=request.now)
    messages.success(request, f"“{funnel.name}” is archived.", extra_tags=reverse("funnel_restore", args=[funnel.pk]))
    return redirect("funnel_list")


@require_POST
@access.page("build")
def funnel_restore(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = services.restore(workspace=request.workspace, by=request.actor, funnel_id=funnel_id, now=request.now)
    messages.success(request, f"“{funnel.name}” is back.")
    return redirect("funnel_detail", funnel.pk)


# The builder


def _built(
    request: MemberRequest, save: Callable[[FunnelDraft], HttpResponse], *, funnel: Funnel | None = None
) -> HttpResponse:
    """Follow the button that sent the form: change the rows, show the result, or save."""
    builder = Builder.of_post(request.POST)
    do = request.POST.get("do", "save")
    if builder.act(do) or do != "save":
        return _builder_page(request, builder, funnel=funnel)
    try:
        return save(builder.read(zone=queries.zone_of(request.workspace)))
    except Invalid as refused:
        builder.show(refused.faults)
    except Refusal as refused:
        builder.show([Fault("/form", refused.sentence)])
    return _builder_page(request, builder, funnel=funnel, status=422)


def _created(request: MemberRequest, draft: FunnelDraft) -> HttpResponse:
    funnel = services.create(workspace=request.workspace, by=request.actor, draft=draft, now=request.now)
    return _saved(request, funnel)


def _updated(request: MemberRequest, funnel: Funnel, draft: FunnelDraft) -> HttpResponse:
    updated = services.update(
        workspace=request.workspace,
        by=request.actor,
        funnel_id=funnel.pk,
        draft=draft,
        now=request.now,
        expected=request.POST.get("expected") or None,
    )
    return _saved(request, updated)


def _saved(request: MemberRequest, funnel: Funnel) -> HttpResponse:
    """To the result, with the Date Range that the builder showed."""
    messages.success(request, f"“{funnel.name}” is saved.")
    return redirect(f"{reverse('funnel_detail', args=[funnel.pk])}?{_range(request, request.POST).query}")


def _builder_page(
    request: MemberRequest, builder: Builder, *, funnel: Funnel | None = None, status: int = 200
) -> HttpResponse:
    """A button that changes rows gets the fields alone; the live result then follows by itself."""
    context: Context = {"builder": builder, "funnel": funnel, "range": _range(request, request.POST)}
    context |= _pickers(request)
    if request.htmx:
        response = render(request, "cdp/funnels/builder.html#fields", context, status=status)
        response["HX-Trigger-After-Settle"] = "funnel-changed"
        return response
    context |= _preview(request, builder, quiet=True) | {"dirty": request.method == "POST"}
    return render(request, "cdp/funnels/builder.html", context, status=status)


def _preview(request: MemberRequest, builder: Builder, *, quiet: bool = False) -> Context:
    """The result of what is typed so far, or the errors at their fields; `quiet` leaves those to Save."""
    chosen = _range(request, request.POST)
    context: Context = {"builder": builder, "range": chosen}
    if len(builder.rows(skip_empty=True)) < 2:
        return context | {"waiting": True}
    try:
        draft = builder.read(zone=queries.zone_of(request.workspace), name_required=False, skip_empty=True)
        if chosen.period is None:
            return context
        name = FunnelName(None, draft.name, None)
        result = queries.analyze(
            request.workspace, draft.definition, period=chosen.period, now=request.now, funnel=name
        )
        return context | _shown(request, result, draft.definition)
    except Invalid as refused:
        if not quiet:
            builder.show(refused.faults, skip_empty=True)
    except Refusal as refused:
        builder.show([Fault("/form", refused.sentence)])
    return context


def _pickers(request: MemberRequest) -> Context:
    """What the pickers offer, as lists for the page and as data for its script."""
    seen = queries.seen_events(request.workspace, now=request.now)[:PICKER_EVENTS]
    return {
        "seen_events": seen,
        "seen_properties": {event.name: _properties(event) for event in seen},
        "operators": OPERATORS,
        "units": UNIT_WORDS,
        "range_choices": RANGES,
    }


def _properties(event: SeenEvent) -> dict[str, list[str]]:
    return {seen.name: list(seen.samples) for seen in event.properties[:PICKER_PROPERTIES]}


# The result


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
    result = queries.analyze_saved(request.workspace, funnel, period=chosen.period, now=request.now)
    return context | _shown(request, result, queries.definition_of(funnel, request.workspace))


def _shown(request: MemberRequest, result: FunnelResult, definition: FunnelDefinition) -> Context:
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


def _range(request: MemberRequest, asked: QueryDict) -> Range:
    """Either `days`, or the dates `from` and `to`; the last 30 days when nothing is asked."""
    zone = queries.zone_of(request.workspace)
    first, last = asked.get("from", ""), asked.get("to", "")
    days = asked.get("days") or ("custom" if first or last else "30")
    if days != "custom":
        if not re.fullmatch(r"[1-9]\d{0,2}", days, re.ASCII):
            return Range("30", first, last, None, "Choose a number of days from 1 to 999.")
        return Range(days, first, last, periods.last_days(int(days), request.now, zone))
    try:
        return Range(days, first, last, periods.parse_period(first, last, now=request.now, zone=zone))
    except Invalid as refused:
        return Range(days, first, last, None, refused.sentence)


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
    route("dashboard/cdp/funnels", funnel_list, "funnel_list"),
    route("dashboard/cdp/funnels/new", funnel_new, "funnel_new"),
    route("dashboard/cdp/funnels/preview", funnel_preview, "funnel_preview"),
    route("dashboard/cdp/funnels/templates/<slug:template>", funnel_from_template, "funnel_from_template"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>", funnel_detail, "funnel_detail"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/csv", funnel_csv, "funnel_csv"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/edit", funnel_edit, "funnel_edit"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/duplicate", funnel_duplicate, "funnel_duplicate"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/archive", funnel_archive, "funnel_archive"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/restore", funnel_restore, "funnel_restore"),
]
