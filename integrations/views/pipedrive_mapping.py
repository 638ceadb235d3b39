"""/dashboard/settings/integrations/crm/mapping: which field meets which, checked while it is chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from integrations.forms import pipedrive as forms
from integrations.models import PipedriveConnection
from integrations.pipedrive import fields
from integrations.pipedrive.drafts import Remote, read_mapping
from integrations.pipedrive.fields import DIRECTION_WORDS, RULE_WORDS, TYPES
from integrations.queries import pipedrive as queries
from integrations.queries import pipedrive_sources
from integrations.queries.pipedrive_sources import GROUPS, Source
from integrations.services.pipedrive import mapping
from integrations.views.pipedrive_setup import faults, steps
from stratum.lib import tags
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.conditional import unless_overtaken

Row = Mapping[str, Any]
BLANK: Row = {"local": "", "code": "", "direction": "to_pipedrive", "rule": "stratum_wins"}
PAGE = "integrations/pipedrive/setup/mapping.html"


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the form with what is to be said about it."""

    local: str
    code: str
    direction: str
    rule: str
    directions: Sequence[tuple[str, str]]
    remote_name: str
    local_gone: bool
    remote_gone: bool
    error: str
    warning: str
    problem: str


@dataclass(frozen=True, slots=True)
class Option:
    label: str
    local: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    local: str
    local_label: str
    remote_name: str
    type_word: str


@dataclass(frozen=True, slots=True)
class Known:
    """What both sides have to offer."""

    sources: Mapping[str, Source]
    remotes: Mapping[str, Remote]
    problems: Mapping[tuple[str, str], tuple[str, str]]  # by pair: the name it had, what ails it


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("connect")
def settings_crm_mapping(request: MemberRequest) -> HttpResponse:
    connection = queries.require(request.workspace)
    if request.method != "POST":
        return _page(request, *_loaded(request, connection))
    body, asked = forms.mapping_body(request.POST), request.POST.get("do", "save")
    known = _known(request, connection)
    if asked == "save":
        return _save(request, connection, body, known)
    rows, said = _changed(body["fields"], asked, known)
    errors = {} if asked == "add" else _faults({"fields": rows}, known)
    return _form(request, connection, rows, known, errors, said=said, dirty=True)


def _loaded(request: MemberRequest, connection: PipedriveConnection) -> tuple[PipedriveConnection, str]:
    """With Pipedrive's fields as they were read last: looking at the page costs no tokens."""
    if connection.remote_fields_at is not None:
        return connection, ""
    try:
        return mapping.refresh_fields(workspace=request.workspace, now=request.now), ""
    except Refusal as refused:
        return connection, f"{refused.sentence} Its custom fields are missing below."


def _page(request: MemberRequest, connection: PipedriveConnection, trouble: str) -> HttpResponse:
    rows = [_row(line) for line in queries.fields(connection)]
    errors = {"form": trouble} if trouble else {}
    return _form(request, connection, rows, _known(request, connection), errors)


def _told(connection: PipedriveConnection) -> Mapping[str, Any]:
    """The lines as they stand now."""
    return {"fields": [_row(line) for line in queries.fields(connection)]}


def _row(line: Any) -> Row:
    return {"local": line.local, "code": line.code, "direction": line.direction, "rule": line.rule}


def _known(request: MemberRequest, connection: PipedriveConnection) -> Known:
    stored = {(line.local, line.code): (line.remote_name, line.problem) for line in queries.fields(connection)}
    return Known(pipedrive_sources.by_name(request.workspace), mapping.remotes(connection), stored)


def _save(request: MemberRequest, connection: PipedriveConnection, body: dict[str, Any], known: Known) -> HttpResponse:
    try:
        lines = read_mapping(body, {name: source.kind for name, source in known.sources.items()}, known.remotes)
        with unless_overtaken(request.workspace, request.POST.get("seen", ""), lambda: _told(connection)):
            mapping.put(workspace=request.workspace, by=request.actor, lines=lines, now=request.now)
    except Refusal as refused:
        errors = {fault.pointer: fault.detail for fault in refused.faults} or {"form": refused.sentence}
        return _form(request, connection, body["fields"], known, errors, dirty=True, status=422)
    messages.success(request, "The mapping is saved. Everybody is compared with it at the next sync.")
    return redirect("settings_crm" if queries.has_begun(connection) else "settings_crm_schedule")


def _changed(rows: list[Row], asked: str, known: Known) -> tuple[list[Row], str]:
    """The lines after the button was pressed, and what is said about it."""
    if asked == "add":
        return [*rows, BLANK], f"Line {len(rows) + 1} added."
    if asked == "suggest":
        added = _suggested(rows, known)
        return [*rows, *added], f"{len(added)} line{'' if len(added) == 1 else 's'} suggested."
    place = asked.removeprefix("remove-")
    if place.isdecimal() and int(place) < len(rows):
        return [row for index, row in enumerate(rows) if index != int(place)], f"Line {int(place) + 1} removed."
    return rows, ""


def _suggested(rows: Sequence[Row], known: Known) -> list[Row]:
    """What the default mapping has and these lines have not, as far as both fields are there."""
    locals_, codes = {row["local"] for row in rows}, {row["code"] for row in rows}
    found: list[Row] = []
    for each in fields.DEFAULTS:
        remote = mapping.found_for(each, dict(known.remotes))
        if each.local in known.sources and remote and each.local not in locals_ and remote.code not in codes:
            found.append({"local": each.local, "code": remote.code, "direction": each.direction, "rule": each.rule})
    return found


def _faults(body: dict[str, Any], known: Known) -> dict[str, str]:
    try:
        read_mapping(body, {name: source.kind for name, source in known.sources.items()}, known.remotes)
    except Refusal as refused:
        return {fault.pointer: fault.detail for fault in refused.faults}
    return {}


def _form(
    request: MemberRequest,
    connection: PipedriveConnection,
    rows: Sequence[Row],
    known: Known,
    errors: Mapping[str, str],
    *,
    said: str = "",
    dirty: bool = False,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "lines": [_shown(row, place, known, errors) for place, row in enumerate(rows)],
        "local_groups": _local_groups(known),
        "remote_groups": _remote_groups(known),
        "rules": RULE_WORDS.items(),
        "errors": {"form": errors["form"]} if "form" in errors else {},
        "said": said,
        "dirty": dirty,
        "seen": request.POST.get("seen") or tags.of_content(_told(connection)),
    }
    if request.htmx:
        return render(request, f"{PAGE}#lines", context, status=status)
    context |= {"steps": steps(connection, "settings_crm_mapping"), "missing": _missing(connection, known)}
    context["read_at"] = connection.remote_fields_at
    context["creatable"] = _creatable(rows, known)
    return render(request, PAGE, context, status=status)


def _shown(row: Row, place: int, known: Known, errors: Mapping[str, str]) -> Shown:
    local, code = row["local"], row["code"]
    name, problem = known.problems.get((local, code), (code, ""))
    remote = known.remotes.get(code)
    error = forms.line_errors(errors, place)
    source = known.sources.get(local)
    warning = "" if error or not (source and remote) else fields.fit(source.kind, remote.type, code=code).sentence
    allowed = fields.directions(local, code=code) if local else fields.DIRECTIONS
    chosen = row["direction"] if row["direction"] in fields.DIRECTIONS else "to_pipedrive"
    return Shown(
        local,
        code,
        chosen,
        row["rule"],
        [(value, DIRECTION_WORDS[value]) for value in fields.DIRECTIONS if value in allowed or value == chosen],
        remote.name if remote else name,
        bool(local) and source is None,
        bool(code) and remote is None,
        error,
        warning,
        problem if not error else "",
    )


def _local_groups(known: Known) -> list[tuple[str, list[Option]]]:
    return [
        (title, [Option(_name(source), local=source.local) for source in known.sources.values() if source.group == key])
        for key, title in GROUPS.items()
        if any(source.group == key for source in known.sources.values())
    ]


def _name(source: Source) -> str:
    """With the technical name where the label does not tell it."""
    plain = source.local.rpartition(".")[2]
    return source.label if source.label.lower().replace(" ", "_") == plain else f"{source.label} ({plain})"


def _remote_groups(known: Known) -> list[tuple[str, list[Option]]]:
    standard = [Option(one.name, code=one.code) for one in known.remotes.values() if not one.is_custom]
    custom = [
        Option(f"{one.name} ({TYPES.get(one.type, one.type)})", code=one.code)
        for one in sorted(known.remotes.values(), key=lambda one: one.name.lower())
        if one.is_custom
    ]
    return [(title, options) for title, options in (("Standard", standard), ("Custom", custom)) if options]


def _missing(connection: PipedriveConnection, known: Known) -> list[Missing]:
    return [
        Missing(each.local, _label(each.local, known), each.remote_name, TYPES[each.remote_type])
        for each in mapping.missing(connection)
    ]


def _label(local: str, known: Known) -> str:
    return known.sources[local].label if local in known.sources else fields.label_of(local)


def _creatable(rows: Sequence[Row], known: Known) -> list[Option]:
    """Traits and attributes that meet no field yet."""
    mapped = {row["local"] for row in rows} | {each.local for each in fields.DEFAULTS}
    return [
        Option(_name(source), local=source.local)
        for source in known.sources.values()
        if source.group != "own" and source.local not in mapped
    ]


@require_POST
@access.page("connect")
def settings_crm_fields(request: MemberRequest) -> HttpResponse:
    """Create custom fields in Pipedrive and map them."""
    try:
        made = mapping.create_fields(
            workspace=request.workspace, by=request.actor, wanted=request.POST.getlist("create"), now=request.now
        )
    except Refusal as refused:
        messages.error(request, " ".join(faults(refused).values()))
    else:
        told = ", ".join(f"“{name}”" for name in made)
        messages.success(request, f"Created in Pipedrive: {told}." if made else "Nothing was missing.")
    return redirect("settings_crm_mapping")


@require_POST
@access.page("connect")
def settings_crm_reload_fields(request: MemberRequest) -> HttpResponse:
    try:
        mapping.refresh_fields(workspace=request.workspace, now=request.now)
    except Refusal as refused:
        messages.error(request, f"{refused.sentence} The fields are those of the last time.")
    else:
        messages.success(request, "Pipedrive's fields were read again.")
    return redirect("settings_crm_mapping")


HERE = "dashboard/settings/integrations/crm"
urlpatterns = [
    route(f"{HERE}/mapping", settings_crm_mapping, "settings_crm_mapping"),
    route(f"{HERE}/fields", settings_crm_fields, "settings_crm_fields"),
    route(f"{HERE}/fields/reload", settings_crm_reload_fields, "settings_crm_reload_fields"),
]
