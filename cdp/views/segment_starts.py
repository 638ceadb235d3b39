"""What the segment builder begins with, as the address says: a template, segments, RFM, a funnel's people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from cdp.definitions.funnel_conditions import condition_of_people
from cdp.definitions.segment_templates import TEMPLATES
from cdp.models import Segment
from cdp.queries import funnels, segments
from cdp.views import funnel_words
from cdp.views.funnel_people import asked_people
from cdp.views.rfm_choice import chosen
from stratum.lib.refusal import Missing
from stratum.workspaces.access import MemberRequest


@dataclass(frozen=True, slots=True)
class Start:
    name: str
    description: str
    condition: Mapping[str, Any]
    include_anonymous: bool = False


def start_of(request: MemberRequest) -> Start | None:
    """None for an empty page. Raises Missing and Invalid for an address that leads to nothing."""
    for name, read in _STARTS.items():
        if request.GET.get(name):
            return read(request)
    return None


def _template(request: MemberRequest) -> Start | None:
    found = TEMPLATES.get(request.GET["template"])
    return None if found is None else Start(found.name, found.description, found.condition)


def _segments(request: MemberRequest) -> Start:
    """Who is in all of these, and in none of the `outside` ones."""
    inside = [_segment(request, text) for text in request.GET.getlist("segment")]
    outside = [_segment(request, text) for text in request.GET.getlist("outside")]
    named = region_name([one.name for one in inside], [one.name for one in outside])
    description = f"Built on {named}."
    include = any(one.include_anonymous for one in inside)
    return Start("", description, region_condition(inside, outside), include)


def _segment(request: MemberRequest, text: str) -> Segment:
    return segments.require_active(request.workspace, key_of(text))


def key_of(text: str) -> UUID:
    """What is no id stands for no segment."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def region_condition(inside: Sequence[Segment], outside: Sequence[Segment]) -> dict[str, Any]:
    members = [{"type": "segment", "segment": str(one.pk)} for one in inside]
    strangers = [{"type": "not", "child": {"type": "segment", "segment": str(one.pk)}} for one in outside]
    return {"type": "and", "children": [*members, *strangers]}


def region_name(inside: list[str], outside: list[str]) -> str:
    members, strangers = " + ".join(inside), " + ".join(outside)
    return f"{members}, not {strangers}" if strangers else members


def _rfm(request: MemberRequest) -> Start:
    found = chosen(*(request.GET.get(name, "") for name in ("rfm_group", "rfm_r", "rfm_f")))
    return Start(segments.free_name(request.workspace, found.name), "", found.condition, include_anonymous=True)


def _funnel(request: MemberRequest) -> Start:
    funnel = funnels.get(request.workspace, key_of(request.GET["funnel"]))
    definition = funnels.definition_of(funnel, request.workspace)
    question, whom = asked_people(request, definition)
    assert question.period is not None
    definition = definition if question.window is None else replace(definition, window=question.window)
    days = (question.period.last_day - question.period.first_day).days + 1
    condition = condition_of_people(definition, whom, days)
    if condition is None:
        raise Missing("A condition cannot say who these people are. Make a list of them instead.")
    title = funnel_words.people_title(definition, whom, question)
    if question.segment is not None:
        condition = {"type": "and", "children": [{"type": "segment", "segment": str(question.segment)}, condition]}
    name = segments.free_name(request.workspace, f"{funnel.name}: {title}")
    return Start(name, f"From the funnel “{funnel.name}”.", condition, include_anonymous=True)


# The question of a funnel may be limited to a segment: it is looked for first.
_STARTS = {"funnel": _funnel, "template": _template, "segment": _segments, "rfm_group": _rfm, "rfm_r": _rfm}
