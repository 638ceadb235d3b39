"""Connecting by a token, over a real wire."""

import pytest
from django.conf import LazySettings

from integrations.models import PipedriveConnection
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import connecting
from stratum.lib.refusal import Invalid, NotAllowed, Refusal
from stratum.lib.seal import unseal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.wire import Received, Reply, serving

TOKEN = "0123456789abcdef0123456789abcdef01234567"
ME = (
    b'{"success":true,"data":{"id":7,"name":"Ada","company_id":42,"company_name":"Acme","company_domain":"acme",'
    b'"default_currency":"EUR","timezone_name":"Europe/Berlin","access":[{"app":"global","admin":true}]}}'
)


def company(request: Received) -> Reply:
    if request.headers.get("x-api-token") != TOKEN:
        return Reply(401, b'{"success":false,"error":"unauthorized access","errorCode":401}')
    return Reply(body=ME if request.path.endswith("/users/me") else b'{"success":true,"data":[]}')


def test_it_works(workspace: Workspace, by_alice: Actor, now: object, settings: LazySettings) -> None:
    with serving(company) as server:
        settings.PIPEDRIVE_URL = server.url
        connected = connecting.connect(workspace=workspace, by=by_alice, api_token=f" {TOKEN} ", now=now)
    assert (connected.company, connected.user, connected.token_hint) == ("Acme", "Ada", TOKEN[-4:])
    stored = PipedriveConnection.objects.get(workspace=workspace)
    assert TOKEN not in stored.token
    assert unseal(stored.token) == TOKEN
    assert all("api_token" not in request.params for request in server.received)
    status = queries.status(workspace, now=now)
    assert status.connected
    assert status.budget is not None and status.budget.spent == 10


def test_a_token_that_is_none(workspace: Workspace, by_alice: Actor, now: object, settings: LazySettings) -> None:
    with serving(company) as server:
        settings.PIPEDRIVE_URL = server.url
        with pytest.raises(Invalid, match="does not accept"):
            connecting.connect(workspace=workspace, by=by_alice, api_token="wrong", now=now)
    assert not PipedriveConnection.objects.exists()


def test_another_company_is_refused(workspace: Workspace, by_alice: Actor, now: object, settings: LazySettings) -> None:
    with serving(company) as server:
        settings.PIPEDRIVE_URL = server.url
        connecting.connect(workspace=workspace, by=by_alice, api_token=TOKEN, now=now)
        PipedriveConnection.objects.update(company_id=41, company_name="Elsewhere")
        connecting.disconnect(workspace=workspace, by=by_alice, now=now)
        with pytest.raises(Refusal, match="links of this workspace lead to Elsewhere"):
            connecting.connect(workspace=workspace, by=by_alice, api_token=TOKEN, now=now)
        connecting.forget(workspace=workspace, by=by_alice, now=now)
        connecting.connect(workspace=workspace, by=by_alice, api_token=TOKEN, now=now)
    assert PipedriveConnection.objects.get().company_id == 42


def test_it_asks_for_the_plan(workspace: Workspace, by_alice: Actor, now: object) -> None:
    workspace.plan = "starter"
    with pytest.raises(NotAllowed, match="Pipedrive CRM is part of the Professional plan"):
        connecting.connect(workspace=workspace, by=by_alice, api_token=TOKEN, now=now)


def test_real_time_asks_for_the_plan(
    workspace: Workspace, by_alice: Actor, now: object, settings: LazySettings
) -> None:
    with serving(company) as server:
        settings.PIPEDRIVE_URL = server.url
        connecting.connect(workspace=workspace, by=by_alice, api_token=TOKEN, now=now)
    with pytest.raises(NotAllowed, match="Real-time CRM sync is part of the Enterprise plan"):
        connecting.update_settings(workspace=workspace, by=by_alice, now=now, schedule="realtime")
    connecting.update_settings(workspace=workspace, by=by_alice, now=now, schedule="hourly")
    assert PipedriveConnection.objects.get().schedule == "hourly"


def test_nothing_connected_is_said_so(workspace: Workspace, now: object) -> None:
    status = queries.status(workspace, now=now)
    assert (status.connected, status.health) == (False, "disconnected")
    with pytest.raises(Refusal, match="not connected"):
        queries.require(workspace)
