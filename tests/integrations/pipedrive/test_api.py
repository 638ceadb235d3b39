"""/api/v1/integrations/pipedrive."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from cdp.models import Segment
from cdp.services import segments
from integrations.models import PipedriveConnection, PipedriveInbox, PipedriveRow, PipedriveRun
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.integrations.pipedrive.company import CITY, OTHERS_TOKEN, TOKEN, Company, connection, pipedrive

__all__ = ["connection", "pipedrive"]
URL = "/api/v1/integrations/pipedrive"
EMAIL = {"local": "email", "code": "emails", "direction": "both", "rule": "newest"}


@pytest.fixture
def segment(workspace: Workspace, by_alice: Actor, now: datetime) -> Segment:
    return segments.create(
        workspace=workspace, by=by_alice, name="VIP", description="", condition={"type": "all"}, now=now
    )


@pytest.fixture
def row(connection: PipedriveConnection, now: datetime) -> PipedriveRow:
    run = PipedriveRun.objects.create(
        workspace=connection.workspace,
        connection=connection,
        mode="full",
        trigger="manual",
        state="succeeded",
        counts={"created": 1},
        started_by="Alice",
        created_at=now,
    )
    return run.rows.create(
        kind="person", action="failed", state="open", local_id=5, title="Anna", error="No.", response_code=400, at=now
    )


# Connect


def test_connecting(api: APIClient, pipedrive: Company) -> None:
    answer = api.post(f"{URL}/connect", {"api_token": TOKEN})
    assert answer.status_code == 200
    assert answer.json() == {
        "connected": True,
        "company": "Acme Sales",
        "user": "Ada Admin",
        "token_hint": TOKEN[-4:],
    }


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"api_token": "9" * 40}, "/api_token"),
        ({"api_token": ""}, "/api_token"),
        ({}, "/api_token"),
        ({"api_token": TOKEN, "domain": "x"}, "/domain"),
    ],
)
def test_a_wrong_token(api: APIClient, pipedrive: Company, body: dict[str, str], pointer: str) -> None:
    answer = api.post(f"{URL}/connect", body)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert not PipedriveConnection.objects.exists()


def test_a_token_of_another_company(api: APIClient, connection: PipedriveConnection) -> None:
    answer = api.post(f"{URL}/connect", {"api_token": OTHERS_TOKEN})
    assert (answer.status_code, answer.json()["code"]) == (409, "another_company")


def test_the_plan_is_asked_for(api: APIClient, workspace: Workspace) -> None:
    Workspace.objects.update(plan="starter")
    for method, address in (("get", "status"), ("get", "runs"), ("post", "connect"), ("post", "sync")):
        answer = getattr(api, method)(f"{URL}/{address}")
        assert (answer.status_code, answer.json()["code"]) == (403, "feature_not_in_plan")
        assert "Professional" in answer.json()["detail"]


# Status


def test_status_before_connecting(api: APIClient) -> None:
    told = api.get(f"{URL}/status").json()
    assert (told["connected"], told["health"], told["budget"]) == (False, "disconnected", None)


def test_status(api: APIClient, connection: PipedriveConnection, row: PipedriveRow) -> None:
    told = api.get(f"{URL}/status").json()
    names = {"connected", "health", "last_sync_at", "next_sync_at", "records_synced", "errors", "warnings"}
    assert names | {"queue_depth", "oldest_queued_seconds", "budget", "schedule"} <= set(told)
    assert (told["connected"], told["errors"], told["schedule"]) == (True, 1, "daily")
    assert told["records_synced"] == {"persons": 0, "activities": 0, "labels": 0, "deals": 0}
    assert told["budget"]["spent"] == 10


# Runs


def test_sync_is_accepted_with_its_run(api: APIClient, connection: PipedriveConnection) -> None:
    answer = api.post(f"{URL}/sync", {"mode": "full", "dry_run": True})
    assert answer.status_code == 202
    told = answer.json()
    assert (told["mode"], told["dry_run"], told["state"]) == ("full", True, "queued")
    assert answer["Location"].endswith(f"{URL}/runs/{told['id']}")
    assert api.get(answer["Location"]).json()["id"] == told["id"]
    assert (again := api.post(f"{URL}/sync")).status_code == 409
    assert again.json()["code"] == "sync_running"
    assert api.delete(f"{URL}/runs/{told['id']}").status_code == 204
    assert api.get(f"{URL}/runs/{told['id']}").json()["state"] == "stopped"
    assert [one["id"] for one in api.get(f"{URL}/runs").json()["results"]] == [told["id"]]


@pytest.mark.parametrize("body", [{"mode": "some"}, {"dry_run": "perhaps"}, {"force": True}])
def test_a_sync_that_makes_no_sense(api: APIClient, connection: PipedriveConnection, body: dict[str, Any]) -> None:
    assert api.post(f"{URL}/sync", body).status_code == 422


def test_a_sync_without_connection(api: APIClient) -> None:
    answer = api.post(f"{URL}/sync")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_connected")


def test_rows(api: APIClient, row: PipedriveRow) -> None:
    address = f"{URL}/runs/{row.run_id}/rows"
    (told,) = api.get(address, {"outcome": "failed", "state": "open"}).json()["results"]
    assert (told["title"], told["error"], told["response_code"]) == ("Anna", "No.", 400)
    assert api.get(address, {"outcome": "create"}).json()["results"] == []
    for wrong in ({"outcome": "nonsense"}, {"colour": "red"}, {"cursor": "x"}, {"limit": "0"}):
        assert api.get(address, wrong).status_code == 400


def test_retry_and_ignore(api: APIClient, row: PipedriveRow) -> None:
    assert api.post(f"{URL}/rows/{row.pk}/retry").json()["state"] == "retried"
    answer = api.post(f"{URL}/rows/{row.pk}/ignore")
    assert (answer.status_code, answer.json()["code"]) == (409, "row_settled")


# Mapping


def test_the_mapping_is_read_and_replaced(api: APIClient, connection: PipedriveConnection) -> None:
    told = api.get(f"{URL}/mapping").json()
    assert EMAIL.items() <= told["fields"][0].items()
    assert {"local": "id", "name": "Stratum - Profile ID", "type": "varchar"} in told["missing"]
    lines = [EMAIL, {"local": "first_name", "code": CITY}]
    replaced = api.put(f"{URL}/mapping", {"fields": lines})
    assert replaced.status_code == 200
    assert [one["code"] for one in replaced.json()["fields"]] == ["emails", CITY]


@pytest.mark.parametrize(
    ("line", "pointer", "code"),
    [
        ({"local": "traits.gone", "code": CITY}, "/fields/1/local", "unknown_field"),
        ({"local": "first_name", "code": "c" * 40}, "/fields/1/code", "unknown_field"),
        ({"local": "first_name", "code": "a" * 40}, "/fields/1/code", "wrong_type"),
        ({"local": "id", "code": CITY, "direction": "both"}, "/fields/1/direction", "wrong_direction"),
        ({"local": "email", "code": CITY, "direction": "both"}, "/fields/1/local", "taken"),
    ],
)
def test_a_wrong_mapping(
    api: APIClient, connection: PipedriveConnection, line: dict[str, str], pointer: str, code: str
) -> None:
    answer = api.put(f"{URL}/mapping", {"fields": [EMAIL, line]})
    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [(pointer, code)]


def test_fields_are_created(api: APIClient, connection: PipedriveConnection) -> None:
    assert api.post(f"{URL}/mapping/create-fields", {"fields": ["id"]}).json() == {"created": ["Stratum - Profile ID"]}
    assert api.post(f"{URL}/mapping/create-fields", {"fields": ["id"]}).json() == {"created": []}
    answer = api.post(f"{URL}/mapping/create-fields", {"fields": ["traits.gone"]})
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/fields/0"]


# Settings


def test_settings(api: APIClient, connection: PipedriveConnection, segment: Segment) -> None:
    wanted = {
        "objects": ["persons", "activities", "labels"],
        "direction": "to_pipedrive",
        "schedule": "hourly",
        "segment": str(segment.pk),
        "activities": [{"event": "purchase", "type": "call"}],
        "labels": [str(segment.pk)],
        "rates": {"USD": "0.9"},
    }
    answer = api.patch(f"{URL}/settings", wanted)
    assert answer.status_code == 200
    assert wanted.items() <= answer.json().items()
    assert api.get(f"{URL}/settings").json() == answer.json()


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"objects": ["deals"]}, 422, "/objects"),
        ({"schedule": "weekly"}, 422, "/schedule"),
        ({"direction": "sideways"}, 422, "/direction"),
        ({"labels": ["11111111-1111-4111-8111-111111111111"]}, 422, "/labels"),
        ({"colour": "red"}, 422, "/colour"),
        ({"schedule": "realtime"}, 403, None),
    ],
)
def test_wrong_settings(
    api: APIClient, connection: PipedriveConnection, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    answer = api.patch(f"{URL}/settings", body)
    assert answer.status_code == status
    assert [one["pointer"] for one in answer.json()["errors"]] == ([pointer] if pointer else [])


def test_pause_resume_disconnect(api: APIClient, connection: PipedriveConnection) -> None:
    for method, address, state in (
        ("post", f"{URL}/pause", "paused"),
        ("post", f"{URL}/resume", "connected"),
        ("delete", URL, "disconnected"),
    ):
        assert getattr(api, method)(address).status_code == 204
        connection.refresh_from_db()
        assert connection.state == state
    assert api.delete(URL).status_code == 409


# What waits for a person


def test_duplicates_and_conflicts(api: APIClient, connection: PipedriveConnection, now: datetime) -> None:
    connection.persons.create(remote_id=8, name="Anna B.", emails=["anna@example.com"], seen_at=now)
    connection.duplicates.create(reason="several_persons", local_id=5, remote_ids=[8, 9], created_at=now)
    link = connection.links.create(local_id=5, remote_id=8, synced_at=now)
    connection.conflicts.create(
        link=link, local="first_name", remote_name="First Name", winner="stratum", rule="newest", at=now
    )
    (told,) = api.get(f"{URL}/duplicates").json()["results"]
    assert [(one["id"], one["emails"], one["linked_to"]) for one in told["persons"]] == [
        (8, "anna@example.com", 5),
        (9, "", None),
    ]
    (conflict,) = api.get(f"{URL}/conflicts").json()["results"]
    assert (conflict["profile"], conflict["field"], conflict["winner"]) == (5, "first_name", "stratum")


def test_who_is_who(api: APIClient, connection: PipedriveConnection, now: datetime) -> None:
    doubt = connection.duplicates.create(reason="several_persons", local_id=5, remote_ids=[8, 9], created_at=now)
    address = f"{URL}/duplicates/{doubt.pk}/resolve"
    assert api.post(address, {"choice": "guess"}).status_code == 422
    assert [one["pointer"] for one in api.post(address, {"choice": "link"}).json()["errors"]] == ["/person"]
    assert api.post(address, {"choice": "keep_apart"}).json()["state"] == "ignored"
    assert api.post(address, {"choice": "keep_apart"}).status_code == 409


def test_testing_somebody_unknown(api: APIClient, connection: PipedriveConnection) -> None:
    assert api.post(f"{URL}/test", {"profile": 999}).status_code == 404
    assert api.post(f"{URL}/test", {"profile": "x"}).status_code == 422


# Pipedrive calls


def test_a_webhook_is_kept_once(api: APIClient, client: Any, connection: PipedriveConnection) -> None:
    PipedriveConnection.objects.update(webhook_password="", state="paused")
    address = f"{URL}/webhook/{connection.webhook_secret}"
    told = {"meta": {"id": "e-1", "entity": "person", "action": "change", "entity_id": "7"}, "data": {}}
    assert client.post(address, told, content_type="application/json").json() == {"received": True}
    assert client.post(address, told, content_type="application/json").json() == {"received": False}
    assert PipedriveInbox.objects.get().remote_id == 7


@pytest.mark.parametrize(
    ("secret", "sent", "status"),
    [("wrong", b"{}", 404), (None, b"no json", 400), (None, b"[]", 400), (None, b"{" + b" " * 300_000 + b"}", 413)],
)
def test_webhooks_that_are_none(
    client: Any, connection: PipedriveConnection, secret: str | None, sent: bytes, status: int
) -> None:
    PipedriveConnection.objects.update(webhook_password="")
    address = f"{URL}/webhook/{secret or connection.webhook_secret}"
    assert client.post(address, sent, content_type="application/json").status_code == status
    assert not PipedriveInbox.objects.exists()


# Whose


def test_it_checks_ownership(stranger_api: APIClient, connection: PipedriveConnection, row: PipedriveRow) -> None:
    assert stranger_api.get(f"{URL}/status").json()["connected"] is False
    for address in (f"runs/{row.run_id}", f"runs/{row.run_id}/rows"):
        assert stranger_api.get(f"{URL}/{address}").status_code == 404
    for act in ("retry", "ignore"):
        assert stranger_api.post(f"{URL}/rows/{row.pk}/{act}").status_code == 404
    for address in ("runs", "mapping", "settings", "duplicates", "conflicts"):
        assert stranger_api.get(f"{URL}/{address}").status_code == 409
    assert stranger_api.delete(URL).status_code == 409


@pytest.mark.parametrize(
    ("method", "address", "scope"),
    [
        ("post", "/connect", "settings"),
        ("patch", "/settings", "settings"),
        ("put", "/mapping", "settings"),
        ("delete", "", "settings"),
        ("post", "/sync", "execute"),
        ("get", "/status", "read"),
    ],
)
def test_scopes(api_with: Callable[..., APIClient], method: str, address: str, scope: str) -> None:
    every = {"read", "write", "approve", "execute", "settings", "team"}
    answer = getattr(api_with(*(every - {scope})), method)(f"{URL}{address}")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


# Repeated requests


def test_a_repeated_post_does_nothing_twice(api: APIClient, connection: PipedriveConnection) -> None:
    first = api.post(f"{URL}/sync", {"mode": "full"}, headers={"Idempotency-Key": "one"})
    again = api.post(f"{URL}/sync", {"mode": "full"}, headers={"Idempotency-Key": "one"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert again["Idempotency-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert PipedriveRun.objects.count() == 1
    other = api.post(f"{URL}/sync", {"mode": "incremental"}, headers={"Idempotency-Key": "one"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_test_tells_every_call(api: APIClient, row: PipedriveRow, as_alice: Client) -> None:
    exchange = {"call": "PATCH persons/{id}", "path": "api/v2/persons/5", "params": {}, "request": {"name": "Anna"}}
    told = [{**exchange, "status": 200, "answer": {"success": True}}, {**exchange, "status": None, "answer": None}]
    PipedriveRun.objects.update(mode="test", profile_id=5, exchanges=told)
    found = api.get(f"{URL}/runs/{row.run_id}").json()
    assert (found["profile_id"], found["exchanges"]) == (5, told)
    assert "exchanges" not in api.get(f"{URL}/runs").json()["results"][0]
    page = as_alice.get(f"/dashboard/integrations/pipedrive/runs/{row.run_id}").content.decode()
    for word in ("PATCH /api/v2/persons/5", "HTTP 200", "No answer", "&quot;name&quot;: &quot;Anna&quot;"):
        assert word in page, word
