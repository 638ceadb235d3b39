"""The tracking API as SDKs meet it."""

import base64
import gzip
import json
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client

from cdp.models import Event, Profile, RejectedItem
from stratum.workspaces.models import Workspace, WriteKey

pytestmark = pytest.mark.django_db


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


@pytest.fixture
def send(client: Client, write_key_text: str) -> Any:
    """`send("track", {…})`: the answer to a request with the write key as Basic user."""

    def sent(endpoint: str, body: object, *, headers: dict[str, str] | None = None, **extra: Any) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body)
        content_type = extra.pop("content_type", "application/json")
        return client.post(
            f"/v1/{endpoint}", data, content_type=content_type, headers={**basic(write_key_text), **(headers or {})}
        )

    return sent


TRACK = {"event": "Order Completed", "userId": "u", "properties": {"revenue": 49.9}}


class TestEndpoints:
    @pytest.mark.parametrize(
        ("endpoint", "body", "name"),
        [
            ("track", TRACK, "purchase"),
            ("t/", TRACK, "purchase"),
            ("page", {"name": "Home", "userId": "u"}, "page_view"),
            ("s", {"name": "Main", "userId": "u"}, "screen_view"),
            ("identify", {"userId": "u", "traits": {"email": "U@Example.com"}}, "identify"),
            ("g", {"userId": "u", "groupId": "g"}, "group"),
            ("alias/", {"userId": "u", "previousId": "a"}, "alias"),
        ],
    )
    def test_each_method(self, send: Any, endpoint: str, body: object, name: str) -> None:
        answer = send(endpoint, body)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert Event.objects.get().name == name

    @pytest.mark.parametrize("endpoint", ["batch", "b/", "import"])
    def test_batches(self, send: Any, endpoint: str) -> None:
        items = [{"type": "track", **TRACK}, {"type": "identify", "userId": "u", "traits": {"plan": "free"}}]
        assert send(endpoint, {"batch": items}).json() == {"success": True}
        assert Profile.objects.get().attributes == {"plan": "free"}
        assert Event.objects.count() == 2

    def test_jitsu_and_posthog_addresses(self, client: Client, write_key_text: str) -> None:
        start = len("stw_") + 12
        key = f"{write_key_text[:start]}:{write_key_text[start:]}"
        jitsu = client.post("/api/s/track", TRACK, content_type="application/json", headers={"X-Write-Key": key})
        assert jitsu.json() == {"success": True}
        batch = {"api_key": write_key_text, "batch": [{"event": "signed up", "distinct_id": "p", "properties": {}}]}
        assert client.post("/batch/", batch, content_type="application/json").json() == {"success": True}
        assert Event.objects.count() == 2


class TestWriteKey:
    def test_in_the_body(self, client: Client, write_key_text: str) -> None:
        body = {**TRACK, "writeKey": write_key_text}
        assert client.post("/v1/track", json.dumps(body), content_type="text/plain").status_code == 200

    def test_the_header_wins(self, client: Client, write_key_text: str) -> None:
        body = {**TRACK, "writeKey": write_key_text}
        answer = client.post("/v1/track", body, content_type="application/json", headers=basic("stw_wrong"))
        assert answer.status_code == 401

    @pytest.mark.parametrize("headers", [{}, basic("unknown"), {"Authorization": "Basic %%%"}, {"X-Write-Key": ""}])
    def test_without_a_good_one(self, client: Client, headers: dict[str, str]) -> None:
        answer = client.post("/v1/track", TRACK, content_type="application/json", headers=headers)
        assert answer.status_code == 401
        assert set(answer.json()) >= {"code", "message", "detail"}
        assert not Event.objects.exists()

    def test_revoked(self, send: Any, write_key: WriteKey, now: Any) -> None:
        WriteKey.objects.update(revoked_at=now)
        assert send("track", TRACK).status_code == 401

    def test_an_api_key_does_not_ingest(self, client: Client, api_key: str) -> None:
        answer = client.post("/v1/track", TRACK, content_type="application/json", headers=basic(api_key))
        assert answer.status_code == 401

    def test_events_land_in_the_key_s_workspace_only(
        self, send: Any, workspace: Workspace, other_workspace: Workspace
    ) -> None:
        send("track", TRACK)
        assert set(Event.objects.values_list("workspace_id", flat=True)) == {workspace.pk}


class TestBadInput:
    def test_bad_items_are_reported_and_the_good_ones_stored(self, send: Any) -> None:
        good = {"type": "track", **TRACK}
        items = [good, {"type": "track", "event": "x"}, "text", {**good, "event": "a\0b"}, {**good, "messageId": "m"}]
        answer = send("batch", {"batch": items})
        assert answer.status_code == 200
        body = answer.json()
        assert body["success"] is True
        assert [item["index"] for item in body["rejected"]] == [1, 2, 3]
        assert all(item["code"] and item["message"] for item in body["rejected"])
        assert Event.objects.count() == 2
        assert RejectedItem.objects.count() == 3

    def test_a_single_bad_item_is_a_400(self, send: Any) -> None:
        answer = send("track", {"event": "x"})
        assert (answer.status_code, answer.json()["code"]) == (400, "missing_identity")
        assert RejectedItem.objects.get().code == "missing_identity"

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"\xff\xfe",
            b'{"batch": 5}',
            b"null",
            b"[" * 100_000,
            gzip.compress(b"0" * 50_000_000),
            gzip.compress(b"{}")[:-4],
            b'{"a":"' + b"x" * 600_000 + b'"}',
        ],
        ids=["empty", "cut", "utf-8", "batch", "null", "deep", "bomb", "cut gzip", "large"],
    )
    def test_a_body_nobody_can_read(self, send: Any, raw: bytes) -> None:
        answer = send("batch", raw)
        assert answer.status_code == 400
        assert answer.json()["message"]
        assert RejectedItem.objects.count() == 1

    def test_ten_megabytes(self, send: Any) -> None:
        answer = send("batch", b"x" * 10_000_000)
        assert (answer.status_code, answer.json()["code"]) == (400, "body_too_large")

    def test_gzip_with_a_misleading_label(self, send: Any) -> None:
        raw = gzip.compress(json.dumps({"batch": [{"type": "track", **TRACK}]}).encode())
        assert send("batch", raw, content_type="application/x-www-form-urlencoded").json() == {"success": True}

    def test_get_is_not_for_events(self, client: Client) -> None:
        answer = client.get("/v1/track")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")

    def test_many_names_and_a_property_of_many_types(self, send: Any) -> None:
        values: list[object] = [1, "one", [1, "x", {}], {"deep": {"er": 1}}, True, None, 1.5]
        items = [
            {"type": "track", "userId": "u", "event": f"name {n}", "properties": {"value": values[n % len(values)]}}
            for n in range(1_000)
        ]
        assert send("batch", {"batch": items}).json() == {"success": True}
        assert Event.objects.values("name").distinct().count() == 1_000


class TestAbsentDatabase:
    @pytest.mark.parametrize("error", [psycopg.OperationalError, OperationalError])
    def test_the_sender_is_told_to_come_again(
        self, send: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
    ) -> None:
        def away(**_: object) -> None:
            raise error("server closed the connection unexpectedly")

        monkeypatch.setattr("cdp.api.tracking.ingest", away)
        answer = send("track", TRACK)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["code"] == "unavailable"


class TestBrowsers:
    def test_the_preflight_is_answered(self, client: Client) -> None:
        answer = client.options(
            "/v1/t",
            headers={
                "Origin": "https://shop.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Headers"] == "content-type"

    def test_answers_may_be_read_by_the_page(self, send: Any) -> None:
        assert send("t", TRACK).headers["Access-Control-Allow-Origin"] == "*"
