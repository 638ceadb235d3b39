"""From a chosen account to the platform that can read and change it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings

from integrations.base import AdPlatform
from integrations.callers import Caller
from integrations.google_ads.client import GoogleAdsClient
from integrations.google_ads.errors import token_failure
from integrations.google_ads.platform import GoogleAdsPlatform
from integrations.google_ads.tokens import Grant, Tokens
from integrations.meta.platform import MetaPlatform
from integrations.models import AdAccount, AdConnection
from integrations.services import sandbox
from integrations.services.ad_calls import WatchedCaller
from stratum.lib import clock, seal
from stratum.lib.http import Answer, Failure, NotAuthorised, Session

Clock = Callable[[], datetime]
SANDBOX_SECRETS = {"client_id": "sandbox", "client_secret": "sandbox", "refresh_token": "sandbox"}


def platform_of(account: AdAccount, now: Clock | None = None) -> AdPlatform:
    """Ready to call. Raises NotAuthorised when its connection has no credentials any more."""
    counted = {account.external_id: account.conversion_action} if account.conversion_action else {}
    return platform_through(account.connection, counted, now)


def platform_through(
    connection: AdConnection, conversion_actions: Mapping[str, str] | None = None, now: Clock | None = None
) -> AdPlatform:
    """`conversion_actions` by account id. Every call is noted for API health. `now`: of a story told about a sandbox.
    Raises NotAuthorised.
    """
    secrets = SANDBOX_SECRETS if connection.sandbox else secrets_of(connection)
    caller, token_caller, token_path = callers(connection, secrets, now)
    watched = WatchedCaller(caller, connection, now=clock.now)
    login = WatchedCaller(token_caller, connection, now=clock.now, failure_of=_login_failure)
    return assembled(connection.platform, secrets, watched, login, token_path, conversion_actions, now)


def platform_with(platform: str, secrets: Mapping[str, Any]) -> AdPlatform:
    """With credentials that are not stored yet."""
    return assembled(platform, secrets, *_outward(platform, secrets))


def callers(
    connection: AdConnection, secrets: Mapping[str, Any], now: Clock | None = None
) -> tuple[Caller, Caller, str]:
    """To the API, to the token endpoint, and that one's path."""
    if connection.sandbox:
        inside = sandbox.session(connection, now or clock.now)
        return inside, inside, "token"
    return _outward(connection.platform, secrets)


def assembled(
    platform: str,
    secrets: Mapping[str, Any],
    caller: Caller,
    token_caller: Caller,
    token_path: str,
    conversion_actions: Mapping[str, str] | None = None,
    now: Clock | None = None,
) -> AdPlatform:
    counted, now = conversion_actions or {}, now or clock.now
    if platform == "meta":
        return MetaPlatform(caller, now=now, conversion_actions=counted)
    grant = Grant(secrets["client_id"], secrets["client_secret"], secrets["refresh_token"])
    manager = str(secrets.get("login_customer_id") or "")
    client = GoogleAdsClient(
        caller,
        Tokens(token_caller, token_path, grant, now=now),
        now=now,
        login_customer_id=manager,
        developer_token=str(secrets.get("developer_token") or ""),
    )
    return GoogleAdsPlatform(client, now=now, login_customer_id=manager, conversion_actions=counted)


def _login_failure(answer: Answer, *, now: datetime) -> Failure:
    return token_failure(answer)


def secrets_of(connection: AdConnection) -> Mapping[str, Any]:
    if not connection.credentials:
        raise NotAuthorised("This connection has been disconnected. Connect it again.")
    try:
        told: Mapping[str, Any] = orjson.loads(seal.unseal(connection.credentials))
    except ValueError:
        raise NotAuthorised("The stored credentials cannot be opened any more. Connect again.") from None
    return told


def _outward(platform: str, secrets: Mapping[str, Any]) -> tuple[Caller, Caller, str]:
    if platform == "meta":
        session = Session(settings.META_API_URL, headers={"Authorization": f"Bearer {secrets['access_token']}"})
        return session, session, ""
    base, _, path = settings.GOOGLE_TOKEN_URL.rpartition("/")
    return Session(settings.GOOGLE_ADS_API_URL), Session(base), path
