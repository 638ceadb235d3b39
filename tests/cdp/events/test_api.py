"""/api/v1/cdp/events, …/void and /api/v1/cdp/event-aliases."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.models import Change, Event, EventAlias, RejectedItem
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

URL = "/api/v1/cdp/events"
ALIASES = "/api/v1/cdp/event-aliases"


class TestList:
    def test_it_works(self, api: APIClient, order: Event, refused: RejectedItem) -> None:
        answer = api.get(URL)
        assert answer.status_code == 200
        by_outcome = {row["outcome"]: row for row in answer.json()["results"]}
        accepted, rejected = by_outcome["accepted"], by_outcome["rejected"]
        assert accepted["event"]["message_id"] == "order-1"
        assert accepted["event"]["original_name"] == "Order Completed"
        assert accepted["source"] == "Test source" and accepted["rejection"] is None
        assert rejected["rejection"]["code"] == "missing_identity"
        assert '"plan"' in rejected["rejection"]["item"] and rejected["event"] is None

    def test_a_trailing_slash_is_the_same_address(self, api: APIClient, order: Event) -> None:
        assert len(api.get(f"{URL}/").json()["results"]) == 1

    def test_it_checks_ownership(self, stranger_api: APIClient, order: Event, refused: RejectedItem) -> None:
        assert stranger_api.get(URL).json() == {"results": []}

    def test_filters(self, api: APIClient, order: Event, refused: RejectedItem) -> None:
        def found(**query: str) -> list[str]:
            return [row["name"] for row in api.get(URL, query).json()["results"]]

        assert found(outcome="accepted") == ["purchase"]
        assert found(outcome="rejected") == ["signup"]
        assert found(name="purchase") == found(name="Order Completed") == ["purchase"]
        assert found(name="purch") == []
        assert len(found(limit="1")) == 1

    @pytest.mark.parametrize(
        "query", [{"outcome": "x"}, {"event": "a"}, {"limit": "0"}, {"limit": "x"}, {"cursor": "abc"}]
    )
    def test_bad_input_is_400(self, api: APIClient, order: Event, query: dict[str, str]) -> None:
        answer = api.get(URL, query)
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"


class TestVoid:
    def test_it_works(self, api: APIClient, order: Event) -> None:
        body = {"message_ids": ["order-1", "none"], "reason": "test order"}
        answer = api.post(f"{URL}/void", body)
        assert answer.status_code == 200
        assert answer.json() == {"voided": 1, "unknown": ["none"]}
        assert Change.objects.get(kind="void").reason == "test order"
        assert api.post(f"{URL}/void/", body).json()["voided"] == 0

    def test_it_checks_ownership(self, stranger_api: APIClient, order: Event) -> None:
        answer = stranger_api.post(f"{URL}/void", {"message_ids": ["order-1"]})
        assert answer.json() == {"voided": 0, "unknown": ["order-1"]}
        assert not Change.objects.exists()

    def test_it_needs_the_scope_write(self, api_with: Any, order: Event) -> None:
        assert api_with("read").post(f"{URL}/void", {"message_ids": ["order-1"]}).status_code == 403

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"message_ids": []},
            {"message_ids": "order-1"},
            {"message_ids": [None]},
            {"message_ids": [{}]},
            {"message_ids": ["x" * 300]},
            {"message_ids": ["x"] * 1001},
            {"message_ids": ["a\x00"]},
            {"message_ids": ["a"], "reason": "x" * 501},
            {"message_ids": ["a"], "why": ""},
            [],
            "text",
        ],
        ids=str,
    )
    def test_bad_input_is_422(self, api: APIClient, order: Event, body: Any) -> None:
        answer = api.post(f"{URL}/void", body)
        assert answer.status_code == 422
        assert answer.json()["errors"]


class TestAliases:
    LINE = {"original": "Bought", "name": "purchase"}

    def test_it_works(self, api: APIClient, workspace: Workspace) -> None:
        answer = api.put(ALIASES, {"aliases": [self.LINE, {"original": "Order Completed", "name": "order"}]})
        assert answer.status_code == 200
        assert answer.json() == api.get(f"{ALIASES}/").json()
        assert answer.json()["aliases"] == [self.LINE, {"original": "Order Completed", "name": "order"}]
        defaults = {line["original"]: line for line in answer.json()["defaults"]}
        assert defaults["Order Completed"] == {"original": "Order Completed", "name": "purchase", "overridden": True}
        assert defaults["Product Viewed"]["overridden"] is False

    def test_it_holds_for_what_arrives_next(self, api: APIClient, tell: Tell) -> None:
        api.put(ALIASES, {"aliases": [self.LINE]})
        tell("Bought", user="anna")
        assert Event.objects.get().name == "purchase"

    def test_an_empty_table_keeps_the_defaults(self, api: APIClient, workspace: Workspace) -> None:
        EventAlias.objects.create(workspace=workspace, original="A", name="a")
        answer = api.put(ALIASES, {"aliases": []}).json()
        assert answer["aliases"] == [] and answer["defaults"]

    def test_it_checks_ownership(self, stranger_api: APIClient, workspace: Workspace) -> None:
        EventAlias.objects.create(workspace=workspace, original="A", name="a")
        assert stranger_api.get(ALIASES).json()["aliases"] == []
        stranger_api.put(ALIASES, {"aliases": [self.LINE]})
        assert EventAlias.objects.get(workspace=workspace).original == "A"

    def test_it_needs_the_scope_write(self, api_with: Any) -> None:
        reader = api_with("read")
        assert reader.get(ALIASES).status_code == 200
        assert reader.put(ALIASES, {"aliases": []}).status_code == 403

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/aliases"),
            ({"aliases": "text"}, "/aliases"),
            ({"aliases": [{"original": "A"}]}, "/aliases/0/name"),
            ({"aliases": [{"original": "A", "name": " "}]}, "/aliases/0/name"),
            ({"aliases": [{"original": "A", "name": "x" * 201}]}, "/aliases/0/name"),
            ({"aliases": [LINE, LINE]}, "/aliases/1/original"),
            ({"aliases": [LINE], "defaults": []}, "/defaults"),
            ({"aliases": [LINE | {"note": 1}]}, "/aliases/0/note"),
            ({"aliases": [LINE | {"original": "a\0b"}]}, "/aliases/0/original"),
            ({"aliases": ["text"]}, "/aliases/0"),
        ],
    )
    def test_every_fault_comes_with_its_pointer(self, api: APIClient, body: Any, pointer: str) -> None:
        answer = api.put(ALIASES, body)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
