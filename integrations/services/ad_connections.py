"""Connecting ad platforms: credentials are tried at once and kept sealed; accounts are chosen within the plan."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import orjson
from django.db import transaction
from django.db.models import QuerySet

from integrations.base import Account, ConversionAction
from integrations.models import AdAccount, AdConnection
from integrations.services import ad_sync
from integrations.services.ad_calls import label
from integrations.services.ad_platforms import platform_of, platform_through, platform_with
from stratum.lib import seal
from stratum.lib.http import Failure, NotAuthorised, Throttled, Unreachable
from stratum.lib.jobs import after_commit
from stratum.lib.refusal import Fault, Invalid, Missing, Refusal
from stratum.workspaces import access, limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer.services import calls

T = TypeVar("T")
METER = "ad_accounts"
MOST_CONNECTIONS = 20
LONGEST = 2_000  # characters of one secret
State = AdConnection.State
# What each platform asks for: (field, label, needed).
FIELDS: Mapping[str, tuple[tuple[str, str, bool], ...]] = {
    "meta": (("access_token", "Access token", True),),
    "google": (
        ("client_id", "OAuth client id", True),
        ("client_secret", "OAuth client secret", True),
        ("refresh_token", "Refresh token", True),
        ("login_customer_id", "Login customer id", False),
        ("developer_token", "Developer token", False),
    ),
}
SECRET = {"meta": "access_token", "google": "refresh_token"}  # whose last four characters stay visible


@dataclass(frozen=True, slots=True)
class Offered:
    """An account that a login reaches. `elsewhere` names the other connection through which it is chosen."""

    account: Account
    chosen: bool
    elsewhere: str = ""


def connect(
    *, workspace: Workspace, by: Actor, platform: str, credentials: Mapping[str, str], now: datetime
) -> AdConnection:
    """Try the credentials, then keep them. Raises Invalid beside the field, or Refusal when the platform is away."""
    access.demand(by, "connect")
    secrets = _read(platform, credentials)
    name = _tried(platform, secrets)
    with transaction.atomic():
        Workspace.objects.select_for_update(of=("self",), no_key=True).get(pk=workspace.pk)
        if connections(workspace).exclude(state=State.DISCONNECTED).count() >= MOST_CONNECTIONS:
            raise Refusal(
                "too_many", f"A workspace keeps at most {MOST_CONNECTIONS} connections. Disconnect one first."
            )
        return AdConnection.objects.create(
            workspace=workspace,
            platform=platform,
            name=name,
            credentials=_sealed(secrets),
            token_hint=secrets[SECRET[platform]][-4:],
            created_by=by.user,
            created_at=now,
        )


def reconnect(
    *, workspace: Workspace, by: Actor, connection_id: int, credentials: Mapping[str, str], now: datetime
) -> AdConnection:
    """New credentials for a connection that lost its login or was disconnected; its accounts and their past remain."""
    access.demand(by, "connect")
    connection = get(workspace, connection_id)
    if connection.sandbox:
        raise Refusal("sandbox", "The sandbox needs no credentials.")
    secrets = _read(connection.platform, credentials)
    name = _tried(connection.platform, secrets)
    with transaction.atomic():
        if connection.state == State.DISCONNECTED:
            limits.require_room(workspace, METER, adding=connection.accounts.filter(chosen=True).count())
        calls.forget(workspace=workspace, platform=connection.platform, connection=label(connection))
        connection.name, connection.credentials = name, _sealed(secrets)
        connection.token_hint = secrets[SECRET[connection.platform]][-4:]
        connection.state, connection.problem, connection.waits_until = State.CONNECTED, "", None
        connection.next_sync_at = now
        connection.save()
        after_commit(ad_sync.TASK, connection_id=connection.pk)
    return connection


def offered(*, workspace: Workspace, by: Actor, connection_id: int) -> list[Offered]:
    """Every account that the login reaches, as the platform tells now. Raises Refusal."""
    access.demand(by, "connect")
    connection = get(workspace, connection_id)
    found = _reached(connection)
    mine = set(connection.accounts.filter(chosen=True).values_list("external_id", flat=True))
    others = AdAccount.objects.filter(workspace=workspace, platform=connection.platform, chosen=True)
    others = others.exclude(connection=connection).exclude(connection__state=State.DISCONNECTED)
    elsewhere = dict(others.values_list("external_id", "connection__name"))
    return [Offered(one, one.id in mine, elsewhere.get(one.id, "")) for one in found]


def choose_accounts(
    *, workspace: Workspace, by: Actor, connection_id: int, account_ids: Iterable[str], now: datetime
) -> Sequence[AdAccount]:
    """Exactly these of the login's accounts are synced from now on; of the others the past is kept."""
    access.demand(by, "connect")
    connection = get(workspace, connection_id)
    reached = {one.id: one for one in _reached(connection)}
    wanted = dict.fromkeys(account_ids)
    unknown = [one for one in wanted if one not in reached]
    if unknown:
        raise Invalid([Fault("/accounts", f"This login reaches no account “{unknown[0][:40]}”.", "unknown_choice")])
    with transaction.atomic():
        _keep(workspace, connection, [reached[one] for one in wanted])
        AdConnection.objects.filter(pk=connection.pk).update(next_sync_at=now)
        if wanted:
            after_commit(ad_sync.TASK, connection_id=connection.pk)
    return list(connection.accounts.filter(chosen=True).order_by("name", "id"))


def choose_conversion_action(
    *, workspace: Workspace, by: Actor, account_id: int, action: str, now: datetime
) -> AdAccount:
    """Whose conversions count; all days are read again, as the old ones counted another."""
    access.demand(by, "connect")
    account = get_account(workspace, account_id)
    known = {one.id for one in conversion_actions(workspace=workspace, by=by, account_id=account_id)}
    if action not in known:
        sentence = "This account has no such conversion action. Choose one of the list."
        raise Invalid([Fault("/conversion_action", sentence, "unknown_choice")])
    account.conversion_action, account.synced_until = action, None
    account.save(update_fields=["conversion_action", "synced_until"])
    sync_now(workspace=workspace, by=by, connection_id=account.connection_id, now=now)
    return account


def conversion_actions(*, workspace: Workspace, by: Actor, account_id: int) -> Sequence[ConversionAction]:
    """What the account counts, as the platform tells now. Raises Refusal."""
    access.demand(by, "connect")
    account = get_account(workspace, account_id)
    return _asked(lambda: platform_of(account).conversion_actions(account.external_id))


def sync_now(*, workspace: Workspace, by: Actor, connection_id: int, now: datetime) -> AdConnection:
    access.demand(by, "connect")
    connection = get(workspace, connection_id)
    if connection.state == State.DISCONNECTED:
        raise Refusal("disconnected", "This connection has been disconnected. Connect it again first.")
    if connection.waits_until and connection.waits_until > now:
        raise Refusal(
            "throttled",
            f"{connection.get_platform_display()} asked us to wait until {connection.waits_until:%H:%M} UTC. "
            "The sync goes on by itself then.",
        )
    if not connection.accounts.filter(chosen=True).exists():
        raise Refusal("no_accounts", "Choose at least one ad account first.")
    after_commit(ad_sync.TASK, connection_id=connection.pk)
    return connection


@transaction.atomic
def disconnect(*, workspace: Workspace, by: Actor, connection_id: int, now: datetime) -> AdConnection:
    """The credentials are gone for good; entities and metrics stay, and no longer count against the plan."""
    access.demand(by, "connect")
    connection = get(workspace, connection_id)
    connection.credentials = connection.token_hint = connection.problem = ""
    connection.state, connection.next_sync_at, connection.waits_until = State.DISCONNECTED, None, None
    connection.save()
    calls.forget(workspace=workspace, platform=connection.platform, connection=label(connection))
    return connection


def connections(workspace: Workspace) -> QuerySet[AdConnection]:
    return AdConnection.objects.filter(workspace=workspace)


def get(workspace: Workspace, connection_id: int) -> AdConnection:
    connection = connections(workspace).select_related("workspace").filter(pk=connection_id).first()
    if connection is None:
        raise Missing
    return connection


def get_account(workspace: Workspace, account_id: int) -> AdAccount:
    found = AdAccount.objects.filter(workspace=workspace, pk=account_id)
    account = found.select_related("connection__workspace").first()
    if account is None:
        raise Missing
    return account


# Underneath


def _read(platform: str, credentials: Mapping[str, str]) -> dict[str, str]:
    """Every field of the platform, trimmed. Raises Invalid."""
    if platform not in FIELDS:
        raise Invalid([Fault("/platform", f"Choose one of {', '.join(FIELDS)}.", "unknown_choice")])
    read = {name: str(credentials.get(name) or "").strip() for name, *_ in FIELDS[platform]}
    faults = []
    for name, words, needed in FIELDS[platform]:
        value = read[name]
        if needed and not value:
            faults.append(Fault(f"/{name}", f"{words}: paste it here.", "required"))
        elif len(value) > LONGEST or not value.isascii() or any(letter.isspace() for letter in value):
            faults.append(Fault(f"/{name}", f"{words}: this cannot be one; it holds spaces or is too long."))
    plain = read.get("login_customer_id", "").replace("-", "")
    if plain and not (plain.isdigit() and len(plain) == 10):
        faults.append(Fault("/login_customer_id", "A customer id has ten digits, such as 123-456-7890."))
    if faults:
        raise Invalid(faults)
    return {**read, **({"login_customer_id": plain} if "login_customer_id" in read else {})}


def _tried(platform: str, secrets: Mapping[str, str]) -> str:
    """Whose login it is. Raises Invalid beside the secret, or Refusal when the platform does not answer."""
    try:
        return platform_with(platform, secrets).login().name[:120]
    except NotAuthorised as failure:
        raise Invalid([Fault(f"/{SECRET[platform]}", failure.sentence, "not_authorised")]) from failure
    except Failure as failure:
        raise refusal_of(failure) from failure


def _reached(connection: AdConnection) -> Sequence[Account]:
    return _asked(lambda: platform_through(connection).accounts())


def _asked(ask: Callable[[], T]) -> T:
    """Raises Refusal for what the platform would not or could not answer."""
    try:
        return ask()
    except Failure as failure:
        raise refusal_of(failure) from failure


def refusal_of(failure: Failure) -> Refusal:
    if isinstance(failure, Throttled):
        return Refusal("throttled", failure.sentence, status=503)
    if isinstance(failure, Unreachable):
        return Refusal("unreachable", f"{failure.sentence} Try again in a moment.", status=503)
    return Refusal("refused_by_platform", failure.sentence)


def _sealed(secrets: Mapping[str, str]) -> str:
    return seal.seal(orjson.dumps(dict(secrets)).decode())


def _keep(workspace: Workspace, connection: AdConnection, wanted: Sequence[Account]) -> None:
    """Raises NotAllowed when the plan has no room, Refusal when another connection has one of them."""
    theirs = AdAccount.objects.filter(workspace=workspace, platform=connection.platform)
    others = theirs.filter(external_id__in=[one.id for one in wanted], chosen=True).exclude(connection=connection)
    taken = others.exclude(connection__state=State.DISCONNECTED).select_related("connection").first()
    if taken:
        raise Refusal("taken", f"“{taken.name}” is already synced through {taken.connection.name}.")
    connection.accounts.exclude(external_id__in=[one.id for one in wanted]).update(chosen=False)
    known = set(connection.accounts.filter(chosen=True).values_list("external_id", flat=True))
    limits.require_room(workspace, METER, adding=len([one for one in wanted if one.id not in known]))
    for one in wanted:
        AdAccount.objects.update_or_create(
            workspace=workspace,
            platform=connection.platform,
            external_id=one.id,
            defaults={
                "connection": connection,
                "name": one.name[:200],
                "currency": one.currency,
                "time_zone": one.time_zone,
                "active": one.active,
                "chosen": True,
            },
        )
