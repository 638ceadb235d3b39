"""The connection itself: made with a token that is tested at once, paused, set up, taken away."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from cdp.queries import segments
from integrations.models import PipedriveConnection, PipedriveLabel, PipedriveOutbox
from integrations.pipedrive.choices import ActivityEvent
from integrations.pipedrive.client import Client
from integrations.pipedrive.shapes import Me
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import gateway, mapping, waking
from integrations.services.pipedrive.spending import Halt, Ledger
from stratum.lib.http import Failure, NotAuthorised
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.seal import seal
from stratum.workspaces import limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

LONGEST_TOKEN = 200
State = PipedriveConnection.State
OBJECTS = ("persons", "labels", "attribution", "deals")  # activities are chosen event by event

INTERVALS = {"realtime": timedelta(minutes=15), "hourly": timedelta(hours=1), "daily": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Connected:
    """The answer of connecting."""

    connection: PipedriveConnection
    company: str
    user: str
    token_hint: str


def connect(*, workspace: Workspace, by: Actor, api_token: str, now: datetime) -> Connected:
    """Ask Pipedrive whose token it is, and keep it sealed. The first sync, and with it the schedule, is up to whoever
    calls.

    Raises Invalid for a token that is none, and a Refusal where the workspace's links belong to another company.
    """
    limits.require_feature(workspace, queries.FEATURE)
    token = _checked(api_token)
    client, is_sandbox = gateway.newcomer(workspace, token, now=now)
    me = _ask(client)
    with transaction.atomic():
        connection = _stored(workspace, by, me, token, is_sandbox, now)
    mapping.begin(connection, now=now)
    return Connected(connection, connection.company_name, connection.user_name, connection.token_hint)


def _checked(api_token: str) -> str:
    token = api_token.strip()
    if not token:
        raise Invalid([Fault("/api_token", "Paste the API token of Pipedrive.", "required")])
    if len(token) > LONGEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise Invalid([Fault("/api_token", "This is no API token of Pipedrive: copy it again.", "malformed")])
    return token


def _ask(client: Client) -> Me:
    try:
        me = client.me()
    except NotAuthorised as error:
        sentence = "Pipedrive does not accept this API token. Copy it from Settings > Personal preferences > API."
        raise Invalid([Fault("/api_token", sentence, "not_accepted")]) from error
    except Failure as failure:
        raise Refusal("pipedrive_unreachable", f"Pipedrive could not be asked: {failure.sentence}") from failure
    if not me.company_domain:
        raise Refusal("no_company", "Pipedrive did not say which company this token belongs to.")
    return me


def _stored(
    workspace: Workspace, by: Actor, me: Me, token: str, is_sandbox: bool, now: datetime
) -> PipedriveConnection:
    connection = PipedriveConnection.objects.select_for_update().filter(workspace=workspace).first()
    if connection is not None and connection.company_id != me.company_id:
        raise Refusal(
            "another_company",
            f"This token belongs to {me.company_name or me.company_domain}, but the links of this workspace lead to "
            f"{connection.company_name or connection.company_domain}. Disconnect and forget the links first, "
            "or use a token of that company.",
        )
    if connection is None or connection.state == State.DISCONNECTED:
        limits.require_room(workspace, queries.METER)
    connection = connection or PipedriveConnection(
        workspace=workspace, objects_synced=list(OBJECTS), created_by=by.user, created_at=now, last_sync_at=None
    )
    _fill(connection, me, token, is_sandbox)
    if connection.pk and queries.has_begun(connection):
        connection.next_sync_at = now + interval_of(connection)
    connection.save()
    return connection


def _fill(connection: PipedriveConnection, me: Me, token: str, is_sandbox: bool) -> None:
    connection.company_id, connection.company_name = me.company_id, me.company_name[:200]
    connection.company_domain = me.company_domain
    connection.user_id, connection.user_name, connection.user_is_admin = me.user_id, me.user_name[:200], me.is_admin
    connection.currency, connection.time_zone = me.currency[:3], me.time_zone[:64]
    connection.token, connection.token_hint = seal(token), token[-4:]
    connection.is_sandbox = is_sandbox
    connection.state, connection.problem, connection.disconnected_at = State.CONNECTED, "", None
    connection.circuit_until, connection.circuit_reason = None, ""
    connection.generation += 1
    connection.webhook_secret = connection.webhook_secret or secrets.token_urlsafe(32)


def disconnect(*, workspace: Workspace, by: Actor, now: datetime) -> None:
    """Forget the token and stop. Links stay, so that the same company can be connected again without duplicates.

    Persons in Pipedrive stay as they are. Webhooks are taken off where Pipedrive still listens.
    """
    connection = queries.require(workspace)
    waking.take_off_webhooks(connection, now=now)
    PipedriveConnection.objects.filter(pk=connection.pk).update(
        state=State.DISCONNECTED,
        token="",
        problem="",
        webhook_ids=[],
        next_sync_at=None,
        disconnected_at=now,
        generation=F("generation") + 1,
    )


def forget(*, workspace: Workspace, by: Actor, now: datetime) -> None:
    """Forget everything about a disconnected company, so that another one can be connected. Pipedrive is not told:
    connecting the same company again then finds its persons by profile id and e-mail address."""
    connection = queries.connection_of(workspace)
    if connection is None:
        return
    if connection.state != State.DISCONNECTED:
        raise Refusal("still_connected", "Disconnect Pipedrive first.")
    connection.delete()


def pause(*, workspace: Workspace, by: Actor, now: datetime) -> None:
    """Runs under way stop at their next step; changes are noted and wait."""
    connection = queries.require(workspace)
    connection.state, connection.generation = State.PAUSED, connection.generation + 1
    connection.save(update_fields=["state", "generation"])


def resume(*, workspace: Workspace, by: Actor, now: datetime) -> None:
    """The next sync is due at once."""
    connection = queries.require(workspace)
    if connection.state == State.NEEDS_ATTENTION:
        raise Refusal("needs_attention", f"{connection.problem} Connect again.")
    connection.state, connection.next_sync_at = State.CONNECTED, now if queries.has_begun(connection) else None
    connection.save(update_fields=["state", "next_sync_at"])


# Settings


@transaction.atomic
def update_settings(*, workspace: Workspace, by: Actor, now: datetime, **choices: Any) -> PipedriveConnection:
    """Those that are named, as `integrations.pipedrive.choices.read_choices` reads them.

    objects, direction, schedule, segment, activities, activity_cap, labels, deal_event, counts_archived, rates,
    budget_share. Raises Invalid for a segment that is none, NotAllowed for a schedule beyond the plan.
    """
    connection = queries.require(workspace)
    connection = PipedriveConnection.objects.select_for_update().get(pk=connection.pk)
    for name, value in choices.items():
        _SETTERS[name](connection, value, now)
    connection.save()
    waking.settings_changed(connection, now=now)
    return connection


def interval_of(connection: PipedriveConnection) -> timedelta:
    return INTERVALS[queries.schedule_of(connection)]


def _set_schedule(connection: PipedriveConnection, value: str, now: datetime) -> None:
    if value == PipedriveConnection.Schedule.REALTIME:
        limits.require_feature(connection.workspace, queries.REALTIME)
    if value != connection.schedule:
        connection.schedule = value
        if connection.next_sync_at is not None:
            connection.next_sync_at = now + interval_of(connection)


def _set_segment(connection: PipedriveConnection, value: UUID | None, now: datetime) -> None:
    if value is not None:
        _require_segments(connection, [value], "/segment")
    connection.segment_id = value


def _set_activities(connection: PipedriveConnection, value: Sequence[ActivityEvent], now: datetime) -> None:
    """Only events from the choice on become activities."""
    since = {one["event"]: one["since"] for one in connection.activity_events}
    connection.activity_events = [
        {"event": one.event, "type": one.type, "since": since.get(one.event, now.isoformat())} for one in value
    ]


def _set_labels(connection: PipedriveConnection, value: Sequence[UUID], now: datetime) -> None:
    """Labels of segments that are not chosen any more are taken off everybody by the next run."""
    _require_segments(connection, value, "/labels")
    known = {label.segment_id: label for label in connection.labels.all()}
    names = dict(connection.workspace.segments.filter(pk__in=value).values_list("pk", "name"))
    for segment in value:
        if segment in known:
            PipedriveLabel.objects.filter(pk=known[segment].pk).update(retired_at=None)
        else:
            connection.labels.create(segment_id=segment, name=names[segment], created_at=now)
    connection.labels.exclude(segment_id__in=value).filter(retired_at=None).update(retired_at=now)


def _require_segments(connection: PipedriveConnection, keys: Sequence[UUID], pointer: str) -> None:
    known = set(segments.kept(connection.workspace).filter(pk__in=keys).values_list("pk", flat=True))
    if missing := [key for key in keys if key not in known]:
        sentence = f"There is no segment {missing[0]} in this workspace, or it is archived."
        raise Invalid([Fault(pointer, sentence, "unknown_segment")])


def _plain(field: str) -> Any:
    return lambda connection, value, now: setattr(connection, field, value)


_SETTERS: dict[str, Any] = {
    "objects": _plain("objects_synced"),
    "direction": _plain("direction"),
    "schedule": _set_schedule,
    "segment": _set_segment,
    "activities": _set_activities,
    "activity_cap": _plain("activity_cap"),
    "labels": _set_labels,
    "deal_event": _plain("deal_event"),
    "counts_archived": _plain("counts_archived"),
    "rates": _plain("rates"),
    "budget_share": _plain("budget_share"),
}


def activity_types(*, workspace: Workspace, now: datetime) -> list[tuple[str, str]]:
    """(key, name) of the account's types of activity, as they were read last; read now if they never were."""
    connection = queries.require(workspace)
    if connection.activity_types_at is None:
        connection = refresh_activity_types(workspace=workspace, now=now)
    return [(key, name) for key, name in connection.activity_types]


def refresh_activity_types(*, workspace: Workspace, now: datetime) -> PipedriveConnection:
    """One call, 20 tokens. Raises a Refusal when Pipedrive cannot be asked."""
    connection = queries.require(workspace)
    ledger = Ledger(connection, now)
    try:
        connection.activity_types = gateway.client_of(connection, ledger).activity_types()
    except (Failure, Halt) as failure:
        raise Refusal("pipedrive_unreachable", failure.sentence) from failure
    finally:
        ledger.flush(now)
    connection.activity_types_at = now
    connection.save(update_fields=["activity_types", "activity_types_at"])
    return connection


def retry_dead(*, workspace: Workspace, by: Actor, now: datetime) -> int:
    """Give everything that gave up another chance; how many records that were."""
    dead = PipedriveOutbox.objects.filter(connection=queries.require(workspace), state=PipedriveOutbox.State.DEAD)
    return dead.update(state=PipedriveOutbox.State.QUEUED, attempts=0, not_before=now, last_error="")
