"""Connecting, choosing accounts within the plan, disconnecting; and the API over it."""

from datetime import datetime

import pytest
from rest_framework.test import APIClient

from integrations.models import AdAccount, AdConnection
from integrations.sandbox import demo
from integrations.sandbox.world import Shop
from integrations.services import ad_connections, ad_sync
from stratum.lib import seal
from stratum.lib.refusal import Invalid, Missing, NotAllowed, Refusal
from stratum.workspaces import limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace
from tests import factories
from tests.conftest import SignIn
from tests.integrations.conftest import GOOGLE_SECRETS, META_SECRETS, Fakes

PLACE = "/api/v1/integrations/ad-platforms"


def test_credentials_are_sealed_and_tried(meta_connection: AdConnection) -> None:
    assert meta_connection.name == "Northlight Outdoor (sandbox)"
    assert meta_connection.token_hint == "4321"
    assert META_SECRETS["access_token"] in seal.unseal(meta_connection.credentials)
    assert META_SECRETS["access_token"] not in meta_connection.credentials


def test_google_needs_its_client_too(fakes: Fakes, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    with pytest.raises(Invalid) as told:
        ad_connections.connect(
            workspace=workspace, by=by_alice, platform="google", credentials={"refresh_token": "x"}, now=now
        )
    assert {fault.pointer for fault in told.value.faults} == {"/client_id", "/client_secret"}
    made = ad_connections.connect(
        workspace=workspace, by=by_alice, platform="google", credentials=GOOGLE_SECRETS, now=now
    )
    assert made.token_hint == "8765"


@pytest.mark.parametrize("token", ["two words", "x" * 2001, "caf\u00e9"])
def test_what_cannot_be_a_token_is_not_sent(
    fakes: Fakes, workspace: Workspace, by_alice: Actor, now: datetime, token: str
) -> None:
    with pytest.raises(Invalid, match="cannot be one"):
        ad_connections.connect(
            workspace=workspace, by=by_alice, platform="meta", credentials={"access_token": token}, now=now
        )


def test_the_plan_limits_accounts(
    fakes: Fakes, meta_connection: AdConnection, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    for number in range(15):
        fakes.meta.world.accounts[f"9{number:02d}"] = Shop(f"9{number:02d}", f"Shop {number}", "USD", "UTC")
    ids = list(fakes.meta.world.accounts)
    choose = {"workspace": workspace, "by": by_alice, "connection_id": meta_connection.pk, "now": now}
    with pytest.raises(NotAllowed, match="15 ad accounts"):
        ad_connections.choose_accounts(account_ids=ids, **choose)  # type: ignore[arg-type]
    assert not AdAccount.objects.exists()
    ad_connections.choose_accounts(account_ids=ids[:15], **choose)  # type: ignore[arg-type]
    assert limits.usage(workspace, "ad_accounts").full
    ad_connections.choose_accounts(account_ids=ids[1:16], **choose)  # type: ignore[arg-type]
    assert limits.usage(workspace, "ad_accounts").used == 15
    ad_connections.disconnect(workspace=workspace, by=by_alice, connection_id=meta_connection.pk, now=now)
    assert limits.usage(workspace, "ad_accounts").used == 0


def test_an_account_is_read_through_one_connection(
    fakes: Fakes, meta_account: AdAccount, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    other = ad_connections.connect(workspace=workspace, by=by_alice, platform="meta", credentials=META_SECRETS, now=now)
    [offered] = ad_connections.offered(workspace=workspace, by=by_alice, connection_id=other.pk)
    assert offered.elsewhere == meta_account.connection.name
    with pytest.raises(Refusal, match="already synced"):
        ad_connections.choose_accounts(
            workspace=workspace, by=by_alice, connection_id=other.pk, account_ids=[demo.META_ACCOUNT], now=now
        )


def test_an_analyst_may_not(workspace: Workspace, by_bob: Actor, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        ad_connections.connect(workspace=workspace, by=by_bob, platform="meta", credentials=META_SECRETS, now=now)


def test_a_stranger_finds_nothing(
    sandboxes: dict[str, AdAccount], other_workspace: Workspace, charlie: User, now: datetime
) -> None:
    with pytest.raises(Missing):
        ad_connections.get(other_workspace, sandboxes["meta"].connection_id)
    with pytest.raises(Missing):
        ad_connections.get_account(other_workspace, sandboxes["meta"].pk)


# The API


def test_connect_choose_read_disconnect(api: APIClient, fakes: Fakes, workspace: Workspace, now: datetime) -> None:
    made = api.post(f"{PLACE}/connect", {"platform": "meta", **META_SECRETS})
    assert made.status_code == 201, made.content
    assert META_SECRETS["access_token"] not in made.content.decode()
    place = f"{PLACE}/{made.json()['id']}"
    [offered] = api.get(f"{place}/accounts").json()["results"]
    assert (offered["id"], offered["chosen"]) == (demo.META_ACCOUNT, False)
    assert api.put(f"{place}/accounts", {"accounts": [offered["id"]]}).json()["accounts"][0]["currency"] == "USD"
    assert api.post(f"{place}/sync").status_code == 202
    ad_sync.sync(connection_id=made.json()["id"], now=now)
    [run] = api.get(f"{place}/runs").json()["results"]
    assert run["state"] == "succeeded"
    found = api.get(f"{PLACE}/entities", {"kind": "campaign", "search": "holiday"}).json()["results"]
    assert [one["name"] for one in found] == ["Holiday Promo 2026"]
    assert found[0]["budget"] == "500.00"
    one = api.get(f"{PLACE}/entities/{found[0]['id']}").json()
    assert len(one["days"]) == 21
    assert api.delete(place).status_code == 204
    assert api.get(place).json()["state"] == "disconnected"
    assert api.post(f"{place}/sync").status_code == 409


def test_refusals_are_problems(api: APIClient, fakes: Fakes) -> None:
    wrong = api.post(f"{PLACE}/connect", {"platform": "meta", "access_token": "wrong"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/access_token"
    assert api.post(f"{PLACE}/connect", {"platform": "myspace"}).status_code in (400, 422)
    assert api.get(f"{PLACE}/entities", {"colour": "red"}).status_code == 400
    assert api.get(f"{PLACE}/entities", {"kind": "planet"}).status_code == 400
    assert api.get(f"{PLACE}/999999").status_code == 404


def test_the_admin_shows_no_secret(sign_in: SignIn, meta_connection: AdConnection) -> None:
    staff = sign_in(factories.UserFactory(email="sam@stratum.ai", is_staff=True, is_superuser=True))
    shown = staff.get(f"/admin/integrations/adconnection/{meta_connection.pk}/change/").content.decode()
    assert "Northlight Outdoor (sandbox)" in shown
    assert meta_connection.credentials not in shown
