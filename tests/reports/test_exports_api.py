"""/api/v1/exports: asked for, watched, fetched and deleted by a program."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from rest_framework.test import APIClient

from stratum.reports.models import Export

URL = "/api/v1/exports"
BODY = {"exporter": "numbers", "filters": {"count": "3"}}
Commit = Callable[..., object]


@pytest.fixture
def written(api: APIClient, django_capture_on_commit_callbacks: Commit) -> dict[str, object]:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        answer = api.post(URL, BODY, format="json")
    assert answer.status_code == 202
    return dict(answer.json())


def test_it_works(api: APIClient, written: dict[str, object]) -> None:
    told = api.get(f"{URL}/{written['id']}").json()
    assert (told["state"], told["rows"], told["exporter"]) == ("succeeded", 3, "numbers")
    file = b"".join(api.get(told["download"]).streaming_content).decode()
    assert file.splitlines()[0] == "number,text"
    assert [one["id"] for one in api.get(URL).json()["results"]] == [written["id"]]


def test_an_unknown_export_is_told_which_there_are(api: APIClient) -> None:
    told = api.post(URL, {"exporter": "profiles"}, format="json").json()["detail"]
    assert "no export “profiles”" in told
    assert "audit_logs, dashboard" in told


def test_a_file_that_has_gone_has_no_link(
    api: APIClient, written: dict[str, object], now: datetime, move_clock: Callable[[datetime], None]
) -> None:
    link = f"{URL}/{written['id']}"
    move_clock(now + timedelta(days=8))
    assert api.get(link).json()["download"] is None
    assert api.get(f"{link}/download").status_code == 410


def test_deleted(api: APIClient, written: dict[str, object]) -> None:
    assert api.delete(f"{URL}/{written['id']}").status_code == 204
    assert api.get(f"{URL}/{written['id']}").status_code == 404
    assert not Export.objects.exists()


def test_the_newest_first_by_pages(api: APIClient, django_capture_on_commit_callbacks: Commit) -> None:
    made = [api.post(URL, BODY, format="json").json()["id"] for _ in range(3)]
    first = api.get(URL, {"limit": 2}).json()
    rest = api.get(first["next"]).json()
    assert {one["id"] for one in [*first["results"], *rest["results"]]} == set(made)
    assert (len(rest["results"]), rest["next"]) == (1, None)


def test_a_repeat_writes_no_second_file(api: APIClient) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first, second = (api.post(URL, BODY, format="json", **key) for _ in range(2))
    assert first.json() == second.json()
    assert Export.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status"), [({"exporter": "none"}, 404), ({"exporter": "numbers"}, 422), ({**BODY, "format": "xls"}, 422)]
)
def test_what_cannot_be_written_is_said(api: APIClient, body: dict[str, object], status: int) -> None:
    refused = api.post(URL, body, format="json")
    assert (refused.status_code, refused["Content-Type"]) == (status, "application/problem+json")


def test_it_checks_ownership(stranger_api: APIClient, written: dict[str, object]) -> None:
    assert stranger_api.get(URL).json()["results"] == []
    for answer in (stranger_api.get(f"{URL}/{written['id']}"), stranger_api.delete(f"{URL}/{written['id']}")):
        assert answer.status_code == 404
