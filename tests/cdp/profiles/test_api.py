"""/api/v1/cdp/profiles and what is below it."""

from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.models import Change, Identifier, Profile
from cdp.services import profiles as services
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

URL = "/api/v1/cdp/profiles"
NONSENSE = ["0", "1", "9" * 18, "9" * 40, "text", "-1"]


def numbers(answer: Any) -> list[int]:
    return [profile["id"] for profile in answer.json()["results"]]


class TestList:
    def test_it_works(self, api: APIClient, anna: Profile, ben: Profile) -> None:
        answer = api.get(URL)
        assert answer.status_code == 200
        assert numbers(answer) == [ben.pk, anna.pk]
        assert answer.json()["results"][1] == {
            "id": anna.pk,
            "identifiers": {"user_id": ["anna"], "email": ["anna@example.com"]},
            "attributes": {"email": "anna@example.com", "first_name": "Anna", "last_name": "Berg", "plan": "pro"},
            "traits": {},
            "segments": [],
            "lifecycle_stage": "customer",
            "created_at": "2026-01-13T10:00:00Z",
            "last_seen_at": "2026-01-13T12:00:00Z",
            "events": 2,
            "purchases": 1,
        }

    def test_a_trailing_slash_is_the_same_address(self, api: APIClient, anna: Profile) -> None:
        assert numbers(api.get(f"{URL}/")) == [anna.pk]

    def test_it_checks_ownership(self, stranger_api: APIClient, anna: Profile) -> None:
        assert numbers(stranger_api.get(URL)) == []
        assert numbers(stranger_api.get(URL, {"user_id": "anna"})) == []

    def test_pages_do_not_overlap(self, api: APIClient, tell: Tell) -> None:
        for number in range(5):
            tell("view_content", user=f"user-{number}")
        first = api.get(URL, {"limit": 3})
        second = api.get(first.json()["next"])
        assert len(set(numbers(first) + numbers(second))) == 5
        assert second.json()["next"] is None
        assert numbers(api.get(second.json()["previous"])) == numbers(first)

    @pytest.mark.parametrize(
        ("kind", "value"), [("user_id", "ben"), ("email", "BEN@example.com"), ("phone", "+49 151 23456789")]
    )
    def test_filters_are_exact(self, api: APIClient, anna: Profile, ben: Profile, kind: str, value: str) -> None:
        assert numbers(api.get(URL, {kind: value})) == [ben.pk]
        assert numbers(api.get(URL, {kind: value[:2]})) == []

    def test_filters_are_joined_by_and(self, api: APIClient, anna: Profile, ben: Profile) -> None:
        assert numbers(api.get(URL, {"user_id": "ben", "email": "ben@example.com"})) == [ben.pk]
        assert numbers(api.get(URL, {"user_id": "anna", "email": "ben@example.com"})) == []

    @pytest.mark.parametrize(
        "query", [{"name": "Anna"}, {"limit": "0"}, {"limit": "x"}, {"cursor": "nonsense"}, {"cursor": "cD1hYmM="}]
    )
    def test_bad_input_is_400(self, api: APIClient, anna: Profile, query: dict[str, str]) -> None:
        answer = api.get(URL, query)
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(query))}"

    def test_it_asks_little_of_the_database(
        self, api: APIClient, tell: Tell, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(20):
            tell("view_content", user=f"user-{number}")
        with django_assert_max_num_queries(9):
            api.get(URL)


class TestOne:
    def test_it_works(self, api: APIClient, anna: Profile) -> None:
        answer = api.get(f"{URL}/{anna.pk}")
        assert answer.status_code == 200
        assert answer.json()["id"] == anna.pk
        assert answer.json()["merges"] == []

    def test_it_checks_ownership(self, stranger_api: APIClient, anna: Profile) -> None:
        answer = stranger_api.get(f"{URL}/{anna.pk}")
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"

    @pytest.mark.parametrize("number", NONSENSE)
    def test_a_number_that_is_none_is_404(self, api: APIClient, anna: Profile, number: str) -> None:
        answer = api.get(f"{URL}/{number}")
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"

    def test_a_merged_one_leads_to_its_survivor(self, api: APIClient, merged: tuple[Profile, Profile]) -> None:
        survivor, loser = merged
        answer = api.get(f"{URL}/{loser.pk}").json()
        assert answer["id"] == survivor.pk
        assert [merge["profile"] for merge in answer["merges"]] == [loser.pk]

    def test_people_may_read_it_in_the_browser(self, as_bob: Any, anna: Profile) -> None:
        assert as_bob.get(f"{URL}/{anna.pk}").json()["id"] == anna.pk


class TestErase:
    def test_it_works(self, api: APIClient, anna: Profile) -> None:
        assert api.delete(f"{URL}/{anna.pk}").status_code == 204
        gone = api.get(f"{URL}/{anna.pk}")
        assert gone.status_code == 404
        assert "erased" in gone.json()["detail"]
        assert api.delete(f"{URL}/{anna.pk}").status_code == 404
        assert numbers(api.get(URL)) == []

    def test_it_checks_ownership(self, stranger_api: APIClient, anna: Profile) -> None:
        assert stranger_api.delete(f"{URL}/{anna.pk}").status_code == 404
        assert Identifier.objects.filter(profile=anna).exists()

    def test_it_needs_the_scope_team(self, api_with: Any, anna: Profile) -> None:
        answer = api_with("read", "write", "settings").delete(f"{URL}/{anna.pk}")
        assert answer.status_code == 403
        assert "“team”" in answer.json()["detail"]


class TestEvents:
    def test_it_works(self, api: APIClient, anna: Profile) -> None:
        answer = api.get(f"{URL}/{anna.pk}/events").json()
        assert [event["name"] for event in answer["results"]] == ["purchase", "identify", "page_view"]
        purchase = answer["results"][0]
        assert purchase["properties"] == {"revenue": 49.9, "currency": "EUR"}
        assert purchase["timestamp"] == "2026-01-13T12:00:00Z"
        assert purchase["kind"] == "track"
        assert purchase["voided"] is False

    def test_it_checks_ownership(self, stranger_api: APIClient, anna: Profile) -> None:
        assert stranger_api.get(f"{URL}/{anna.pk}/events").status_code == 404

    @pytest.mark.parametrize("number", NONSENSE)
    def test_a_number_that_is_none_is_404(self, api: APIClient, anna: Profile, number: str) -> None:
        assert api.get(f"{URL}/{number}/events").status_code == 404

    def test_pages_hold_every_event_once(self, api: APIClient, tell: Tell, anna: Profile) -> None:
        for number in range(6):
            tell("view_content", user="anna", hours_ago=number // 3)
        seen, address = [], f"{URL}/{anna.pk}/events?limit=2"
        while address:
            answer = api.get(address).json()
            seen += [event["id"] for event in answer["results"]]
            address = answer["next"]
        assert len(seen) == len(set(seen)) == 9

    def test_those_from_before_a_merge_are_there(self, api: APIClient, merged: tuple[Profile, Profile]) -> None:
        answer = api.get(f"{URL}/{merged[0].pk}/events").json()
        assert [event["name"] for event in answer["results"]] == ["identify", "view_content", "purchase"]

    def test_voided_ones_are_marked(self, api: APIClient, workspace: Workspace, tell: Tell, now: datetime) -> None:
        tell("purchase", user="eve", message_id="order-1")
        services.void_events(workspace=workspace, message_ids=["order-1"], reason="", by=SYSTEM, now=now)
        (eve,) = api.get(URL, {"user_id": "eve"}).json()["results"]
        assert eve["events"] == 0
        assert api.get(f"{URL}/{eve['id']}/events").json()["results"][0]["voided"] is True

    @pytest.mark.parametrize("query", [{"name": "purchase"}, {"cursor": "cD1hYmM="}, {"limit": "-1"}])
    def test_bad_input_is_400(self, api: APIClient, anna: Profile, query: dict[str, str]) -> None:
        assert api.get(f"{URL}/{anna.pk}/events", query).status_code == 400


class TestSplit:
    def test_it_works(self, api: APIClient, merged: tuple[Profile, Profile]) -> None:
        survivor, loser = merged
        (merge,) = api.get(f"{URL}/{survivor.pk}").json()["merges"]
        answer = api.post(f"{URL}/{survivor.pk}/split", {"merge": merge["id"]})
        assert answer.status_code == 200
        assert answer.json()["id"] == loser.pk
        assert answer.json()["identifiers"] == {"anonymous_id": ["cookie-d"]}
        assert answer.json()["events"] == 1
        assert api.get(f"{URL}/{survivor.pk}").json()["events"] == 1

    def test_it_checks_ownership(self, stranger_api: APIClient, merged: tuple[Profile, Profile]) -> None:
        merge = Change.objects.get(kind="merge").pk
        assert stranger_api.post(f"{URL}/{merged[0].pk}/split", {"merge": merge}).status_code == 404

    def test_it_needs_the_scope_write(self, api_with: Any, merged: tuple[Profile, Profile]) -> None:
        assert api_with("read").post(f"{URL}/{merged[0].pk}/split", {"merge": 1}).status_code == 403

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 422),
            ({"merge": "text"}, 422),
            ({"merge": None}, 422),
            ({"merge": 0}, 422),
            ({"merge": 10**30}, 422),
            ({"merge": 1, "other": 2}, 422),
            ([], 422),
            ({"merge": 1}, 404),
        ],
    )
    def test_bad_input(self, api: APIClient, merged: tuple[Profile, Profile], body: Any, status: int) -> None:
        assert api.post(f"{URL}/{merged[0].pk}/split", body).status_code == status


class TestLookup:
    @pytest.mark.parametrize(
        ("kind", "value"), [("user_id", "anna"), ("email", " ANNA@example.com"), ("email", "anna@example.com")]
    )
    def test_it_works(self, api: APIClient, anna: Profile, ben: Profile, kind: str, value: str) -> None:
        answer = api.get(f"{URL}/lookup", {kind: value})
        assert answer.status_code == 200
        assert answer.json()["id"] == anna.pk
        assert answer.json()["traits"] == {} and answer.json()["segments"] == []

    def test_by_phone_and_cookie(self, api: APIClient, ben: Profile, visitor: Profile) -> None:
        assert api.get(f"{URL}/lookup/", {"phone": "+4915123456789"}).json()["id"] == ben.pk
        assert api.get(f"{URL}/lookup/", {"anonymous_id": "cookie-1"}).json()["id"] == visitor.pk

    def test_it_checks_ownership(self, stranger_api: APIClient, anna: Profile) -> None:
        assert stranger_api.get(f"{URL}/lookup", {"user_id": "anna"}).status_code == 404

    def test_nobody_is_404(self, api: APIClient, anna: Profile) -> None:
        answer = api.get(f"{URL}/lookup", {"user_id": "Anna"})
        assert answer.status_code == 404
        assert "Anna" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "query",
        [{}, {"user_id": ""}, {"user_id": "anna", "email": "a@b.de"}, {"name": "Anna"}, {"user_id": "a", "limit": "1"}],
    )
    def test_exactly_one_identifier(self, api: APIClient, anna: Profile, query: dict[str, str]) -> None:
        assert api.get(f"{URL}/lookup", query).status_code == 400

    def test_it_asks_little_of_the_database(
        self, api: APIClient, anna: Profile, django_assert_max_num_queries: Any
    ) -> None:
        api.get(f"{URL}/lookup", {"user_id": "anna"})
        with django_assert_max_num_queries(9):
            api.get(f"{URL}/lookup", {"user_id": "anna"})
