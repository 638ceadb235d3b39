"""What other pages say of the CRM: the first page, a profile, and what holds a trait or a segment."""

from datetime import datetime

from django.test import Client
from rest_framework.test import APIClient

from cdp.models import Profile
from cdp.services import segments
from integrations.models import PipedriveConnection
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import profile_of, teller
from tests.cdp.traits.conftest import MakeTrait, make_trait, spend
from tests.integrations.pipedrive.company import LTV, connection, pipedrive

__all__ = ["connection", "make_trait", "pipedrive"]


def anna(workspace: Workspace, now: datetime) -> Profile:
    teller(workspace, now)("identify", user="anna", email="anna@example.com", first_name="Anna")
    return profile_of(workspace, "user_id", "anna")


def test_the_first_page_offers_to_connect(as_alice: Client) -> None:
    page = as_alice.get("/dashboard/").content.decode()
    assert page.count("Connect Pipedrive") >= 2, "the card and the first step"


def test_the_first_page_tells_the_health(as_alice: Client, connection: PipedriveConnection) -> None:
    page = as_alice.get("/dashboard/").content.decode()
    assert "Not synchronised yet" in page and "0 persons" in page


def test_starter_is_told_the_plan(as_alice: Client, workspace: Workspace) -> None:
    Workspace.objects.update(plan="starter")
    assert "Part of the Professional plan" in as_alice.get("/dashboard/").content.decode()


def test_a_smaller_plan_shows_what_was_synced_and_syncs_no_more(
    as_alice: Client, api: APIClient, connection: PipedriveConnection
) -> None:
    Workspace.objects.update(plan="starter")
    for address in ("/dashboard/integrations/pipedrive", "/dashboard/settings/integrations/crm"):
        assert as_alice.get(address).status_code == 200
    assert api.get("/api/v1/integrations/pipedrive/status").json()["connected"]
    assert api.post("/api/v1/integrations/pipedrive/sync").json()["code"] == "feature_not_in_plan"


def test_a_profile_shows_its_person_and_what_differs(
    as_bob: Client, connection: PipedriveConnection, now: datetime
) -> None:
    profile = anna(connection.workspace, now)
    address = f"/dashboard/cdp/profiles/{profile.pk}"
    assert "Last synced" not in as_bob.get(address).content.decode()
    key = "first_name:first_name"
    connection.links.create(local_id=profile.pk, remote_id=77, synced_at=now, base={key: {"o": "Anna", "t": "Anna"}})
    person = connection.persons.create(remote_id=77, values={key: "Anna"}, seen_at=now)
    page = as_bob.get(address).content.decode()
    assert "https://acme.pipedrive.com/person/77" in page and "Differences" in page
    person.values = {key: "Anne"}
    person.save()
    assert "Anna here, Anne there" in as_bob.get(address).content.decode()


def test_what_the_sync_uses_is_held(
    api: APIClient, connection: PipedriveConnection, by_alice: Actor, make_trait: MakeTrait, now: datetime
) -> None:
    workspace = connection.workspace
    anna(workspace, now)
    trait = make_trait(spend())
    vip = segments.create(
        workspace=workspace, by=by_alice, name="VIP", description="", condition={"type": "all"}, now=now
    )
    room = "/api/v1/integrations/pipedrive"
    api.put(f"{room}/mapping", {"fields": [{"local": "traits.spend", "code": LTV}]})
    api.patch(f"{room}/settings", {"labels": [str(vip.pk)]})
    for address, named in (
        (f"/api/v1/cdp/computed-traits/{trait.pk}", "LTV in Pipedrive"),
        (f"/api/v1/cdp/segments/{vip.pk}", "Label “VIP” in Pipedrive"),
    ):
        answer = api.delete(address)
        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
        assert named in answer.json()["detail"]
