"""/api/v1/support/conversations: asked and read by a program."""

from datetime import datetime

import pytest
from rest_framework.test import APIClient

from stratum.support import services
from stratum.support.models import Conversation
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace

URL = "/api/v1/support/conversations"
BODY = {"subject": "Counting", "text": "Why 9 %?"}


@pytest.fixture
def asked(workspace: Workspace, by_bob: Actor, now: datetime) -> Conversation:
    return services.ask(workspace=workspace, by=by_bob, **BODY, now=now)


def test_it_works(api: APIClient, now: datetime) -> None:
    made = api.post(URL, BODY, format="json")
    assert made.status_code == 201
    assert [(one["who"], one["text"]) for one in made.json()["messages"]] == [("API key Test program", "Why 9 %?")]
    services.answer(conversation=Conversation.objects.get(), by=SYSTEM, text="Because.", now=now)
    told = api.get(f"{URL}/{made.json()['id']}").json()
    assert [one["who"] for one in told["messages"]] == ["API key Test program", "Support"]
    assert told["waits_for_support"] is False
    assert [one["id"] for one in api.get(URL).json()["results"]] == [told["id"]]


def test_written_again_opens_what_was_closed(api: APIClient, asked: Conversation) -> None:
    link = f"{URL}/{asked.pk}"
    assert api.post(f"{link}/close").json()["closed_at"] is not None
    again = api.post(f"{link}/messages", {"text": "Still so."}, format="json")
    assert (again.status_code, again.json()["closed_at"]) == (201, None)
    assert [one["text"] for one in again.json()["messages"]] == ["Why 9 %?", "Still so."]


@pytest.mark.parametrize(("change", "pointer"), [({"text": " "}, "/text"), ({"subject": "x" * 121}, "/subject")])
def test_nothing_said_is_refused(api: APIClient, change: dict[str, str], pointer: str) -> None:
    refused = api.post(URL, {**BODY, **change}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert not Conversation.objects.exists()


def test_a_repeat_asks_once(api: APIClient) -> None:
    first, second = (api.post(URL, BODY, format="json", HTTP_IDEMPOTENCY_KEY="once") for _ in range(2))
    assert first.json() == second.json()
    assert Conversation.objects.count() == 1


def test_it_checks_ownership(stranger_api: APIClient, asked: Conversation) -> None:
    assert stranger_api.get(URL).json()["results"] == []
    for path, method in (("", "get"), ("/messages", "post"), ("/close", "post")):
        answer = getattr(stranger_api, method)(f"{URL}/{asked.pk}{path}", *([{"text": "x"}] if path else []))
        assert answer.status_code == 404
