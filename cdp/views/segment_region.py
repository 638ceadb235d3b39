"""/dashboard/cdp/segments/overlap/people: who is in exactly these segments and in none of the others."""

from typing import Any

import numpy as np
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from cdp.engine.arrays import Ints
from cdp.queries import profiles
from cdp.queries import segment_overlap as queries
from cdp.queries.segment_overlap import Side
from cdp.views.segment_starts import key_of, region_name
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

PER_PAGE = 25
EXPORTED = 5_000  # at once, so that a sheet of half a million people is not kept in memory


@require_safe
@access.page("view")
def overlap_people(request: MemberRequest) -> HttpResponse:
    inside, outside = _sides(request)
    keys = queries.region(request.workspace, inside, outside)[::-1]
    page = Paginator(range(len(keys)), PER_PAGE).get_page(request.GET.get("page"))
    start = (page.number - 1) * PER_PAGE
    context: dict[str, Any] = {
        "title": region_name([one.name for one in inside], [one.name for one in outside]),
        "size": len(keys),
        "page": page,
        "people": profiles.shown(request.workspace, keys[start : start + PER_PAGE].tolist(), now=request.now),
        "inside": inside,
        "outside": outside,
        "back": _address("segment_overlap", [("segment", str(one.pk)) for one in (*inside, *outside)]),
        "builder": _address("segment_builder", _parts("segment", inside, outside)),
        "csv": _address("segment_overlap_people_csv", _parts("inside", inside, outside)),
        "may_build": request.actor.may("build"),
        "may_export": request.actor.may("export"),
    }
    return render(request, "cdp/segments/region.html", context)


@require_safe
@access.page("export")
def overlap_people_csv(request: MemberRequest) -> HttpResponse:
    keys = queries.region(request.workspace, *_sides(request))
    response = HttpResponse("".join(csv_lines(_sheet(request, keys))), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="segment-region.csv"'
    return response


def _sheet(request: MemberRequest, keys: Ints) -> list[list[object]]:
    rows: list[list[object]] = [["profile", "name", "user_id", "email", "lifecycle_stage"]]
    for part in np.array_split(keys, max(1, len(keys) // EXPORTED)):
        cards = profiles.shown(request.workspace, part.tolist(), now=request.now)
        rows += [[one.id, one.name, one.user_id, one.email, one.lifecycle_stage] for one in cards]
    return rows


def _sides(request: MemberRequest) -> tuple[Side, Side]:
    inside, outside = ([key_of(text) for text in request.GET.getlist(name)] for name in ("inside", "outside"))
    return queries.sides(request.workspace, inside, outside)


def _parts(name: str, inside: Side, outside: Side) -> list[tuple[str, str]]:
    return [*((name, str(one.pk)) for one in inside), *(("outside", str(one.pk)) for one in outside)]


def _address(name: str, query: list[tuple[str, str]]) -> str:
    return f"{reverse(name)}?{urlencode(query)}"


HERE = "dashboard/cdp/segments/overlap/people"
urlpatterns = [
    route(HERE, overlap_people, "segment_overlap_people"),
    route(f"{HERE}/csv", overlap_people_csv, "segment_overlap_people_csv"),
]
