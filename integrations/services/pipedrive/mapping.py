"""The mapping: which fields meet, and the fields that Pipedrive still lacks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from integrations.models import PipedriveConnection, PipedriveField
from integrations.pipedrive.client import Client
from integrations.pipedrive.drafts import Line, Remote
from integrations.pipedrive.fields import DEFAULTS, STANDARD, Suggestion, fit, suggestion_for
from integrations.pipedrive.shapes import RemoteField
from integrations.queries import pipedrive as queries
from integrations.queries import pipedrive_sources
from integrations.services.pipedrive import gateway, waking
from integrations.services.pipedrive.spending import Halt, Ledger
from stratum.lib.http import Failure, Unreachable
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

STANDARD_TYPES = {"emails": "varchar", "phones": "phone", "label_ids": "set"}


def remotes(connection: PipedriveConnection) -> dict[str, Remote]:
    """Pipedrive's person fields as they were loaded last, the standard ones first."""
    found = {code: Remote(code, one.name, STANDARD_TYPES.get(code, "varchar")) for code, one in STANDARD.items()}
    custom = (one for one in connection.remote_fields if one["is_custom"])
    return found | {one["code"]: Remote(one["code"], one["name"], one["type"]) for one in custom}


def refresh_fields(*, workspace: Workspace, now: datetime) -> PipedriveConnection:
    """Load Pipedrive's person fields again: 10 tokens. Raises a Refusal when it cannot be asked."""
    connection = queries.require(workspace)
    ledger = Ledger(connection, now)
    try:
        load(connection, gateway.client_of(connection, ledger), now=now)
    except (Failure, Halt) as failure:
        raise Refusal("pipedrive_unreachable", failure.sentence) from failure
    finally:
        ledger.flush(now)
    return connection


def load(connection: PipedriveConnection, client: Client, *, now: datetime) -> None:
    """Keep what Pipedrive says of its fields, and say which lines of the mapping do not fit any more."""
    found = client.fields()
    connection.remote_fields = [_kept(one) for one in found]
    connection.remote_fields_at = now
    connection.save(update_fields=["remote_fields", "remote_fields_at"])
    by_code = {one.code: one for one in found}
    for line in connection.fields.all():
        _follow(line, by_code)


def _kept(field: RemoteField) -> dict[str, Any]:
    options = [{"id": option, "label": label} for option, label in field.options]
    return {
        "code": field.code,
        "name": field.name,
        "type": field.type,
        "is_custom": field.is_custom,
        "options": options,
    }


def _follow(line: PipedriveField, by_code: dict[str, RemoteField]) -> None:
    """A renamed field is the same field. One that is gone, or of another type, switches its line off and says so."""
    if line.code in STANDARD:
        return
    remote, problem = by_code.get(line.code), ""
    if remote is None:
        problem = "Pipedrive has no such field any more. Map another one, or create it again."
    elif remote.type != line.remote_type:
        problem = f"Its type in Pipedrive is {remote.type} now, not {line.remote_type}. Check the line and save it."
    if remote is not None:
        line.remote_name = remote.name[:200]
        line.options = [{"id": option, "label": label} for option, label in remote.options]
    if problem or line.problem:
        line.problem, line.enabled = problem, line.enabled if not problem else False
    line.save(update_fields=["remote_name", "options", "problem", "enabled"])


# Writing


@transaction.atomic
def put(*, workspace: Workspace, by: Actor, lines: Sequence[Line], now: datetime) -> list[PipedriveField]:
    """Replace the mapping by these lines, which `drafts.read_mapping` has checked. Everybody is looked at again."""
    connection = queries.require(workspace)
    PipedriveConnection.objects.select_for_update().get(pk=connection.pk)
    known = remotes(connection)
    kept = {(one.local, one.code): one for one in connection.fields.all()}
    wanted = {(line.local, line.code) for line in lines}
    connection.fields.exclude(pk__in=[one.pk for key, one in kept.items() if key in wanted]).delete()
    connection.fields.update(enabled=False)  # so that two lines can swap a code without meeting each other
    for position, line in enumerate(lines):
        _write(connection, kept.get((line.local, line.code)), line, known[line.code], position)
    waking.mapping_changed(connection, now=now)
    return queries.fields(connection)


def _write(
    connection: PipedriveConnection, known: PipedriveField | None, line: Line, remote: Remote, position: int
) -> None:
    row = known or PipedriveField(connection=connection, local=line.local, code=line.code)
    row.remote_name, row.remote_type = remote.name[:200], remote.type
    row.direction, row.rule, row.enabled = line.direction, line.rule, line.enabled
    row.position, row.problem = position, ""
    row.options = options_of(connection, line.code)
    row.save()


def options_of(connection: PipedriveConnection, code: str) -> list[dict[str, Any]]:
    return next((one["options"] for one in connection.remote_fields if one["code"] == code), [])


def begin(connection: PipedriveConnection, *, now: datetime) -> None:
    """Right after connecting: load the fields and, at the first time, map by default what is there already.

    A Pipedrive that does not answer here keeps nobody from being connected: the first run loads them again.
    """
    ledger = Ledger(connection, now)
    try:
        load(connection, gateway.client_of(connection, ledger), now=now)
    except Failure:
        return
    finally:
        ledger.flush(now)
    if not connection.fields.exists():
        with transaction.atomic():
            map_defaults(connection)


def map_defaults(connection: PipedriveConnection, suggestions: Sequence[Suggestion] = DEFAULTS) -> None:
    """The tutorial's table, as far as the fields exist on both sides."""
    known = remotes(connection)
    sources = pipedrive_sources.by_name(connection.workspace)
    taken = set(connection.fields.values_list("local", flat=True))
    codes = set(connection.fields.filter(enabled=True).values_list("code", flat=True))
    for suggestion in suggestions:
        remote = found_for(suggestion, known)
        source = sources.get(suggestion.local)
        if remote is None or source is None or suggestion.local in taken or remote.code in codes:
            continue
        if not fit(source.kind, remote.type, code=remote.code).refused:
            line = Line(suggestion.local, remote.code, suggestion.direction, suggestion.rule)
            _write(connection, None, line, remote, connection.fields.count())


def found_for(suggestion: Suggestion, known: dict[str, Remote]) -> Remote | None:
    """By code, else by name and type; names are not unique, so the first."""
    if suggestion.code:
        return known.get(suggestion.code)
    same = (one for one in known.values() if one.is_custom and one.name.strip() == suggestion.remote_name)
    return next((one for one in same if one.type == suggestion.remote_type), None)


def missing(connection: PipedriveConnection, suggestions: Sequence[Suggestion] = DEFAULTS) -> list[Suggestion]:
    """The custom fields among them that Pipedrive does not have."""
    known = remotes(connection)
    return [one for one in suggestions if one.is_custom and found_for(one, known) is None]


def create_fields(*, workspace: Workspace, by: Actor, now: datetime, wanted: Sequence[str] | None = None) -> list[str]:
    """Create custom fields in Pipedrive and map them; their names. 10 tokens, and 5 for each.

    `wanted` are fields of ours; without it all that the default mapping lacks. What is there already is only mapped.

    Fields are looked up before and after: one whose answer was lost is found by name and type, never made twice.
    """
    connection = queries.require(workspace)
    ledger = Ledger(connection, now)
    client = gateway.client_of(connection, ledger)
    suggestions = DEFAULTS if wanted is None else _wanted(workspace, wanted)
    try:
        load(connection, client, now=now)
        made = [_create(connection, client, suggestion, now) for suggestion in missing(connection, suggestions)]
    except (Failure, Halt) as failure:
        raise Refusal("fields_not_created", f"Not all fields could be created: {failure.sentence}") from failure
    finally:
        ledger.flush(now)
    if made:
        load(connection, client, now=now)
        ledger.flush(now)
    with transaction.atomic():
        map_defaults(connection, suggestions)
        waking.mapping_changed(connection, now=now)
    return made


def _wanted(workspace: Workspace, names: Sequence[str]) -> list[Suggestion]:
    """Raises Invalid for what is no field of ours."""
    sources = pipedrive_sources.by_name(workspace)
    if unknown := [name for name in names if name not in sources]:
        sentence = f"There is no field “{unknown[0][:80]}” in this workspace."
        raise Invalid([Fault(f"/fields/{names.index(unknown[0])}", sentence, "unknown_field")])
    found = [sources[name] for name in dict.fromkeys(names)]
    return [suggestion_for(one.local, one.label, one.kind) for one in found]


def _create(connection: PipedriveConnection, client: Client, suggestion: Suggestion, now: datetime) -> str:

    try:
        client.create_field(suggestion.remote_name, suggestion.remote_type)
    except Unreachable:
        load(connection, client, now=now)
        if found_for(suggestion, remotes(connection)) is None:
            raise
    return suggestion.remote_name
