"""/dashboard/settings/integrations/crm: connect Pipedrive step by step, and change every step later."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdp.queries import segments
from cdp.queries.funnels import seen_events
from cdp.queries.segment_members import sizes
from integrations.forms import pipedrive as forms
from integrations.models import PipedriveConnection, PipedriveField
from integrations.pipedrive.choices import read_choices
from integrations.pipedrive.fields import DIRECTION_WORDS, STANDARD, label_of
from integrations.queries import pipedrive as queries
from integrations.queries import pipedrive_sources
from integrations.services.pipedrive import connecting, previews, runs
from integrations.views import pipedrive_words as words
from integrations.views.pipedrive_rows import RowLine, row_lines
from stratum.lib import tags
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.workspaces import access, limits, plans
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.conditional import unless_overtaken

MOST_EVENTS = 30  # offered by name; every other can be typed
# What every account has; an account's own are added when Pipedrive answers.
ACTIVITY_TYPES = [
    ("task", "Task"),
    ("call", "Call"),
    ("meeting", "Meeting"),
    ("email", "Email"),
    ("deadline", "Deadline"),
]
EMPTY_RATE = ("", "")
SCHEDULE = "integrations/pipedrive/setup/schedule.html"


@dataclass(frozen=True, slots=True)
class Step:
    label: str
    url: str
    active: bool
    done: bool


@dataclass(frozen=True, slots=True)
class EventChoice:
    name: str
    count: int | None
    chosen: bool
    type: str


@dataclass(frozen=True, slots=True)
class SegmentChoice:
    pk: UUID
    name: str
    size: int

    @property
    def key(self) -> str:
        return str(self.pk)


@dataclass(frozen=True, slots=True)
class MappedLine:
    label: str
    remote_name: str
    is_custom: bool
    direction_words: str
    rule_words: str
    problem: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen to ten records, once somebody `asked`."""

    rows: tuple[RowLine, ...] = ()
    asked: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    value: str
    label: str
    sentence: str
    mark: str = ""
    tone: str = "neutral"
    icon: str = "info-circle"
    locked: bool = False


STEPS = (
    ("Connect", "settings_crm_connect"),
    ("Data to sync", "settings_crm_data"),
    ("Field mapping", "settings_crm_mapping"),
    ("Schedule and preview", "settings_crm_schedule"),
)


def steps(connection: PipedriveConnection | None, here: str) -> list[Step]:
    """The steps before the first sync; none afterwards, when each is a page of the settings."""
    if connection is not None and queries.has_begun(connection):
        return []
    place = [name for _, name in STEPS].index(here)
    return [
        Step(label, reverse(name) if connection is not None else "", name == here, index < place)
        for index, (label, name) in enumerate(STEPS)
    ]


@require_safe
@access.page("view")
def settings_crm(request: MemberRequest) -> HttpResponse:
    queries.require_readable(request.workspace)
    connection = queries.connection_of(request.workspace)
    if connection is None or connection.state == PipedriveConnection.State.DISCONNECTED:
        return _intro(request, connection)
    ahead = steps(connection, "settings_crm_data")
    labels = {source.local: source.label for source in pipedrive_sources.sources(request.workspace)}
    context = {
        "connection": connection,
        "mark": words.STATES[connection.state],
        "objects": words.object_rows(connection),
        "lines": [_shown_line(line, labels) for line in queries.fields(connection)],
        "may_connect": request.actor.may("connect"),
        "next_step": ahead[1] if ahead and request.actor.may("connect") else None,
    }
    return render(request, "integrations/pipedrive/setup/overview.html", context)


def _shown_line(line: PipedriveField, labels: dict[str, str]) -> MappedLine:
    return MappedLine(
        labels.get(line.local) or label_of(line.local),
        line.remote_name,
        line.code not in STANDARD,
        words.direction_words(line.direction),
        words.rule_words(line.rule),
        line.problem,
    )


def _intro(request: MemberRequest, connection: PipedriveConnection | None) -> HttpResponse:
    context: dict[str, Any] = {
        "connection": connection,
        "objects": words.OBJECTS,
        "usage": limits.usage(request.workspace, queries.METER),
        "may_connect": request.actor.may("connect"),
    }
    if connection is not None:
        company = connection.company_name or connection.company_domain
        context["was_connected"] = (
            f"This workspace was connected to {company}. Its links are kept, so that the same company can be connected "
            "again without a duplicate. To connect another one, forget them first."
        )
    return render(request, "integrations/pipedrive/setup/intro.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@access.page("connect")
def settings_crm_connect(request: MemberRequest) -> HttpResponse:
    """A token is never shown again, not even in a form that was refused."""
    limits.require_feature(request.workspace, queries.FEATURE)
    connection = queries.connection_of(request.workspace)
    replaces = connection is not None and connection.state != PipedriveConnection.State.DISCONNECTED
    errors: dict[str, str] = {}
    if request.method == "POST":
        token = request.POST.get("api_token", "")
        try:
            made = connecting.connect(workspace=request.workspace, by=request.actor, api_token=token, now=request.now)
        except Refusal as refused:
            errors = faults(refused)
        else:
            messages.success(
                request, f"Connected to {made.company} as {made.user}; the token ends in {made.token_hint}."
            )
            begun = queries.has_begun(made.connection)
            return redirect("settings_crm" if begun or replaces else "settings_crm_data")
    context = {
        "replaces": replaces,
        "steps": steps(None, "settings_crm_connect"),
        "company": connection and (connection.company_name or connection.company_domain),
        "token_hint": connection.token_hint if connection and replaces else "",
        "errors": errors,
    }
    return render(request, "integrations/pipedrive/setup/connect.html", context, status=422 if errors else 200)


# What and in which direction


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("connect")
def settings_crm_data(request: MemberRequest) -> HttpResponse:
    connection = queries.require(request.workspace)
    if request.method != "POST":
        return _data(request, connection, _stored(connection), {})
    body = forms.data_body(request.POST)
    try:
        with unless_overtaken(request.workspace, request.POST.get("seen", ""), lambda: _stored(_again(request))):
            connecting.update_settings(
                workspace=request.workspace, by=request.actor, now=request.now, **read_choices(body)
            )
    except Refusal as refused:
        return _data(request, connection, body, faults(refused))
    messages.success(request, "Saved.")
    return redirect("settings_crm" if queries.has_begun(connection) else "settings_crm_mapping")


def _again(request: MemberRequest) -> PipedriveConnection:
    """As it stands by now."""
    return queries.require(request.workspace)


def _stored(connection: PipedriveConnection) -> dict[str, Any]:
    """The settings in the shape of the form's body."""
    return {
        "objects": connection.objects_synced,
        "direction": connection.direction,
        "segment": str(connection.segment_id) if connection.segment_id else None,
        "activities": connection.activity_events,
        "activity_cap": connection.activity_cap,
        "labels": [str(label.segment_id) for label in queries.labels(connection)],
        "deal_event": connection.deal_event,
        "counts_archived": connection.counts_archived,
        "rates": connection.rates,
    }


def _data(
    request: MemberRequest, connection: PipedriveConnection, typed: dict[str, Any], errors: dict[str, str]
) -> HttpResponse:
    context = {
        "connection": connection,
        "steps": steps(connection, "settings_crm_data"),
        "objects": words.OBJECTS,
        "directions": DIRECTION_WORDS.items(),
        "typed": typed | {"rate_rows": [*typed["rates"].items(), EMPTY_RATE, EMPTY_RATE]},
        "events": _events(request, typed["activities"]),
        "activity_types": _activity_types(request, typed["activities"]),
        "types_read_at": queries.require(request.workspace).activity_types_at,
        "segments": _segments(request),
        "seen": request.POST.get("seen") or tags.of_content(_stored(connection)),
        "errors": errors,
    }
    return render(request, "integrations/pipedrive/setup/data.html", context, status=422 if errors else 200)


def _events(request: MemberRequest, chosen: list[dict[str, str]]) -> list[EventChoice]:
    """Those chosen first, then what came most in the last 30 days."""
    types = {one["event"]: one["type"] for one in chosen}
    counts = {event.name: event.count for event in seen_events(request.workspace, now=request.now)}
    names = [*types, *(name for name in counts if name not in types)][: max(MOST_EVENTS, len(types))]
    return [EventChoice(name, counts.get(name), name in types, types.get(name, "task")) for name in names]


def _activity_types(request: MemberRequest, chosen: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Pipedrive's own as they were read last; where they never were and it does not answer, those that all have."""
    try:
        known = dict(connecting.activity_types(workspace=request.workspace, now=request.now))
    except Refusal:
        known = dict(ACTIVITY_TYPES)
    return [*({one["type"]: one["type"] for one in chosen} | known).items()]


@require_POST
@access.page("connect")
def settings_crm_reload_types(request: MemberRequest) -> HttpResponse:
    try:
        connecting.refresh_activity_types(workspace=request.workspace, now=request.now)
    except Refusal as refused:
        messages.error(request, f"{refused.sentence} The activity types are those of the last time.")
    else:
        messages.success(request, "Pipedrive's activity types were read again.")
    return redirect("settings_crm_data")


def _segments(request: MemberRequest) -> list[SegmentChoice]:
    found = list(segments.kept(request.workspace).order_by("name"))
    known = sizes(request.workspace, found)
    return [SegmentChoice(segment.pk, segment.name, known[segment.pk]) for segment in found]


# When


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("connect")
def settings_crm_schedule(request: MemberRequest) -> HttpResponse:
    connection = queries.require(request.workspace)
    if request.method != "POST":
        return _schedule(request, connection)
    typed = forms.schedule_body(request.POST)
    try:
        with unless_overtaken(request.workspace, request.POST.get("seen", ""), lambda: _timed(_again(request))):
            connecting.update_settings(
                workspace=request.workspace, by=request.actor, now=request.now, **read_choices(typed)
            )
    except Refusal as refused:
        return _schedule(request, connection, typed=typed, errors=faults(refused))
    messages.success(request, "Saved.")
    return redirect("settings_crm" if queries.has_begun(connection) else "settings_crm_schedule")


def _timed(connection: PipedriveConnection) -> dict[str, Any]:
    """The schedule in the shape of the form's body."""
    return {"schedule": connection.schedule, "budget_share": connection.budget_share}


def _schedule(
    request: MemberRequest,
    connection: PipedriveConnection,
    *,
    typed: dict[str, Any] | None = None,
    errors: dict[str, str] | None = None,
    preview: Preview | None = None,
) -> HttpResponse:
    context = {
        "connection": connection,
        "steps": steps(connection, "settings_crm_schedule"),
        "typed": typed or _timed(connection),
        "seen": request.POST.get("seen") or tags.of_content(_timed(connection)),
        "schedules": _schedules(request),
        "preview": preview or Preview(),
        "plan_sentence": _plan_sentence(connection),
        "errors": errors or {},
    }
    return render(request, SCHEDULE, context, status=422 if errors else 200)


def _plan_sentence(connection: PipedriveConnection) -> str:
    """What the first sync sets out to do."""
    company = connection.company_name or connection.company_domain
    frequency = str(connection.get_schedule_display()).lower()
    return f"The first sync compares everybody with {company}; from then on it goes {frequency}."


def _schedules(request: MemberRequest) -> list[Schedule]:
    locked = queries.REALTIME not in plans.of(request.workspace).features
    needed = plans.cheapest_with(queries.REALTIME).name
    mark = f"Premium: part of {needed}" if locked else "Premium"
    return [
        Schedule("realtime", "Real-time", "Instant sync on changes.", mark, "accent", "bolt", locked),
        Schedule("hourly", "Hourly", "Sync every hour."),
        Schedule("daily", "Daily", "Once per day.", "Recommended", "ok", "check"),
    ]


# What the first sync would do


@require_POST
@access.page("connect")
def settings_crm_preview(request: MemberRequest) -> HttpResponse:
    """Ten records, compared at once; nothing is written and nothing kept."""
    try:
        rows = row_lines(request.workspace, previews.preview(workspace=request.workspace, now=request.now))
        preview = Preview(tuple(rows), asked=True)
    except Refusal as refused:
        preview = Preview(error=refused.sentence)
    if request.htmx:
        return render(request, f"{SCHEDULE}#preview", {"preview": preview})
    return _schedule(request, queries.require(request.workspace), preview=preview)


# The connection itself


@require_POST
@access.page("connect")
def settings_crm_start(request: MemberRequest) -> HttpResponse:
    """The first sync: everybody, by way of the list."""
    runs.start_sync(workspace=request.workspace, by=request.actor, now=request.now, mode="full", trigger="first")
    messages.success(request, "The first sync has started.")
    return redirect("pipedrive_status")


@require_POST
@access.page("connect")
def settings_crm_pause(request: MemberRequest) -> HttpResponse:
    connecting.pause(workspace=request.workspace, by=request.actor, now=request.now)
    messages.success(request, "Paused. Changes are collected.", extra_tags=reverse("settings_crm_resume"))
    return redirect("settings_crm")


@require_POST
@access.page("connect")
def settings_crm_resume(request: MemberRequest) -> HttpResponse:
    connecting.resume(workspace=request.workspace, by=request.actor, now=request.now)
    messages.success(request, "Resumed: the next sync starts within a minute.")
    return redirect("settings_crm")


@require_POST
@access.page("connect")
def settings_crm_disconnect(request: MemberRequest) -> HttpResponse:
    connecting.disconnect(workspace=request.workspace, by=request.actor, now=request.now)
    messages.success(request, "Pipedrive is disconnected and its token forgotten.")
    return redirect("settings_crm")


@require_POST
@access.page("connect")
def settings_crm_forget(request: MemberRequest) -> HttpResponse:
    connecting.forget(workspace=request.workspace, by=request.actor, now=request.now)
    messages.success(request, "The links are forgotten. Any company can be connected now.")
    return redirect("settings_crm")


def faults(refused: Refusal) -> dict[str, str]:
    """Each field's first sentence; what belongs to no field is told above them all."""
    told: dict[str, str] = {}
    for fault in refused.faults:
        told.setdefault(fault.pointer.split("/")[1] if "/" in fault.pointer else "form", fault.detail)
    return told or {"form": refused.sentence}


HERE = "dashboard/settings/integrations/crm"
urlpatterns = [
    route(HERE, settings_crm, "settings_crm"),
    route(f"{HERE}/connect", settings_crm_connect, "settings_crm_connect"),
    route(f"{HERE}/data", settings_crm_data, "settings_crm_data"),
    route(f"{HERE}/activity-types/reload", settings_crm_reload_types, "settings_crm_reload_types"),
    route(f"{HERE}/schedule", settings_crm_schedule, "settings_crm_schedule"),
    route(f"{HERE}/preview", settings_crm_preview, "settings_crm_preview"),
    route(f"{HERE}/start", settings_crm_start, "settings_crm_start"),
    route(f"{HERE}/pause", settings_crm_pause, "settings_crm_pause"),
    route(f"{HERE}/resume", settings_crm_resume, "settings_crm_resume"),
    route(f"{HERE}/disconnect", settings_crm_disconnect, "settings_crm_disconnect"),
    route(f"{HERE}/forget", settings_crm_forget, "settings_crm_forget"),
]
