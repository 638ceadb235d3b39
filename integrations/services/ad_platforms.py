"""From a chosen account to the platform that can read and change it."""

import orjson
from django.conf import settings

from integrations.base import AdPlatform
from integrations.callers import Caller
from integrations.meta.platform import MetaPlatform
from integrations.models import AdAccount, AdConnection
from integrations.services import sandbox
from stratum.lib import clock, seal
from stratum.lib.http import NotAuthorised, Session


def platform_of(account: AdAccount) -> AdPlatform:
    """Ready to call. Raises NotAuthorised when its connection has no credentials any more."""
    counted = {account.external_id: account.conversion_action} if account.conversion_action else {}
    return platform_through(account.connection, counted)


def platform_through(connection: AdConnection, conversion_actions: dict[str, str]) -> AdPlatform:
    caller = _caller(connection)
    return MetaPlatform(caller, now=lambda: clock.now(), conversion_actions=conversion_actions)


def _caller(connection: AdConnection) -> Caller:
    if connection.sandbox:
        return sandbox.session(connection)
    if not connection.credentials:
        raise NotAuthorised("This connection has been disconnected. Connect it again.")
    secrets = orjson.loads(seal.unseal(connection.credentials))
    return Session(settings.META_API_URL, headers={"Authorization": f"Bearer {secrets['access_token']}"})
