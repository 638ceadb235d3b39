"""/api/v1/saved-views: what a program keeps for the team, and what a person sees there."""

from datetime import datetime

import pytest
from django.test import Client
from rest_framework.test import APIClient

from stratum.reports.models import SavedView
from stratum.reports.services import saved_views
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

URL = "/api/v1/saved-views"
PAGE = "/dashboard/cdp/profiles"
BODY = {"page": PAGE, "query": "search=anna&page=3", "name": "Anna"}


@pytest.fixture
def private(workspace: Workspace, by_bob: Actor, now: datetime) -> SavedView:
    return saved_views.save(
        workspace=workspace, by=by_bob, page=PAGE, query="search=bob", name="Bob's", shared=False, now=now
    )


def test_it_works(api: APIClient) -> None:
    made = api.post(URL, BODY, format="json")
    assert made.status_code == 201
    assert made.json()["address"] == f"{PAGE}?search=anna"
    assert (made.json()["shared"], made.json()["created_by"]) == (True, None)
    listed = api.get(URL, {"page": PAGE}).json()
    assert [one["name"] for one in listed["results"]] == ["Anna"]
    assert api.get(URL, {"page": "/dashboard/"}).json()["results"] == []


def test_everybodys_own_views_stay_their_own(
    api: APIClient, as_bob: Client, as_alice: Client, private: SavedView
) -> None:
    assert [one["name"] for one in as_bob.get(URL).json()["results"]] == ["Bob's"]
    for other in (api, as_alice):
        assert other.get(URL).json()["results"] == []
        assert other.get(f"{URL}/{private.pk}").status_code == 404


def test_shared_and_taken_back(as_bob: Client, as_alice: Client, private: SavedView) -> None:
    link, asked = f"{URL}/{private.pk}", {"content_type": "application/json"}
    assert as_bob.patch(link, {"shared": True}, **asked).json()["shared"] is True
    tag = as_alice.get(link)["ETag"]
    assert as_bob.patch(link, {"shared": False}, **asked).status_code == 200
    assert as_alice.get(link).status_code == 404
    late = as_bob.patch(link, {"shared": True}, **asked, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")


def test_deleted_and_restored(api: APIClient) -> None:
    link = f"{URL}/{api.post(URL, BODY, format='json').json()['id']}"
    assert api.delete(link).status_code == 204
    assert api.get(link).status_code == 404
    assert api.post(f"{link}/restore").json()["name"] == "Anna"
    assert api.get(link).status_code == 200


def test_a_program_has_no_views_of_its_own(api: APIClient) -> None:
    refused = api.post(URL, {**BODY, "shared": False}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/shared")
    link = f"{URL}/{api.post(URL, BODY, format='json').json()['id']}"
    refused = api.patch(link, {"shared": False}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "nobodys")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"page": "/admin/"}, "/page"), ({"name": " "}, "/name"), ({"query": "x" * 5_000}, "/query"), ({"a": 1}, "/a")],
)
def test_what_cannot_be_saved_is_said(api: APIClient, change: dict[str, object], pointer: str) -> None:
    refused = api.post(URL, {**BODY, **change}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


def test_it_checks_ownership(stranger_api: APIClient, api: APIClient) -> None:
    link = f"{URL}/{api.post(URL, BODY, format='json').json()['id']}"
    assert stranger_api.get(URL).json()["results"] == []
    assert {stranger_api.get(link).status_code, stranger_api.delete(link).status_code} == {404}
