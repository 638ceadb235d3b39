"""GET, PUT, PATCH and DELETE /api/v1/cdp/funnels/{id}, restore and duplicate."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.models import Funnel
from tests.cdp.funnels.conftest import BODY, MakeFunnel

URL = "/api/v1/cdp/funnels"


def address(funnel: Funnel, action: str = "") -> str:
    return f"{URL}/{funnel.pk}{action}"


class TestRead:
    def test_it_works(self, api: APIClient, funnel: Funnel) -> None:
        for end in ("", "/"):
            answer = api.get(address(funnel, end))
            assert answer.status_code == 200
            assert (answer.json()["name"], answer.json()["created_by"]) == ("Purchase Funnel", "Alice")

    def test_it_checks_ownership(self, stranger_api: APIClient, funnel: Funnel) -> None:
        assert stranger_api.get(address(funnel)).status_code == 404

    @pytest.mark.parametrize("name", ["00000000-0000-4000-8000-000000000000", "1", "..%2f", "x" * 500, "null"])
    def test_what_is_not_there(self, api: APIClient, name: str) -> None:
        answer = api.get(f"{URL}/{name}")
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"

    def test_what_did_not_change_is_not_sent_again(self, api: APIClient, funnel: Funnel) -> None:
        tag = api.get(address(funnel))["ETag"]
        for named in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            assert api.get(address(funnel), headers={"If-None-Match": named}).status_code == 304
        assert api.get(address(funnel), headers={"If-None-Match": '"other"'}).status_code == 200


class TestReplace:
    @pytest.mark.parametrize("named", ["W/{}", '"other", {}', "*"])
    def test_a_tag_is_known_again_in_every_form(self, api: APIClient, funnel: Funnel, named: str) -> None:
        seen = named.format(api.get(address(funnel))["ETag"])
        assert api.put(address(funnel), BODY, headers={"If-Match": seen}).status_code == 200

    def test_what_is_no_tag_names_nothing(self, api: APIClient, funnel: Funnel) -> None:
        assert api.put(address(funnel), BODY, headers={"If-Match": "three"}).status_code == 412

    def test_it_works(self, api: APIClient, funnel: Funnel, move_clock: Any, now: datetime) -> None:
        move_clock(now + timedelta(minutes=1))
        answer = api.put(address(funnel), {**BODY, "window": "P14D"})
        assert answer.status_code == 200
        assert (answer.json()["window"], answer.json()["version"]) == ("P14D", 2)
        assert answer.json()["updated_at"] == "2026-01-15T12:01:00Z"

    def test_the_version_counts_definitions_not_names(self, api: APIClient, funnel: Funnel) -> None:
        answer = api.put(address(funnel), {**BODY, "name": "Renamed", "window": "PT168H"})
        assert (answer.json()["name"], answer.json()["version"]) == ("Renamed", 1)

    def test_it_checks_ownership(self, stranger_api: APIClient, funnel: Funnel) -> None:
        assert stranger_api.put(address(funnel), BODY).status_code == 404

    def test_a_fault_changes_nothing(self, api: APIClient, funnel: Funnel) -> None:
        answer = api.put(address(funnel), {**BODY, "steps": []})
        assert answer.status_code == 422
        funnel.refresh_from_db()
        assert len(funnel.definition["steps"]) == 2

    def test_somebody_was_faster(self, api: APIClient, funnel: Funnel, move_clock: Any, now: datetime) -> None:
        tag = api.get(address(funnel))["ETag"]
        move_clock(now + timedelta(minutes=1))
        assert api.put(address(funnel), {**BODY, "window": "P1D"}, headers={"If-Match": tag}).status_code == 200
        late = api.put(address(funnel), {**BODY, "window": "P2D"}, headers={"If-Match": tag})
        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")

    def test_another_funnels_name(self, api: APIClient, funnel: Funnel, make_funnel: MakeFunnel) -> None:
        make_funnel(name="Taken")
        answer = api.put(address(funnel), {**BODY, "name": "Taken"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/name")


class TestChange:
    def test_it_works(self, api: APIClient, funnel: Funnel) -> None:
        answer = api.patch(address(funnel), {"window": "P1D"})
        assert answer.status_code == 200
        assert (answer.json()["name"], answer.json()["window"], answer.json()["version"]) == (
            "Purchase Funnel",
            "P1D",
            2,
        )

    def test_it_checks_ownership(self, stranger_api: APIClient, funnel: Funnel) -> None:
        assert stranger_api.patch(address(funnel), {"window": "P1D"}).status_code == 404

    @pytest.mark.parametrize("body", [{"id": "x"}, {"version": 7}, {"window": None}, {"name": ""}, []])
    def test_what_cannot_be_changed(self, api: APIClient, funnel: Funnel, body: object) -> None:
        assert api.patch(address(funnel), body).status_code == 422


class TestArchive:
    def test_it_works(self, api: APIClient, funnel: Funnel) -> None:
        assert api.delete(address(funnel)).status_code == 204
        assert api.get(URL).json()["results"] == []
        assert api.get(address(funnel)).json()["archived_at"] == "2026-01-15T12:00:00Z"
        assert api.delete(address(funnel)).status_code == 204

    def test_it_checks_ownership(self, stranger_api: APIClient, funnel: Funnel) -> None:
        assert stranger_api.delete(address(funnel)).status_code == 404
        funnel.refresh_from_db()
        assert funnel.archived_at is None

    def test_an_archived_funnel_is_not_changed(self, api: APIClient, funnel: Funnel) -> None:
        api.delete(address(funnel))
        assert api.patch(address(funnel), {"window": "P1D"}).json()["code"] == "archived"

    def test_it_frees_the_name(self, api: APIClient, funnel: Funnel) -> None:
        api.delete(address(funnel))
        assert api.post(URL, BODY).status_code == 201


class TestRestore:
    def test_it_works(self, api: APIClient, funnel: Funnel) -> None:
        api.delete(address(funnel))
        answer = api.post(address(funnel, "/restore"))
        assert (answer.status_code, answer.json()["archived_at"]) == (200, None)
        assert api.post(address(funnel, "/restore/")).status_code == 200

    def test_it_checks_ownership(self, stranger_api: APIClient, funnel: Funnel) -> None:
        assert stranger_api.post(address(funnel, "/restore")).status_code == 404

    def test_the_name_was_given_away(self, api: APIClient, funnel: Funnel) -> None:
        api.delete(address(funnel))
        api.post(URL, BODY)
        answer = api.post(address(funnel, "/restore"))
        assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
        funnel.refresh_from_db()
        assert funnel.archived_at is not None


class TestDuplicate:
    def test_it_works(self, api: APIClient, funnel: Funnel) -> None:
        first, second = api.post(address(funnel, "/duplicate")), api.post(address(funnel, "/duplicate"))
        assert first.status_code == 201
        assert first.json()["steps"] == funnel.definition["steps"]
        assert [first.json()["name"], second.json()["name"]] == ["Purchase Funnel (copy)", "Purchase Funnel (copy 2)"]

    def test_a_long_name_still_fits(self, api: APIClient, make_funnel: MakeFunnel) -> None:
        copy = api.post(address(make_funnel(name="x" * 120), "/duplicate")).json()
        assert copy["name"] == "x" * 113 + " (copy)"

    def test_it_checks_ownership(self, stranger_api: APIClient, funnel: Funnel) -> None:
        assert stranger_api.post(address(funnel, "/duplicate")).status_code == 404
        assert Funnel.objects.count() == 1


@pytest.mark.parametrize(
    ("method", "action"), [("put", ""), ("patch", ""), ("delete", ""), ("post", "/restore"), ("post", "/duplicate")]
)
def test_writing_needs_the_right_to_build(api_with: Any, funnel: Funnel, method: str, action: str) -> None:
    answer = getattr(api_with("read"), method)(address(funnel, action), BODY)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
