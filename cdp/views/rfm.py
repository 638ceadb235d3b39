"""/dashboard/cdp/rfm: the grid, the groups, the people behind each of them, and the cut-offs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from cdp.definitions.segments import parse_draft
from cdp.queries import profiles
from cdp.queries import rfm as queries
from cdp.queries.rfm import Cell, Report, Span, Standing
from cdp.queries.segments import free_name
from cdp.queries.traits import zone_of
from cdp.rfm.groups import GROUPS
from cdp.rfm.scores import MILLIONTHS, SCORES, CutOffs
from cdp.services import rfm as services
from cdp.services import segments
from cdp.views.funnel_words import percent
from cdp.views.rfm_choice import chosen
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

PER_PAGE = 25
SHADES = 5
COLUMNS = ("profile", "group", "r", "f", "m", "days_since_order", "orders", "spend", "currency")


@dataclass(frozen=True, slots=True)
class Square:
    """A cell of the grid. `shade` from 0, nobody, to 5, the most."""

    cell: Cell
    query: str
    rate: str
    shade: int


@require_safe
@access.page("view")
def rfm(request: MemberRequest) -> HttpResponse:
    return _page(request)


@require_POST
@access.page("build")
def rfm_cut_offs(request: MemberRequest) -> HttpResponse:
    typed = {name: request.POST.get(name, "") for name in services.FIELDS}
    try:
        body = {name: [_number(part) for part in text.replace(",", " ").split()] for name, text in typed.items()}
        services.save_cut_offs(workspace=request.workspace, body=body, now=request.now)
    except Refusal as refused:
        errors = {fault.pointer.strip("/"): fault.detail for fault in refused.faults}
        return _page(request, {"typed": typed, "errors": errors}, status=422)
    messages.success(request, "The cut-offs are saved.")
    return redirect("rfm")


@require_safe
@access.page("view")
def rfm_people(request: MemberRequest) -> HttpResponse:
    asked = chosen(request.GET.get("group", ""), request.GET.get("r", ""), request.GET.get("f", ""))
    found = queries.current(request.workspace, now=request.now)
    keys = found.chosen(group=asked.group, r=asked.r, f=asked.f)[::-1]
    page = Paginator(range(len(keys)), PER_PAGE).get_page(request.GET.get("page"))
    start = (page.number - 1) * PER_PAGE
    cards = profiles.shown(request.workspace, keys[start : start + PER_PAGE].tolist(), now=request.now)
    context = {
        "chosen": asked,
        "size": len(keys),
        "page": page,
        "people": [(card, _figures(found, card.id)) for card in cards],
        "currency": request.workspace.currency,
        "may_build": request.actor.may("build"),
    }
    return render(request, "cdp/rfm/people.html", context)


@require_POST
@access.page("build")
def rfm_segment(request: MemberRequest) -> HttpResponse:
    """A group or a cell becomes a segment that follows the scores."""
    asked = chosen(request.POST.get("group", ""), request.POST.get("r", ""), request.POST.get("f", ""))
    body = {"name": free_name(request.workspace, asked.name), "condition": asked.condition, "include_anonymous": True}
    try:
        draft = parse_draft(body, zone=zone_of(request.workspace))
        segment = segments.create_from_draft(
            workspace=request.workspace, by=request.actor, draft=draft, now=request.now
        )
    except Refusal as refused:
        messages.error(request, refused.faults[0].detail if refused.faults else refused.sentence)
        return redirect(f"{reverse('rfm_people')}?{asked.query}")
    messages.success(request, f"“{segment.name}” is saved. Its members are there in a moment.")
    return redirect("segment_detail", segment.pk)


@require_safe
@access.page("export")
def rfm_csv(request: MemberRequest) -> StreamingHttpResponse:
    found = queries.current(request.workspace, now=request.now)
    response = StreamingHttpResponse(csv_lines(_sheet(found, request.workspace.currency)), content_type="text/csv")
    response["Content-Disposition"] = f'attachment; filename="rfm-{request.now:%Y-%m-%d}.csv"'
    return response


def _sheet(found: Standing, currency: str) -> Iterator[Sequence[object]]:
    yield COLUMNS
    scored = found.scores
    for place, profile in enumerate(found.profile.tolist()):
        yield (
            profile,
            GROUPS[int(found.group[place])].name,
            *(int(each[place]) for each in (scored.r, scored.f, scored.m, found.recency, found.orders)),
            found.spend[place] / MILLIONTHS,
            currency,
        )


def _figures(found: Standing, profile: int) -> dict[str, Any]:
    place = int(np.searchsorted(found.profile, profile))
    return {
        "code": "".join(str(found.value(f"rfm_{letter}", profile)) for letter in "rfm"),
        "group": found.value("rfm_group", profile),
        "recency": int(found.recency[place]),
        "orders": int(found.orders[place]),
        "spend": found.spend[place] / MILLIONTHS,
    }


def _number(text: str) -> int | float | str:
    """As it was typed where it is no number; the service says what is wrong."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


# What the page shows


def _page(request: MemberRequest, more: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    found = queries.report(request.workspace, now=request.now)
    fixed = queries.cut_offs(request.workspace)
    context: dict[str, Any] = {
        "found": found,
        "grid": _grid(found),
        "frequencies": range(1, SCORES + 1),
        "groups": [
            (line, percent(line.rate), percent(line.revenue_share), urlencode({"group": line.name}))
            for line in found.groups
        ],
        "spans": [_span_words(span) for span in found.spans],
        "months": found.months,
        "are_whole": all(month.is_whole for month in found.months),
        "are_moves_whole": found.months[-1].is_whole,
        "courses": _courses(found),
        "typed": {name: _typed(getattr(fixed, name)) for name in services.FIELDS},
        "default": CutOffs(),
        "may_build": request.actor.may("build"),
        "may_connect": request.actor.may("connect"),
        "may_export": request.actor.may("export"),
    }
    return render(request, "cdp/rfm/rfm.html", context | (more or {}), status=status)


def _typed(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" if value < MILLIONTHS else f"{value:.0f}" for value in values)


def _grid(found: Report) -> list[tuple[int, list[Square]]]:
    """Rows of recency, the best first; columns of frequency, the best last."""
    most = max((cell.size for cell in found.cells), default=0)
    squares = [_square(cell, found.customers, most) for cell in found.cells]
    return [(squares[start].cell.r, squares[start : start + SCORES]) for start in range(0, len(squares), SCORES)]


def _square(cell: Cell, customers: int, most: int) -> Square:
    shade = -(-SHADES * cell.size // most) if most else 0
    rate = percent(cell.size / customers if customers else 0)
    return Square(cell, urlencode({"r": cell.r, "f": cell.f}), rate, shade)


def _courses(found: Report) -> list[tuple[str, list[int]]]:
    """The size of each group as the months began and now, and of all of them."""
    sizes = [*(month.sizes for month in found.months), tuple(line.size for line in found.groups)]
    rows = [(group.name, [each[place] for each in sizes]) for place, group in enumerate(GROUPS)]
    return [*rows, ("All customers", [sum(each) for each in sizes])]


def _span_words(span: Span) -> tuple[int, str, str, str]:
    return (span.score, _between(span.recency), _between(span.orders), _between(span.spend))


def _between(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return "–"
    low, high = (f"{end:,.2f}" if isinstance(end, float) else f"{end:,}" for end in ends)
    return low if low == high else f"{low} to {high}"


HERE = "dashboard/cdp/rfm"
urlpatterns = [
    route(HERE, rfm, "rfm"),
    route(f"{HERE}/cut-offs", rfm_cut_offs, "rfm_cut_offs"),
    route(f"{HERE}/people", rfm_people, "rfm_people"),
    route(f"{HERE}/segment", rfm_segment, "rfm_segment"),
    route(f"{HERE}/csv", rfm_csv, "rfm_csv"),
]
