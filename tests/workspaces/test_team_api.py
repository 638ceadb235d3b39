"""/api/v1/members, /invitations and the workspace's settings: what the pages can, under the same rules."""

from collections.abc import Callable

from django.core import mail
from rest_framework.test import APIClient

from stratum.workspaces.models import Invitation, Member, User, Workspace
from tests.workspaces.test_team import place_of, role_of


def test_a_role_is_changed_and_somebody_removed(api: APIClient, alice: User, bob: User, workspace: Workspace) -> None:
    place = f"/api/v1/members/{place_of(bob, workspace).pk}"
    assert api.get(place).json()["role"] == "analyst"
    assert api.patch(place, {"role": "manager"}).json()["role"] == "manager"
    assert api.patch(place, {"role": "king"}).status_code == 422
    assert api.delete(place).status_code == 204
    assert role_of(bob, workspace) is None


def test_the_last_owner_stays(api: APIClient, alice: User, workspace: Workspace) -> None:
    place = f"/api/v1/members/{place_of(alice, workspace).pk}"
    assert api.patch(place, {"role": "viewer"}).status_code in {403, 409}
    assert api.delete(place).status_code in {403, 409}
    assert role_of(alice, workspace) == "owner"


def test_an_invitation_is_sent_and_withdrawn(
    api: APIClient, workspace: Workspace, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = api.post("/api/v1/invitations", {"email": "New@example.com", "role": "viewer"})
    assert made.status_code == 201, made.content
    assert made.json()["link"] in mail.outbox[0].body
    [listed] = api.get("/api/v1/invitations").json()["results"]
    assert (listed["email"], "link" in listed) == ("new@example.com", False)
    assert api.delete(f"/api/v1/invitations/{listed['id']}").status_code == 204
    assert not Invitation.objects.exists()


def test_settings_are_changed_and_checked(api: APIClient, workspace: Workspace) -> None:
    assert api.patch("/api/v1/workspace", {"time_zone": "Asia/Tokyo"}).json()["time_zone"] == "Asia/Tokyo"
    for body, pointer in (({"currency": "euro"}, "/currency"), ({"plan": "enterprise"}, "/plan")):
        refused = api.patch("/api/v1/workspace", body)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    workspace.refresh_from_db()
    assert (workspace.name, workspace.plan, workspace.currency) == ("Acme", "professional", "EUR")


def test_strangers_and_readers_may_not(
    stranger_api: APIClient, api_with: Callable[..., APIClient], bob: User, workspace: Workspace
) -> None:
    place = f"/api/v1/members/{place_of(bob, workspace).pk}"
    assert [stranger_api.get(place).status_code, stranger_api.delete(place).status_code] == [404, 404]
    reader = api_with("read")
    assert reader.patch(place, {"role": "owner"}).status_code == 403
    assert reader.post("/api/v1/invitations", {"email": "a@example.com", "role": "viewer"}).status_code == 403
    assert reader.patch("/api/v1/workspace", {"name": "Mine"}).status_code == 403
    assert Member.objects.filter(user=bob).exists()
