"""From a chosen account to the platform that can read and change it."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings

from integrations.base import AdPlatform
from integrations.callers import Caller
from integrations.google_ads.client import GoogleAdsClient
from integrations.google_ads.platform import GoogleAdsPlatform
from integrations.google_ads.tokens import Grant, Tokens
from integrations.meta.platform import MetaPlatform
from integrations.models import AdAccount, AdConnection
from integrations.services import sandbox
from stratum.lib import clock, seal
from stratum.lib.http import NotAuthorised, Session

SANDBOX_GRANT = {"client_id": "sandbox", "client_secret": "sandbox", "refresh_token": "sandbox"}


def platform_of(account: AdAccount) -> AdPlatform:
    """Ready to call. Raises NotAuthorised when its connection has no credentials any more."""
    counted = {account.external_id: account.conversion_action} if account.conversion_action else {}
    return platform_through(account.connection, counted)


def platform_through(connection: AdConnection, conversion_actions: Mapping[str, str] | None = None) -> AdPlatform:
    """`conversion_actions` by account id."""
    if connection.sandbox:
        caller = sandbox.session(connection)
        return _platform(connection.platform, SANDBOX_GRANT, caller, caller, "token", conversion_actions or {})
    return platform_with(connection.platform, _secrets(connection), conversion_actions or {})


def platform_with(
    platform: str, secrets: Mapping[str, Any], conversion_actions: Mapping[str, str] | None = None
) -> AdPlatform:
    """With credentials that may not be stored yet."""
    if platform == "meta":
        caller = Session(settings.META_API_URL, headers={"Authorization": f"Bearer {secrets['access_token']}"})
        return _platform(platform, secrets, caller, caller, "", conversion_actions or {})
    base, _, path = settings.GOOGLE_TOKEN_URL.rpartition("/")
    caller = Session(settings.GOOGLE_ADS_API_URL)
    return _platform(platform, secrets, caller, Session(base), path, conversion_actions or {})


def _platform(
    platform: str,
    secrets: Mapping[str, Any],
    caller: Caller,
    token_caller: Caller,
    token_path: str,
    counted: Mapping[str, str],
) -> AdPlatform:
    if platform == "meta":
        return MetaPlatform(caller, now=clock.now, conversion_actions=counted)
    grant = Grant(secrets["client_id"], secrets["client_secret"], secrets["refresh_token"])
    manager = str(secrets.get("login_customer_id") or "")
    client = GoogleAdsClient(
        caller,
        Tokens(token_caller, token_path, grant, now=clock.now),
        now=clock.now,
        login_customer_id=manager,
        developer_token=str(secrets.get("developer_token") or ""),
    )
    return GoogleAdsPlatform(client, now=clock.now, login_customer_id=manager, conversion_actions=counted)


def _secrets(connection: AdConnection) -> Mapping[str, Any]:
    if not connection.credentials:
        raise NotAuthorised("This connection has been disconnected. Connect it again.")
    told: Mapping[str, Any] = orjson.loads(seal.unseal(connection.credentials))
    return told
