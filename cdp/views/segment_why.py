"""/dashboard/cdp/segments/<id>/why: why a profile is in a segment, or is not, and when it was."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cdp.models import Profile, Segment
from cdp.queries import profiles, segment_stays, segment_uses, segment_words
from cdp.queries import segments as queries
from cdp.queries.segment_why import Why, explain
from stratum.lib.refusal import Invalid, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

PAGE = "cdp/segments/why.html"


@require_safe
@access.page("view")
def segment_why(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    """`?profile=` is a number, an e-mail address or another identifier."""
    segment = queries.get(request.workspace, segment_id)
    words = request.GET.get("profile", "").strip()
    context: dict[str, object] = {"segment": segment, "words": words}
    if not words:
        return render(request, PAGE, context)
    found = segment_words.resolve(request.workspace, words).profiles[:1]
    if not found:
        context["trouble"] = f"Nobody in this workspace is “{words[:100]}”."
        return render(request, PAGE, context, status=404)
    return render(request, PAGE, context | _told(request, segment, profiles.get(request.workspace, found[0])))


def _told(request: MemberRequest, segment: Segment, profile: Profile) -> dict[str, object]:
    stays = segment_stays.stays(segment, profile)
    is_member = any(one.exited_at is None for one in stays)
    return {
        "profile": profiles.card(request.workspace, profile, now=request.now),
        "stays": stays,
        "is_member": is_member,
        "why": None if segment.is_static else _why(request, segment, profile),
    }


def _why(request: MemberRequest, segment: Segment, profile: Profile) -> Why | str:
    """A sentence where the condition cannot be asked at present."""
    try:
        condition = segment_uses.condition_of(segment, request.workspace.time_zone)
        segment_uses.require_known(request.workspace, condition, segment)
        return explain(
            request.workspace,
            condition,
            segment.condition,
            profile.pk,
            include_anonymous=segment.include_anonymous,
            now=request.now,
        )
    except Invalid as refused:
        return refused.faults[0].detail
    except Refusal as refused:
        return refused.sentence


urlpatterns = [route("dashboard/cdp/segments/<uuid:segment_id>/why", segment_why, "segment_why")]
