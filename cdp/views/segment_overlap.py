"""/dashboard/cdp/segments/overlap: how two to ten segments overlap, and a new segment from any part of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from cdp.definitions.segments import parse_draft
from cdp.models import Segment
from cdp.queries import segment_overlap as queries
from cdp.queries import segments
from cdp.queries.segment_overlap import SegmentOverlap
from cdp.queries.traits import zone_of
from cdp.segments.overlap import FEWEST, MOST, Overlap, Pair, Region
from cdp.services import segments as services
from cdp.views.funnel_words import percent
from cdp.views.segment_starts import key_of, region_condition, region_name
from cdp.views.segment_venn import venn
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

SHOWN = 30  # regions on the page; the sheet has all
PAIR_FIGURES = (
    *("a_size", "b_size", "intersection", "union", "a_rate", "b_rate"),
    *("jaccard", "overlap_coefficient", "lift", "relation"),
)
RELATIONS = {
    "empty": "nobody to compare",
    "disjoint": "{a} and {b} share nobody",
    "equal": "{a} and {b} are the same people",
    "a_in_b": "Everybody of {a} is in {b}",
    "b_in_a": "Everybody of {b} is in {a}",
    "near_duplicate": "{a} and {b} are nearly the same people",
    "overlapping": "",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A region as a row of dots; `filled` per segment, `width` of its bar from 0 to 100."""

    filled: tuple[bool, ...]
    words: str
    size: int
    rate: str
    width: str
    inside: tuple[UUID, ...]
    outside: tuple[UUID, ...]

    @property
    def query(self) -> str:
        return urlencode(
            [*(("inside", str(key)) for key in self.inside), *(("outside", str(key)) for key in self.outside)]
        )


@dataclass(frozen=True, slots=True)
class PairRow:
    pair: Pair
    a: str
    b: str
    rates: tuple[str, ...]  # of A, of B, Jaccard, overlap coefficient
    lift: str
    told: str


@require_safe
@access.page("view")
def overlap(request: MemberRequest) -> HttpResponse:
    asked = request.GET.getlist("segment")
    context: dict[str, Any] = {
        "choices": [(one, str(one.pk) in asked) for one in segments.find(request.workspace)],
        "few": FEWEST,
        "most": MOST,
    }
    if asked:
        try:
            found = queries.overlap(request.workspace, _keys(asked))
            context |= _shown(found) | {
                "may_build": request.actor.may("build"),
                "may_export": request.actor.may("export"),
                "query": request.GET.urlencode(),
            }
        except Refusal as refused:
            context["refused"] = [fault.detail for fault in refused.faults] or [refused.sentence]
    return render(request, "cdp/segments/overlap.html", context, status=422 if "refused" in context else 200)


@require_safe
@access.page("export")
def overlap_csv(request: MemberRequest) -> HttpResponse:
    """Every region that somebody is in: one column per segment, yes or no, and the size; then every pair."""
    found = queries.overlap(request.workspace, _keys(request.GET.getlist("segment")))
    names = [segment.name for segment in found.segments]
    sheet: list[list[object]] = [[*names, "profiles"]]
    sheet += [
        [*("yes" if each in region.inside else "no" for each in _places(found)), region.size]
        for region in found.figures.regions
    ]
    sheet += [[], ["first", "second", *PAIR_FIGURES]]
    sheet += [
        [names[pair.a], names[pair.b], *(getattr(pair, figure) for figure in PAIR_FIGURES)]
        for pair in found.figures.pairs
    ]
    response = HttpResponse("".join(csv_lines(sheet)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="segment-overlap.csv"'
    return response


@require_POST
@access.page("build")
def overlap_segment(request: MemberRequest) -> HttpResponse:
    """A region becomes a segment that goes on following its segments."""
    inside, outside = _keys(request.POST.getlist("inside")), _keys(request.POST.getlist("outside"))
    back = f"{reverse('segment_overlap')}?{_query([*inside, *outside])}"
    try:
        chosen = {one.pk: one for one in queries.comparable(request.workspace, [*inside, *outside])}
        body = _body(request, [chosen[key] for key in inside], [chosen[key] for key in outside])
        draft = parse_draft(body, zone=zone_of(request.workspace))
        segment = services.create_from_draft(
            workspace=request.workspace, by=request.actor, draft=draft, now=request.now
        )
    except Refusal as refused:
        messages.error(request, refused.faults[0].detail if refused.faults else refused.sentence)
        return redirect(back)
    messages.success(request, f"“{segment.name}” is saved. Its members are there in a moment.")
    return redirect("segment_detail", segment.pk)


def _keys(texts: Sequence[str]) -> list[UUID]:
    return [key_of(text) for text in texts]


def _query(keys: Sequence[UUID]) -> str:
    query = QueryDict(mutable=True)
    query.setlist("segment", [str(key) for key in keys])
    return query.urlencode()


def _body(request: MemberRequest, inside: Sequence[Segment], outside: Sequence[Segment]) -> dict[str, object]:
    """Where one of the segments may hold anonymous profiles the region does too: it loses nobody by asking them all."""
    return {
        "name": segments.free_name(request.workspace, region_name(_names(inside), _names(outside))),
        "description": "A part of an overlap of segments.",
        "condition": region_condition(inside, outside),
        "include_anonymous": any(segment.include_anonymous for segment in inside),
    }


def _names(those: Sequence[Segment]) -> list[str]:
    return [one.name for one in those]


# What the page shows


def _places(found: SegmentOverlap) -> range:
    return range(len(found.segments))


def _shown(found: SegmentOverlap) -> dict[str, Any]:
    figures, letters = found.figures, ascii_uppercase[: len(found.segments)]
    anybody = sum(region.size for region in figures.regions)
    largest = max((region.size for region in figures.regions), default=1)
    pairs = [_pair(pair, letters) for pair in figures.pairs]
    return {
        "found": found,
        "legend": list(zip(letters, found.segments, figures.sizes, strict=True)),
        "letters": letters,
        "anybody": anybody,
        "venn": venn(figures, letters),
        "venn_label": _told(found, letters),
        "rows": [_row(region, found, letters, anybody, largest) for region in figures.regions[:SHOWN]],
        "more": max(0, len(figures.regions) - SHOWN),
        "pairs": pairs,
        "flags": [row.told for row in pairs if row.told and row.pair.relation != "empty"],
        "matrix": _matrix(figures, letters),
    }


def _told(found: SegmentOverlap, letters: str) -> str:
    return "; ".join(f"{_words(region, letters)}: {region.size:,}" for region in found.figures.regions)


def _words(region: Region, letters: str) -> str:
    within = " and ".join(letters[place] for place in region.inside)
    return f"in {within}" if len(region.inside) == len(letters) else f"only in {within}"


def _row(region: Region, found: SegmentOverlap, letters: str, anybody: int, largest: int) -> Row:
    keys = [segment.pk for segment in found.segments]
    return Row(
        filled=tuple(place in region.inside for place in _places(found)),
        words=_words(region, letters),
        size=region.size,
        rate=percent(region.size / anybody),
        width=f"{100 * region.size / largest:.2f}",
        inside=tuple(keys[place] for place in region.inside),
        outside=tuple(keys[place] for place in _places(found) if place not in region.inside),
    )


def _pair(pair: Pair, letters: str) -> PairRow:
    a, b = letters[pair.a], letters[pair.b]
    rates = (pair.a_rate, pair.b_rate, pair.jaccard, pair.overlap_coefficient)
    return PairRow(
        pair=pair,
        a=a,
        b=b,
        rates=tuple("–" if rate is None else percent(rate) for rate in rates),
        lift="–" if pair.lift is None else f"{pair.lift:,.2f}",
        told=RELATIONS[pair.relation].format(a=a, b=b),
    )


def _matrix(figures: Overlap, letters: str) -> list[tuple[str, list[str]]]:
    """For each segment which share of its members is in each other one."""
    shares: dict[tuple[int, int], float | None] = {}
    for pair in figures.pairs:
        shares[pair.a, pair.b], shares[pair.b, pair.a] = pair.a_rate, pair.b_rate
    places = range(len(letters))
    return [(letters[row], [_cell(shares.get((row, column)), row == column) for column in places]) for row in places]


def _cell(share: float | None, is_itself: bool) -> str:
    return "" if is_itself else "–" if share is None else percent(share)


HERE = "dashboard/cdp/segments/overlap"
urlpatterns = [
    route(HERE, overlap, "segment_overlap"),
    route(f"{HERE}/csv", overlap_csv, "segment_overlap_csv"),
    route(f"{HERE}/segment", overlap_segment, "segment_overlap_segment"),
]
