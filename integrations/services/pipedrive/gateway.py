"""The client of a connection: its token unsealed, its address, its limits and its ledger."""

import time
from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from integrations.models import PipedriveConnection
from integrations.pipedrive.client import ANYWHERE, Client, Meter, Transport, base_url, sessions
from integrations.pipedrive.limits import Limiter
from integrations.services.pipedrive import sandbox
from stratum.lib.http import READ
from stratum.lib.seal import unseal
from stratum.workspaces.models import Workspace

UNSHARED = 10_000  # calls in two seconds of a sandbox: it is in this process, and nobody else's

# What tests and benchmarks put their own clock in for.
monotonic: Callable[[], float] = time.monotonic
sleep: Callable[[float], None] = time.sleep
read_timeout = READ


def client_of(connection: PipedriveConnection, meter: Meter) -> Client:
    share, known = connection.burst_share, UNSHARED if connection.is_sandbox else connection.burst_limit
    limiter = Limiter(share=share, known=known, clock=monotonic, sleep=sleep)
    return Client(transport_of(connection), limiter=limiter, meter=meter, sleep=sleep)


def transport_of(connection: PipedriveConnection) -> Callable[[], Transport]:
    token = unseal(connection.token)
    if connection.is_sandbox:
        return lambda: sandbox.session(connection.workspace, token)
    url = settings.PIPEDRIVE_URL or base_url(connection.company_domain)
    return sessions(url, token, sleep=sleep, read_timeout=read_timeout)


def newcomer(workspace: Workspace, token: str, *, now: datetime) -> tuple[Client, bool]:
    """A client for a token whose company is not known yet, and whether it is that of the workspace's sandbox."""
    if sandbox.owns(workspace, token):
        return Client(lambda: sandbox.session(workspace, token)), True
    return Client(sessions(settings.PIPEDRIVE_URL or ANYWHERE, token, sleep=sleep), sleep=sleep), False
