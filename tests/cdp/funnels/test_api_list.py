"""GET and POST /api/v1/cdp/funnels."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.models import Funnel
from stratum.workspaces.models import User, Workspace
from tests.cdp.funnels.conftest import BODY, MakeFunnel

URL = "/api/v1/cdp/funnels"

DOCUMENTED: dict[str, Any] = {
    "name": "Purchase Funnel",
    "description": "",
    "steps": [
        {"event": "page_view", "label": "Landing Page"},
        {"event": "view_content"},
        {
            "event": ["add_to_cart", "add_to_wishlist"],
            "where": {"property": "value", "op": "gt", "value": 10},
            "max_gap": "P1D",
        },
        {"event": "purchase"},
    ],
    "mode": "ordered",
    "window": "P7D",
    "counting": "unique",
    "exclusions": [],
}


class TestCreate:
    def test_it_works(self, api: APIClient, workspace: Workspace) -> None:
        answer = api.post(URL, DOCUMENTED)
        assert answer.status_code == 201
        funnel = Funnel.objects.get(workspace=workspace)
        assert answer.json() == {
            "id": str(funnel.pk),
            **DOCUMENTED,
            "version": 1,
            "created_by": None,
            "created_at": "2026-01-15T12:00:00Z",
            "updated_at": "2026-01-15T12:00:00Z",
            "archived_at": None,
        }
        assert answer["ETag"]

    def test_a_trailing_slash_is_the_same_address(self, api: APIClient) -> None:
        assert api.post(f"{URL}/", BODY).status_code == 201
        assert len(api.get(f"{URL}/").json()["results"]) == 1

    def test_a_person_owns_what_he_creates(self, as_bob: Any, bob: User) -> None:
        answer = as_bob.post(URL, BODY, content_type="application/json")
        assert answer.status_code == 201
        assert answer.json()["created_by"] == "Bob"

    def test_every_fault_comes_with_its_pointer(self, api: APIClient) -> None:
        answer = api.post(URL, {"steps": [{"event": ""}, {"event": "a", "colour": 1}], "window": "P400D"})
        assert answer.status_code == 422
        assert answer["Content-Type"] == "application/problem+json"
        assert {fault["pointer"] for fault in answer.json()["errors"]} == {
            "/name",
            "/steps/0/event",
            "/steps/1/colour",
            "/window",
        }
        assert not Funnel.objects.exists()

    @pytest.mark.parametrize("body", ["[]", '"funnel"', "7", "null", "{}", '{"steps": {}}'])
    def test_bodies_that_are_no_funnel(self, api: APIClient, body: str) -> None:
        answer = api.post(URL, body, content_type="application/json")
        assert answer.status_code == 422
        assert answer.json()["errors"]

    @pytest.mark.parametrize(
        "body", ["{", "", "\x00", "[" * 100_000, '{"name": NaN}', '{"name": ' * 900 + "1" + "}" * 900]
    )
    def test_bodies_that_are_no_json(self, api: APIClient, body: str) -> None:
        answer = api.post(URL, body, content_type="application/json")
        assert answer.status_code in {400, 422}
        assert answer.json()["detail"]

    def test_what_postgresql_cannot_store_is_refused(self, api: APIClient) -> None:
        body = '{"name": "a\\u0000b", "steps": [{"event": "\\ud800"}, {"event": "b"}]}'
        answer = api.post(URL, body, content_type="application/json")
        assert answer.status_code == 422
        assert {fault["code"] for fault in answer.json()["errors"]} == {"unstorable"}

    def test_a_name_is_taken_once(self, api: APIClient, funnel: Funnel) -> None:
        answer = api.post(URL, BODY)
        assert answer.status_code == 422
        assert answer.json()["errors"][0] | {"detail": ""} == {"pointer": "/name", "detail": "", "code": "taken"}
        assert "Choose another name" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "change",
        [
            {"mode": "strict"},
            {"counting": "totals"},
            {"exclusions": [{"event": "refund", "between": [0, 1]}]},
        ],
    )
    def test_every_way_to_count_is_saved(self, api: APIClient, change: dict[str, Any]) -> None:
        answer = api.post(URL, {**BODY, **change})
        assert answer.status_code == 201
        assert answer.json() | change == answer.json()

    def test_what_the_engine_cannot_count_is_not_saved(self, api: APIClient) -> None:
        refused = {
            "mode": "any_order",
            "counting": "totals",
            "exclusions": [{"event": "refund", "between": [0, 1]}],
        }
        answer = api.post(URL, {**BODY, **refused})
        assert (answer.status_code, answer.json()["code"]) == (422, "not_supported")
        assert not Funnel.objects.exists()

    def test_it_needs_the_feature(self, api: APIClient, workspace: Workspace) -> None:
        workspace.plan = "starter"
        workspace.save()
        for answer in (api.post(URL, BODY), api.get(URL)):
            assert (answer.status_code, answer.json()["code"]) == (403, "feature_not_in_plan")
            assert "Professional" in answer.json()["detail"]

    def test_it_checks_rights(self, api_with: Any, as_role: Any) -> None:
        assert api_with("read").post(URL, BODY).status_code == 403
        assert as_role("viewer").post(URL, BODY, content_type="application/json").status_code == 403
        assert APIClient().post(URL, BODY).status_code == 401


class TestList:
    def test_it_works(self, api: APIClient, make_funnel: MakeFunnel) -> None:
        make_funnel(name="One")
        make_funnel(name="Two")
        answer = api.get(URL)
        assert answer.status_code == 200
        assert answer.json()["next"] is None
        assert {funnel["name"] for funnel in answer.json()["results"]} == {"One", "Two"}

    def test_it_checks_ownership(self, stranger_api: APIClient, funnel: Funnel) -> None:
        assert stranger_api.get(URL).json()["results"] == []

    def test_search_and_archive(self, api: APIClient, make_funnel: MakeFunnel) -> None:
        make_funnel(name="Sign-up")
        gone = make_funnel(name="Old sign-up")
        make_funnel(name="Purchase")
        api.delete(f"{URL}/{gone.pk}")
        names = lambda query: [funnel["name"] for funnel in api.get(f"{URL}{query}").json()["results"]]
        assert names("?search=SIGN") == ["Sign-up"]
        assert names("?archived=true") == ["Old sign-up"]

    def test_pages_follow_one_another(self, api: APIClient, make_funnel: MakeFunnel, now: datetime) -> None:
        for number in range(5):
            funnel = make_funnel(name=f"Funnel {number}")
            Funnel.objects.filter(pk=funnel.pk).update(created_at=now + timedelta(minutes=number))
        first = api.get(f"{URL}?limit=2").json()
        second = api.get(first["next"]).json()
        third = api.get(second["next"]).json()
        names = [funnel["name"] for page in (first, second, third) for funnel in page["results"]]
        assert names == [f"Funnel {number}" for number in (4, 3, 2, 1, 0)]
        assert third["next"] is None

    @pytest.mark.parametrize("query", ["?colour=red", "?archived=perhaps", "?cursor=nonsense", "?limit=0"])
    def test_what_it_does_not_know_is_refused(self, api: APIClient, query: str) -> None:
        answer = api.get(f"{URL}{query}")
        assert answer.status_code == 400
        assert answer.json()["errors"]
