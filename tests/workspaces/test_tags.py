"""ETag, If-None-Match and If-Match of documents that have no version of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from stratum.workspaces.models import Workspace
from tests import factories
from tests.conftest import api_client

# Each with the change of one of its members.
DOCUMENTS: list[tuple[str, str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("/api/v1/notifications", "patch", lambda told: {"summary_hour": (told["summary_hour"] + 1) % 24}),
    ("/api/v1/autopilot/settings", "patch", lambda told: {"dry_run": not told["dry_run"]}),
    ("/api/v1/cdp/event-aliases", "put", lambda told: {"aliases": [{"original": "Bought", "name": "purchase"}]}),
    ("/api/v1/trust-layer/policy", "put", lambda told: {**told, "pass_at": told["pass_at"] - 1}),
]
ADDRESSES = [address for address, _, _ in DOCUMENTS]


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_known_is_not_told_again(api: APIClient, address: str) -> None:
    tag = api.get(address)["ETag"]
    again = api.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert api.get(address, headers={"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize(("address", "method", "change"), DOCUMENTS, ids=ADDRESSES)
def test_who_read_something_else_changes_nothing(
    api: APIClient, address: str, method: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    first = api.get(address)
    write = getattr(api, method)
    changed = write(address, change(first.json()), headers={"If-Match": first["ETag"]})
    assert changed.status_code == 200, changed.content
    assert changed["ETag"] == api.get(address)["ETag"] != first["ETag"]
    refused = write(address, change(first.json()), headers={"If-Match": first["ETag"]})
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert api.get(address)["ETag"] == changed["ETag"]
    assert write(address, change(api.get(address).json()), headers={"If-Match": "*"}).status_code == 200


def test_who_may_not_change_learns_nothing_from_a_tag(api_with: Callable[..., APIClient]) -> None:
    refused = api_with("read").patch("/api/v1/notifications", {"summary_hour": 9}, headers={"If-Match": '"x"'})
    assert refused.status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_who_read_the_same_one_is_refused(workspace: Workspace) -> None:
    key, together = factories.api_key(workspace), Barrier(2)
    tag = api_client(key).get("/api/v1/notifications")["ETag"]

    def change(hour: int) -> int:
        together.wait()
        try:
            answer = api_client(key).patch("/api/v1/notifications", {"summary_hour": hour}, headers={"If-Match": tag})
        finally:
            connection.close()
        return int(answer.status_code)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(change, (10, 11))) == [200, 412]
