"""The client of a connection: its token unsealed, its address, its limits and its ledger."""

import time
from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from integrations.models import PipedriveConnection
from integrations.pipedrive.client import ANYWHERE, Client, Meter, Transport, base_url, sessions
from integrations.pipedrive.limits import Limiter
from integrations.services.pipedrive import sandbox
from stratum.lib.seal import unseal
from stratum.workspaces.models import Workspace


def client_of(connection: PipedriveConnection, meter: Meter) -> Client:
    limiter = Limiter(
        share=connection.burst_share, known=connection.burst_limit, clock=time.monotonic, sleep=time.sleep
    )
    return Client(transport_of(connection), limiter=limiter, meter=meter)


def transport_of(connection: PipedriveConnection) -> Callable[[], Transport]:
    if connection.is_sandbox:
        return lambda: sandbox.session(connection.workspace, unseal(connection.token))
    return sessions(settings.PIPEDRIVE_URL or base_url(connection.company_domain), unseal(connection.token))


def newcomer(workspace: Workspace, token: str, *, now: datetime) -> tuple[Client, bool]:
    """A client for a token whose company is not known yet, and whether it is that of the workspace's sandbox."""
    if sandbox.owns(workspace, token):
        return Client(lambda: sandbox.session(workspace, token)), True
    return Client(sessions(settings.PIPEDRIVE_URL or ANYWHERE, token)), False
