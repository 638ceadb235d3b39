"""/dashboard/cdp/events: the live debugger, one message in full, and the alias table."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from cdp.models import Event
from cdp.queries import events as queries
from cdp.queries import profiles, retention
from cdp.queries.events import Arrival, Outcome
from cdp.services import aliases
from cdp.services.profiles import void_events
from cdp.views import event_words as words
from stratum.lib import tags
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.conditional import unless_overtaken
from stratum.workspaces.views.snippets import snippets

TABS: tuple[tuple[Outcome, str], ...] = (("all", "All"), ("accepted", "Accepted"), ("rejected", "Rejected"))
LONGEST_REASON = 500
EMPTY_ROWS = 3  # to fill in where there is no script to add more


@dataclass(frozen=True, slots=True)
class Asked:
    """What the debugger shows, as its address says it."""

    outcome: Outcome
    part: str
    live: bool

    @classmethod
    def of(cls, query: QueryDict) -> "Asked":
        given = query.get("outcome", "all")
        outcome: Outcome = next((known for known in get_args(Outcome) if known == given), "all")
        return cls(outcome, query.get("name", "").strip()[:200], query.getlist("live")[-1:] != ["0"])

    def query(self, **changed: str | int) -> str:
        said: dict[str, str | int] = {"outcome": self.outcome, "name": self.part, "live": int(self.live), **changed}
        unsaid: dict[str, str | int] = {"outcome": "all", "name": "", "live": 1}
        return urlencode({name: value for name, value in said.items() if value != unsaid.get(name)})


@dataclass(frozen=True, slots=True)
class Row:
    """An arrival with the words for it."""

    arrival: Arrival
    kind: str = ""
    person: str = ""
    summary: str = ""
    flags: list[words.Flag] = field(default_factory=list)


@require_safe
@access.page("view")
def event_list(request: MemberRequest) -> HttpResponse:
    asked = Asked.of(request.GET)
    found = queries.arrivals(request.workspace, outcome=asked.outcome, part=asked.part)
    digest = _digest(found)
    if request.htmx and request.GET.get("seen") == digest:
        return HttpResponse(status=204)
    context = {"asked": asked, "rows": _rows(request, found), "poll": asked.query(live=1, seen=digest)}
    if request.htmx:
        return render(request, "cdp/events/list.html#arrivals", context)
    tabs = [
        {"label": label, "url": f"?{asked.query(outcome=outcome)}", "active": outcome == asked.outcome}
        for outcome, label in TABS
    ]
    context["retention"] = retention.announced(request.workspace, now=request.now)
    context |= {"tabs": tabs, "nothing_yet": not found and not queries.has_any(request.workspace)}
    if context["nothing_yet"]:
        context["snippet"] = snippets(settings.BASE_URL, "YOUR_WRITE_KEY")[-1]
        context["may_manage"] = request.actor.may("manage")
    return render(request, "cdp/events/list.html", context)


def _rows(request: MemberRequest, found: Iterable[Arrival]) -> list[Row]:
    found = list(found)
    people = profiles.names(request.workspace, [arrival.event.profile_id for arrival in found if arrival.event])
    return [
        Row(
            arrival,
            words.kind(arrival.event),
            people.get(arrival.event.profile_id, ""),
            words.summary(arrival.event.properties),
            words.flags(arrival.event),
        )
        if arrival.event
        else Row(arrival)
        for arrival in found
    ]


def _digest(found: Iterable[Arrival]) -> str:
    """Equal for the same arrivals, so that a live page changes only when something came in."""
    keys = " ".join(arrival.key for arrival in found)
    return hashlib.sha256(keys.encode()).hexdigest()[:16]


@require_safe
@access.page("view")
def event_detail(request: MemberRequest, event_id: int) -> HttpResponse:
    event = queries.get(request.workspace, event_id)
    context = {
        "event": event,
        "kind": words.kind(event),
        "person": profiles.names(request.workspace, [event.profile_id]).get(event.profile_id, ""),
        "blocks": words.event_blocks(event),
        "flags": words.flags(event),
        "void": queries.void_of(event),
        "may_build": request.actor.may("build"),
    }
    return render(request, "cdp/events/detail.html#whole" if request.htmx else "cdp/events/detail.html", context)


@require_safe
@access.page("view")
def rejected_detail(request: MemberRequest, item_id: int) -> HttpResponse:
    item = queries.get_rejected(request.workspace, item_id)
    context = {"item": item, "blocks": words.rejected_blocks(item)}
    return render(request, "cdp/events/rejected.html#whole" if request.htmx else "cdp/events/rejected.html", context)


@require_POST
@access.page("build")
def event_void(request: MemberRequest, event_id: int) -> HttpResponse:
    event: Event = queries.get(request.workspace, event_id)
    reason = request.POST.get("reason", "").strip().replace("\0", "")[:LONGEST_REASON]
    void_events(
        workspace=request.workspace, message_ids=[event.message_id], reason=reason, by=request.actor, now=request.now
    )
    messages.success(request, "The event is voided: no question counts it any more.")
    return redirect("event_detail", event.pk)


# The alias table


@dataclass(slots=True)
class AliasRow:
    """A line as typed, with what is wrong with it."""

    original: str = ""
    name: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@require_safe
@access.page("view")
def event_aliases(request: MemberRequest) -> HttpResponse:
    rows = [AliasRow(alias.original, alias.name) for alias in queries.alias_table(request.workspace).own]
    return _aliases_page(request, rows)


@require_POST
@access.page("build")
def event_aliases_save(request: MemberRequest) -> HttpResponse:
    rows = _typed_rows(request.POST)
    try:
        lines = [(row.original, row.name) for row in rows]
        with unless_overtaken(request.workspace, request.POST.get("seen", ""), lambda: _told(request)):
            aliases.replace(workspace=request.workspace, by=request.actor, lines=lines)
    except Refusal as refused:
        return _aliases_page(request, rows, refused)
    messages.success(request, "The alias table is saved. It holds for events that arrive from now on.")
    return redirect("event_aliases")


def _told(request: MemberRequest) -> Mapping[str, Any]:
    """The lines as they stand now."""
    return {"lines": [[alias.original, alias.name] for alias in queries.alias_table(request.workspace).own]}


def _typed_rows(posted: QueryDict) -> list[AliasRow]:
    """`alias-0-original`, `alias-0-name`, `alias-1-…`; rows left empty are none."""
    rows = []
    for index in range(aliases.MOST_LINES + EMPTY_ROWS + 1):
        original, name = posted.get(f"alias-{index}-original"), posted.get(f"alias-{index}-name")
        if original is None and name is None:
            break
        rows.append(AliasRow((original or "").strip(), (name or "").strip()))
    return [row for row in rows if row.original or row.name]


def _aliases_page(request: MemberRequest, rows: list[AliasRow], refused: Refusal | None = None) -> HttpResponse:
    errors = [refused.sentence] if refused and not refused.faults else []
    for fault in refused.faults if refused else ():
        _, _, *place = fault.pointer.split("/")
        if len(place) == 2:
            rows[int(place[0])].errors[place[1]] = fault.detail
        else:
            errors.append(fault.detail)
    may_build = request.actor.may("build")
    context = {
        "table": queries.alias_table(request.workspace),
        "rows": [*rows, *(AliasRow() for _ in range(EMPTY_ROWS))] if may_build else rows,
        "errors": errors,
        "may_build": may_build,
        "most": aliases.MOST_LINES,
        "seen": request.POST.get("seen") or tags.of_content(_told(request)),
        "dirty": refused is not None,
    }
    return render(request, "cdp/events/aliases.html", context, status=422 if refused else 200)


urlpatterns = [
    route("dashboard/cdp/events", event_list, "event_list"),
    route("dashboard/cdp/events/aliases", event_aliases, "event_aliases"),
    route("dashboard/cdp/events/aliases/save", event_aliases_save, "event_aliases_save"),
    route("dashboard/cdp/events/<int:event_id>", event_detail, "event_detail"),
    route("dashboard/cdp/events/<int:event_id>/void", event_void, "event_void"),
    route("dashboard/cdp/events/rejected/<int:item_id>", rejected_detail, "rejected_detail"),
]
