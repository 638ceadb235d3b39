"""What the segment builder shows: its rows with their faults and counts, what they offer, and the preview."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse

from cdp.definitions import condition_words
from cdp.definitions.predicate_words import OPERATORS
from cdp.definitions.segment_questions import Question, parse_question
from cdp.definitions.segment_templates import TEMPLATES
from cdp.forms import segment_tree
from cdp.forms.segment_tree import Placed, Row
from cdp.forms.segment_tree.windows import WINDOWS
from cdp.models import Segment
from cdp.queries import profiles, segment_uses, segment_words, served_traits
from cdp.queries import segments as queries
from cdp.queries.segment_preview import Preview, preview
from cdp.queries.segment_why import Why, explain
from cdp.queries.traits import zone_of
from cdp.views.api_code import ApiCode, api_code
from cdp.views.event_picker import event_picker
from cdp.views.funnel_words import percent
from stratum.lib.refusal import Fault, Refusal
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.models import Workspace

Context = dict[str, Any]
Fields = Mapping[str, str]
TIMES = (
    ("", "at least once"),
    ("gte", "at least"),
    ("gt", "more than"),
    ("lte", "at most"),
    ("lt", "less than"),
    ("eq", "exactly"),
    ("neq", "any number but"),
    ("between", "between (2, 5)"),
)
MEASURES = (
    ("count", "How often"),
    ("sum", "Sum of"),
    ("avg", "Average of"),
    ("min", "Least of"),
    ("max", "Greatest of"),
    ("unique", "Different values of"),
)
LENGTHS = (("gte", "at least"), ("gt", "more than"), ("lte", "at most"), ("lt", "less than"))
OWN_FIELDS = ("lifecycle_stage", "email", "phone", "first_name", "last_name", "user_id", "created_at", "last_seen_at")


@dataclass(frozen=True, slots=True)
class Line:
    """A node of the condition in the preview, with how many satisfy it alone."""

    path: str
    depth: int
    words: str
    size: int
    rate: str


def page_context(request: MemberRequest, segment: Segment | None, row: Row, fields: Fields) -> Context:
    workspace = request.workspace
    return {
        "segment": segment,
        "fields": fields,
        "condition_json": json.dumps(segment_tree.condition(row), ensure_ascii=False, indent=2),
        "act_url": reverse("segment_edit", args=[segment.pk]) if segment else reverse("segment_builder"),
        "times": TIMES,
        "measures": MEASURES,
        "lengths": LENGTHS,
        "windows": WINDOWS,
        "operators": OPERATORS.items(),
        "templates": TEMPLATES.items(),
        "others": [one for one in queries.find(workspace) if segment is None or one.pk != segment.pk],
        "attributes": [f"attributes.{name}" for name in profiles.attribute_names(workspace)],
        "profile_fields": [
            *(f"traits.{one.name}" for one in served_traits.serving(workspace)),
            *(f"traits.{name}" for name in sorted(segment_uses.RFM)),
            *OWN_FIELDS,
        ],
        **event_picker(request),
    }


def id_of(path: str) -> str:
    return path.replace(".", "-")


def people_named(workspace: Workspace, words: Sequence[str]) -> list[str]:
    """E-mail addresses and user ids as profile numbers; what stands for nobody stays, and is refused later."""
    found = segment_words.resolve(workspace, "\n".join(words))
    return [*map(str, found.profiles), *found.unknown]


def placed_rows(row: Row, found: Context) -> Placed:
    """The rows with what is wrong in them, or how many satisfy each."""
    sizes = {line.path: line.size for line in found.get("lines", ())}
    return _marked(segment_tree.placed(row), found.get("row_errors", {}), sizes)


def _marked(place: Placed, errors: Mapping[str, str], sizes: Mapping[str, int]) -> Placed:
    is_condition = place.row.kind in segment_tree.CONDITIONS
    size = sizes.get(place.outer) if is_condition else None
    note = "" if size is None else f"{size:,} profile{'' if size == 1 else 's'}"
    children = tuple(_marked(child, errors, sizes) for child in place.children)
    return replace(place, children=children, error=errors.get(place.path, ""), note=note)


# The preview


def tried(request: MemberRequest, row: Row, fields: Fields) -> Context:
    """The preview, or what is wrong, at its row."""
    body = {"condition": segment_tree.condition(row), "include_anonymous": fields.get("include_anonymous") == "on"}
    try:
        asked = parse_question(body, tuple(body), zone_of(request.workspace))
        segment_uses.require_known(request.workspace, asked.condition)
        found = preview(request.workspace, asked.condition, include_anonymous=asked.include_anonymous, now=request.now)
        why = _why(request, fields.get("why", ""), asked)
    except Refusal as refused:
        return trouble_of(row, refused)
    names = {str(one.pk): one.name for one in queries.find(request.workspace)}
    return {
        "preview": found,
        "rate": percent(found.rate),
        "lines": list(_lines(asked.source, names, found)),
        "sentence": condition_words.sentence(asked.source, names),
        "why": why,
        "code": _code(request, fields, asked),
    }


def _code(request: MemberRequest, fields: Fields, asked: Question) -> ApiCode:
    body: Context = {"name": fields.get("name") or "…", "description": fields.get("description", "")}
    body |= {"condition": asked.source, "include_anonymous": asked.include_anonymous}
    return api_code(body, request.build_absolute_uri(reverse("api_segment_list")))


def _why(request: MemberRequest, profile: str, asked: Question) -> Why | None:
    if not profile.isdigit():
        return None
    return explain(
        request.workspace,
        asked.condition,
        asked.source,
        int(profile[:18]),
        include_anonymous=asked.include_anonymous,
        now=request.now,
    )


def _lines(source: Mapping[str, Any], names: Mapping[str, str], found: Preview) -> Iterator[Line]:
    sizes = {block.path: block.size for block in found.blocks}
    for path, depth, words in condition_words.lines(source, names):
        rate = percent(sizes[path] / found.universe if found.universe else 0)
        yield Line(path, depth, words, sizes[path], rate)


# What is wrong


def trouble_of(row: Row, refused: Refusal) -> Context:
    """Each sentence at the row in whose condition the fault lies; what belongs to none above them all."""
    rows = list(segment_tree.everyone(segment_tree.placed(row)))
    at_rows: dict[str, str] = {}
    others: dict[str, str] = {}
    for fault in refused.faults or [Fault("", refused.sentence)]:
        place = _row_of(fault.pointer, rows)
        if fault.pointer in ("/name", "/description"):
            others[fault.pointer.strip("/")] = fault.detail
        elif place is None:
            others["form"] = fault.detail
        else:
            at_rows.setdefault(place.path, fault.detail)
    focus = id_of(next(iter(at_rows), ""))
    return {"row_errors": at_rows, "errors": others, "trouble": [*others.values(), *at_rows.values()], "focus": focus}


def _row_of(pointer: str, rows: Sequence[Placed]) -> Placed | None:
    inside = [one for one in rows if pointer == one.pointer or pointer.startswith(f"{one.pointer}/")]
    return max(inside, key=lambda one: (len(one.pointer), one.depth), default=None)
