"""/dashboard/cdp/profiles: find somebody, see who they are and what they did, split, erase."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdp.models import Change, Event, Profile
from cdp.queries import profiles as queries
from cdp.queries import segments, subject
from cdp.queries.profiles import ProfileCard, TimelineItem
from cdp.services import profiles as services
from cdp.views import event_words as words
from cdp.views.profile_traits import trait_lines
from stratum.lib import clock
from stratum.lib.refusal import Fault, Invalid, Missing
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access, registry
from stratum.workspaces.access import MemberRequest

PER_PAGE = 25
TIMELINE_ITEMS = 30
LONGEST_SEARCH = 255
EXPORT_CHUNK = 1_000

COLUMNS = ("profile", "name", "user_id", "email", "phone", "lifecycle_stage", "events", "first_seen", "last_seen")
POSITION = re.compile(r"(-?\d{1,18})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """An event of the timeline. `day` is set on the first one of each day."""

    event: Event
    is_voided: bool
    kind: str
    summary: str
    day: date | None


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged profile that can be split off again."""

    id: int
    profile_id: int | None
    at: datetime
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """`facts` is what the card's room computed; its `template` knows the shape."""

    name: str
    title: str
    template: str
    facts: object


@require_safe
@access.page("view")
def profile_list(request: MemberRequest) -> HttpResponse:
    search = _search(request)
    keys = queries.listed(request.workspace, search, now=request.now)
    page = Paginator(range(len(keys)), PER_PAGE).get_page(request.GET.get("page"))
    start = (page.number - 1) * PER_PAGE
    context = {
        "page": page,
        "search": search,
        "profiles": queries.shown(request.workspace, keys[start : start + PER_PAGE], now=request.now),
        "capped": page.paginator.count == queries.MOST_FOUND and search,
        "export_query": urlencode({"q": search} if search else {}),
        "may_export": request.actor.may("export"),
    }
    return render(request, "cdp/profiles/list.html#rows" if request.htmx else "cdp/profiles/list.html", context)


@require_safe
@access.page("export")
def profile_csv(request: MemberRequest) -> StreamingHttpResponse:
    keys = queries.listed(request.workspace, _search(request), now=request.now)
    response = StreamingHttpResponse(csv_lines(_sheet(request, keys)), content_type="text/csv; charset=utf-8")
    day = request.now.astimezone(ZoneInfo(request.workspace.time_zone)).date()
    response["Content-Disposition"] = f'attachment; filename="profiles-{day}.csv"'
    return response


@require_safe
@access.page("view")
def profile_detail(request: MemberRequest, profile_id: int) -> HttpResponse:
    profile = queries.get(request.workspace, profile_id)
    if profile.pk != profile_id:
        return redirect("profile_detail", profile.pk)
    context = {"profile": profile} | _timeline(request, profile)
    if request.htmx:
        return render(request, "cdp/profiles/detail.html#timeline", context)
    return render(request, "cdp/profiles/detail.html", context | _identity(request, profile))


@require_POST
@access.page("build")
def profile_split(request: MemberRequest, profile_id: int) -> HttpResponse:
    profile = queries.get(request.workspace, profile_id)
    chosen = request.POST.get("merge", "")
    if chosen not in {str(merge.pk) for merge in queries.merges(profile)}:
        raise Missing("This merge is not one of the profile's any more. Load the page again.")
    loser = services.split(workspace=request.workspace, merge_id=int(chosen), by=request.actor, now=request.now)
    messages.success(request, f"Split: profile {loser.pk} stands on its own again.")
    return redirect("profile_detail", profile.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("manage")
def profile_erase(request: MemberRequest, profile_id: int) -> HttpResponse:
    """Erasing cannot be undone, so the profile's number has to be typed."""
    profile = queries.get(request.workspace, profile_id)
    typed = request.POST.get("number", "").strip()
    if typed == str(profile.pk):
        services.erase(workspace=request.workspace, profile=profile, by=request.actor, now=request.now)
        messages.success(request, f"Profile {profile.pk} is erased. The audit log has an entry that proves it.")
        return redirect("profile_list")
    context: dict[str, Any] = {"card": queries.card(request.workspace, profile, now=request.now), "typed": typed}
    if request.method == "POST":
        context["error"] = f"Type {profile.pk} to erase this profile."
    return render(request, "cdp/profiles/erase.html", context, status=422 if "error" in context else 200)


@require_safe
@access.page("export")
def profile_export(request: MemberRequest, profile_id: int) -> StreamingHttpResponse:
    """Everything that is stored about somebody, for who asks what that is."""
    profile = queries.get(request.workspace, profile_id)
    document = subject.document(request.workspace, profile, now=request.now)
    response = StreamingHttpResponse(document, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="profile-{profile.pk}.json"'
    return response


def _search(request: MemberRequest) -> str:
    return request.GET.get("q", "").strip()[:LONGEST_SEARCH]


# Who somebody is


def _identity(request: MemberRequest, profile: Profile) -> dict[str, object]:
    card = queries.card(request.workspace, profile, now=request.now)
    return {
        "card": card,
        "identifiers": [(_kind_words(kind), values) for kind, values in card.identifiers.items()],
        "attributes": [(name, _attribute(value)) for name, value in sorted(card.attributes.items())],
        "merges": [_merge(change) for change in queries.merges(profile)],
        "memberships": segments.memberships(profile),
        **trait_lines(request, profile),
        "cards": list(_cards(request, profile)),
        "may_build": request.actor.may("build"),
        "may_export": request.actor.may("export"),
        "may_manage": request.actor.may("manage"),
    }


def _cards(request: MemberRequest, profile: Profile) -> Iterator[Card]:
    """What rooms upstairs know of the person."""
    for card in sorted(registry.profile_cards.values(), key=lambda card: (card.order, card.name)):
        facts = card.facts(request.workspace, profile.pk, request.now)
        if facts is not None:
            yield Card(card.name, card.title, card.template, facts)


def _kind_words(kind: str) -> str:
    external = kind.removeprefix("external:")
    named = {"user_id": "User id", "email": "E-mail", "phone": "Phone", "anonymous_id": "Anonymous id"}
    return named.get(kind, f"External id ({external})")


def _attribute(value: object) -> str:
    return value if isinstance(value, str) else words.pretty(value)


def _merge(change: Change) -> Merge:
    image = (change.before or {}).get("loser", {})
    identifiers = tuple(value for _, value in image.get("identifiers", []))
    return Merge(change.pk, change.profile_id, change.at, identifiers)


# What they did


def _timeline(request: MemberRequest, profile: Profile) -> dict[str, object]:
    before = _position(request.GET.get("before", ""))
    items, more = queries.timeline(profile, limit=TIMELINE_ITEMS, before=before)
    return {
        "lines": list(_lines(items, ZoneInfo(request.workspace.time_zone), before)),
        "before": before,
        "more": f"{clock.to_micros(more[0])}-{more[1]}" if more else "",
    }


def _lines(items: Sequence[TimelineItem], zone: ZoneInfo, before: tuple[datetime, int] | None) -> Iterator[Line]:
    last = before[0].astimezone(zone).date() if before else None
    for item in items:
        event = item.event
        day = event.ts.astimezone(zone).date()
        yield Line(
            event, item.is_voided, words.kind(event), words.summary(event.properties), day if day != last else None
        )
        last = day


def _position(text: str) -> tuple[datetime, int] | None:
    """Where the timeline goes on; None for its beginning."""
    if not text:
        return None
    if found := POSITION.fullmatch(text):
        with suppress(OverflowError):
            return clock.from_micros(int(found[1])), int(found[2])
    refusal = Invalid([Fault("/before", "The timeline has no such place. Start again from the profile's page.")])
    refusal.status = 400
    raise refusal


# Export


def _sheet(request: MemberRequest, keys: queries.Recent | list[int]) -> Iterator[Sequence[object]]:
    yield COLUMNS
    for start in range(0, len(keys), EXPORT_CHUNK):
        part = keys[start : start + EXPORT_CHUNK]
        for card in queries.shown(request.workspace, part, now=request.now):
            yield _row(card)


def _row(card: ProfileCard) -> Sequence[object]:
    texts = (card.name, card.user_id, card.email, card.phone)
    return card.id, *texts, card.lifecycle_stage, card.facts.events, card.created_at, card.facts.last_seen_at


urlpatterns = [
    route("dashboard/cdp/profiles", profile_list, "profile_list"),
    route("dashboard/cdp/profiles/export", profile_csv, "profile_csv"),
    route("dashboard/cdp/profiles/<int:profile_id>", profile_detail, "profile_detail"),
    route("dashboard/cdp/profiles/<int:profile_id>/export", profile_export, "profile_export"),
    route("dashboard/cdp/profiles/<int:profile_id>/split", profile_split, "profile_split"),
    route("dashboard/cdp/profiles/<int:profile_id>/erase", profile_erase, "profile_erase"),
]
