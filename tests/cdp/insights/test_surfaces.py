"""Insights in the API and on the page; as a job where the events are many."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from cdp.models import Funnel
from cdp.queries import insights as queries
from stratum.workspaces.models import Job

Capture = Callable[..., Any]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "LARGE_EVENTS", -1)


def in_api(funnel: Funnel) -> str:
    return f"/api/v1/cdp/funnels/{funnel.pk}/insights"


def on_page(funnel: Funnel) -> str:
    return f"/dashboard/cdp/funnels/{funnel.pk}/insights"


@pytest.mark.usefixtures("shop")
def test_the_api_answers_with_evidence(api: APIClient, funnel: Funnel) -> None:
    body = api.get(in_api(funnel)).json()
    assert body["judged"] == {"first": "2025-12-17", "last": "2026-01-13"}
    assert (body["false_discovery_rate"], body["counting"], body["window"]) == (0.05, "unique", "P1D")
    (phones,) = (one for one in body["findings"] if one["value"] == "mobile")
    assert (phones["kind"], phones["by"], phones["direction"]) == ("group", "device", "worse")
    assert phones["link"].startswith(f"/dashboard/cdp/funnels/{funnel.pk}?from=2025-12-17&to=2026-01-13&tab=breakdown")
    assert phones["evidence"]["observed"]["count"] == 84
    assert phones["evidence"]["p"] <= phones["evidence"]["corrected_p"] < 0.05


def test_the_api_says_what_is_missing(api: APIClient, funnel: Funnel) -> None:
    body = api.get(in_api(funnel), {"window": "P60D"}).json()
    assert body["judged"] is None
    assert [one["kind"] for one in body["not_enough_data"]] == ["all"]


@pytest.mark.parametrize(
    "asked", [{"breakdown": "platform"}, {"from": "2026-01-10", "to": "2026-01-01"}, {"window": "P0D"}]
)
def test_the_api_refuses(api: APIClient, funnel: Funnel, asked: dict[str, str]) -> None:
    refused = api.get(in_api(funnel), asked)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"].strip("/") in {"breakdown", "to", "window"}


def test_it_checks_ownership(stranger_api: APIClient, as_charlie: Client, funnel: Funnel) -> None:
    assert stranger_api.get(in_api(funnel)).status_code == 404
    assert as_charlie.get(on_page(funnel)).status_code == 404


@pytest.mark.usefixtures("shop")
def test_the_page_shows_findings(as_role: Callable[[str], Client], funnel: Funnel) -> None:
    viewer = as_role("viewer")
    fragment = viewer.get(on_page(funnel), headers=HTMX).content.decode()
    assert "Device “mobile” converts worse than the rest: 16.7% against 50.0%." in fragment
    assert "84 of 504 = 16.7% (95% interval" in fragment
    assert "of the findings at most 5% are false on average" in fragment
    assert "<html" not in fragment
    assert "<html" in viewer.get(on_page(funnel)).content.decode()


def test_the_page_says_what_is_missing(as_alice: Client, funnel: Funnel) -> None:
    assert "Not enough data" in as_alice.get(on_page(funnel), headers=HTMX).content.decode()


def test_the_page_refuses_a_reversed_range(as_alice: Client, funnel: Funnel) -> None:
    refused = as_alice.get(on_page(funnel), {"from": "2026-01-10", "to": "2026-01-01"})
    assert refused.status_code == 400
    assert "The date range ends before it starts." in refused.content.decode()


@pytest.mark.usefixtures("many_events")
def test_many_events_are_judged_by_a_job(
    api: APIClient, funnel: Funnel, django_capture_on_commit_callbacks: Capture
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        accepted = api.get(in_api(funnel))
    assert accepted.status_code == 202
    job = api.get(accepted.headers["Location"]).json()
    assert (job["state"], job["done"], job["total"]) == ("succeeded", 6, 6)
    answered = api.get(in_api(funnel))
    assert answered.status_code == 200
    assert answered.json()["judged"] == {"first": "2025-12-17", "last": "2026-01-13"}
    assert Job.objects.filter(kind="cdp.funnel_insights").count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        assert api.get(in_api(funnel), {"window": "P7D"}).status_code == 202


@pytest.mark.usefixtures("many_events")
def test_the_page_follows_the_job(
    as_alice: Client, funnel: Funnel, django_capture_on_commit_callbacks: Capture
) -> None:
    with django_capture_on_commit_callbacks() as waiting:
        started = as_alice.get(on_page(funnel), headers=HTMX).content.decode()
    job = Job.objects.get(kind="cdp.funnel_insights")
    again = f"{on_page(funnel)}?days=30&tab=insights&job={job.pk}"
    assert again.replace("&", "&amp;") in started
    progress = as_alice.get(again, headers=HTMX)
    assert progress.content.decode().strip().startswith('<div class="progress-block"')
    for start in waiting:
        start()
    ended = as_alice.get(again, headers=HTMX)
    assert ended.headers["HX-Retarget"] == "#funnel-insights"
    assert "Not enough data" in ended.content.decode()


@pytest.mark.usefixtures("many_events")
def test_a_failed_job_says_so(as_alice: Client, funnel: Funnel) -> None:
    as_alice.get(on_page(funnel), headers=HTMX)
    Job.objects.update(state="failed", error="It broke.", finished_at="2026-01-15T12:00:00Z")
    job = Job.objects.get()
    told = as_alice.get(on_page(funnel), {"job": str(job.pk)}, headers=HTMX).content.decode()
    assert "It broke." in told


def test_other_jobs_are_not_insights(as_alice: Client, as_charlie: Client, funnel: Funnel) -> None:
    other = Job.objects.create(workspace=funnel.workspace, kind="other", created_at=funnel.created_at)
    for job in (str(other.pk), "nonsense"):
        assert as_alice.get(on_page(funnel), {"job": job}).status_code == 404
