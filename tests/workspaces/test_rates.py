"""The API's brakes: a minute for each key, a month for the workspace; repeats that do nothing twice; keys that rotate."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from django.db import connection
from rest_framework.test import APIClient

from stratum.lib.refusal import NotAllowed, Refusal
from stratum.workspaces import idempotency, limits, plans, throttle
from stratum.workspaces.access import Actor
from stratum.workspaces.models import ApiKey, ApiUsage, KeptAnswer, Workspace
from stratum.workspaces.services import rotate_api_key
from stratum.workspaces.tasks import tick
from tests.conftest import api_client
from tests.factories import api_key as new_key

URL = "/api/v1/workspace"
KEYS = "/api/v1/api-keys"


@pytest.fixture
def three_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace  # noqa: PLC0415

    monkeypatch.setitem(plans.PLANS, "professional", replace(plans.PROFESSIONAL, requests_a_minute=3))


class TestTheMinute:
    def test_it_counts_down_and_begins_anew(self, api: APIClient, three_a_minute, now: datetime, move_clock) -> None:
        answers = [api.get(URL) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
        refused = answers[3]
        assert (refused.data["code"], refused["Retry-After"]) == ("too_many_requests", "60")
        assert refused["RateLimit"] == '"minute";r=0;t=60'
        assert refused["RateLimit-Policy"] == '"minute";q=3;w=60'
        move_clock(now + timedelta(seconds=60))
        assert api.get(URL).status_code == 200

    def test_what_is_refused_consumes_nothing(self, api: APIClient, three_a_minute, workspace: Workspace) -> None:
        for _ in range(5):
            api.get(URL)
        assert ApiUsage.objects.get(workspace=workspace).requests == 3

    def test_each_key_has_its_own(self, api: APIClient, three_a_minute, workspace: Workspace) -> None:
        for _ in range(3):
            api.get(URL)
        assert api_client(new_key(workspace)).get(URL).status_code == 200

    def test_people_are_not_throttled(self, as_alice, three_a_minute) -> None:
        assert "X-RateLimit-Limit" not in as_alice.get(URL)

    def test_professional_has_300(self, api: APIClient) -> None:
        assert api.get(URL)["X-RateLimit-Limit"] == "300"


@pytest.mark.django_db(transaction=True)
def test_threads_stop_exactly_at_the_limit(three_a_minute, now: datetime) -> None:
    from tests.factories import WorkspaceFactory  # noqa: PLC0415

    workspace = WorkspaceFactory()
    new_key(workspace)
    key = ApiKey.objects.select_related("workspace").get(workspace=workspace)
    passed: list[int] = []

    def ask() -> None:
        try:
            for _ in range(3):
                try:
                    passed.append(throttle.spend(key, now=now).remaining)
                except throttle.TooFast:
                    pass
        finally:
            connection.close()

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(passed) == [0, 1, 2]


class TestTheMonth:
    def test_it_stops_exactly_and_says_when_it_goes_on(
        self, api: APIClient, workspace: Workspace, now: datetime, move_clock
    ) -> None:
        ApiUsage.objects.create(workspace=workspace, month=limits.month_of(now), requests=49_999)
        assert api.get(URL).status_code == 200
        refused = api.get(URL)
        assert (refused.status_code, refused.data["code"]) == (429, "quota_exhausted")
        assert int(refused["Retry-After"]) == (datetime(2026, 2, 1, tzinfo=UTC) - now).total_seconds()
        assert ApiUsage.objects.get().requests == 50_000
        move_clock(datetime(2026, 2, 1, tzinfo=UTC))
        assert api.get(URL).status_code == 200


class TestRepeats:
    BODY = {"name": "Nightly", "scopes": ["read"]}

    def test_a_repeat_is_answered_as_before_and_does_nothing(self, api: APIClient) -> None:
        first, again = (api.post(KEYS, self.BODY, headers={"Idempotency-Key": "k1"}) for _ in range(2))
        assert first.status_code == again.status_code == 201
        assert again.json() == first.json()
        assert (again["Idempotency-Replayed"], first.has_header("Idempotency-Replayed")) == ("true", False)
        assert ApiKey.objects.filter(name="Nightly").count() == 1
        assert first.json()["key"] not in KeptAnswer.objects.get().sealed_body

    def test_another_body_under_the_same_key_is_refused(self, api: APIClient) -> None:
        api.post(KEYS, self.BODY, headers={"Idempotency-Key": "k1"})
        other = api.post(KEYS, {**self.BODY, "name": "Other"}, headers={"Idempotency-Key": "k1"})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    def test_one_in_flight_is_told(self, api: APIClient, now: datetime, move_clock) -> None:
        api.post(KEYS, self.BODY, headers={"Idempotency-Key": "k1"})
        KeptAnswer.objects.update(status=None)
        refused = api.post(KEYS, self.BODY, headers={"Idempotency-Key": "k1"})
        assert (refused.status_code, refused.json()["code"]) == (409, "in_flight")
        move_clock(now + idempotency.IN_FLIGHT)
        assert api.post(KEYS, self.BODY, headers={"Idempotency-Key": "k1"}).status_code == 201

    def test_refusals_are_kept_too(self, api: APIClient) -> None:
        for _ in range(2):
            assert api.post(KEYS, {"name": ""}, headers={"Idempotency-Key": "k1"}).status_code == 422

    def test_keys_are_of_one_caller(self, api: APIClient, workspace: Workspace, stranger_api: APIClient) -> None:
        for client in (api, api_client(new_key(workspace)), stranger_api):
            answer = client.post(KEYS, self.BODY, headers={"Idempotency-Key": "k1"})
            assert (answer.status_code, answer.has_header("Idempotency-Replayed")) == (201, False)

    def test_after_a_day_they_are_forgotten(self, api: APIClient, now: datetime, move_clock) -> None:
        api.post(KEYS, self.BODY, headers={"Idempotency-Key": "k1"})
        move_clock(now + timedelta(days=1, seconds=1))
        tick()
        assert not KeptAnswer.objects.exists()

    @pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
    def test_what_is_no_key(self, api: APIClient, key: str) -> None:
        assert api.post(KEYS, self.BODY, headers={"Idempotency-Key": key}).status_code == 422


class TestRotation:
    def test_both_work_for_a_while(self, api: APIClient, workspace: Workspace, now: datetime, move_clock) -> None:
        old = new_key(workspace, name="Nightly", scopes=["read"])
        row = ApiKey.objects.get(name="Nightly")
        made = api.post(f"{KEYS}/{row.pk}/rotate", {"overlap_hours": 2})
        assert (made.status_code, made.data["scopes"], made.data["name"]) == (201, ["read"], "Nightly")
        both = [api_client(old), api_client(made.data["key"])]
        assert [client.get(URL).status_code for client in both] == [200, 200]
        move_clock(now + timedelta(hours=2))
        assert [client.get(URL).status_code for client in both] == [401, 200]

    def test_without_overlap_the_old_one_ends_at_once(
        self, workspace: Workspace, by_alice: Actor, now: datetime
    ) -> None:
        old = new_key(workspace)
        given = {"workspace": workspace, "key_id": ApiKey.objects.get().pk, "by": by_alice, "now": now}
        rotate_api_key(**given, overlap=timedelta())
        assert api_client(old).get(URL).status_code == 401
        with pytest.raises(Refusal, match="works no more"):
            rotate_api_key(**given)

    def test_nobody_gives_more_than_they_may(self, workspace: Workspace, now: datetime) -> None:
        new_key(workspace)
        weak = Actor("Weak", rights=frozenset({"view", "manage"}))
        with pytest.raises(NotAllowed):
            rotate_api_key(workspace=workspace, key_id=ApiKey.objects.get().pk, by=weak, now=now)

    def test_a_rotated_key_has_one_successor(self, api: APIClient, as_alice, workspace: Workspace) -> None:
        new_key(workspace, name="Nightly", scopes=["read"])
        address = f"{KEYS}/{ApiKey.objects.get(name='Nightly').pk}/rotate"
        successor = api.post(address, {"overlap_hours": 2}).data["id"]
        refused = api.post(address, {"overlap_hours": 2})
        assert (refused.status_code, refused.json()["code"]) == (409, "key_rotated")
        assert ApiKey.objects.get(pk=successor).expires_at is None
        page = as_alice.get("/dashboard/settings/api-keys").content.decode()
        assert address.removeprefix("/api/v1") not in page
        assert f"/{successor}/rotate" in page

    def test_on_the_page_it_is_shown_once(self, as_alice, workspace: Workspace) -> None:
        new_key(workspace)
        page = "/dashboard/settings/api-keys"
        as_alice.post(f"{page}/{ApiKey.objects.get().pk}/rotate")
        assert "Your new key" in as_alice.get(page).content.decode()
        assert "Your new key" not in as_alice.get(page).content.decode()

    def test_it_checks_ownership(self, stranger_api: APIClient, workspace: Workspace) -> None:
        new_key(workspace)
        row = ApiKey.objects.get(workspace=workspace)
        assert stranger_api.post(f"{KEYS}/{row.pk}/rotate").status_code == 404
