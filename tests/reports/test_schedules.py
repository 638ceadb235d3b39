"""Schedules on their pages and by API: made, changed, paused, run, deleted, and nobody else's."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from stratum.lib.refusal import Invalid, Refusal
from stratum.reports.models import Delivery, ExportSchedule
from stratum.reports.services import schedules
from stratum.reports.services.schedules import Wanted
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

PAGES = "/dashboard/settings/exports/schedules"
API = "/api/v1/trust-layer/export-schedules"
FORM = {
    "name": "Weekly numbers",
    "format": "csv",
    "frequency": "weekly",
    "weekday": "0",
    "day": "1",
    "hour": "8",
    "time_zone": "Europe/Berlin",
    "recipients": "anna@example.com,\nBEN@example.org",
}
BODY = {
    "name": "Weekly numbers",
    "exporter": "numbers",
    "filters": {"count": "2"},
    "frequency": "weekly",
    "hour": 8,
    "recipients": ["anna@example.com"],
}


@pytest.fixture
def schedule(workspace: Workspace, by_alice: Actor, now: datetime) -> ExportSchedule:
    wanted = Wanted("Numbers", "numbers", {"count": "2"}, "csv", "daily", 8, "UTC", ("anna@example.com",))
    return schedules.create(workspace=workspace, by=by_alice, wanted=wanted, now=now)


class TestPages:
    def test_it_works(self, as_bob: Client, bob) -> None:
        form = as_bob.get(f"{PAGES}/new", {"exporter": "numbers", "count": "2"}).content.decode()
        assert 'name="filter-count" value="2"' in form and "bob@example.com" in form
        made = as_bob.post(f"{PAGES}/new", {**FORM, "exporter": "numbers", "filter-count": "2"})
        schedule = ExportSchedule.objects.get()
        assert made["Location"] == f"{PAGES}/{schedule.pk}"
        assert schedule.recipients == ["anna@example.com", "ben@example.org"]
        assert (schedule.parameters, schedule.created_by) == ({"count": "2"}, bob)
        assert schedule.next_run_at.isoformat() == "2026-01-19T07:00:00+00:00"
        page = as_bob.get(f"{PAGES}/{schedule.pk}").content.decode()
        assert "Every Monday at 08:00 Europe/Berlin" in page and "(outside the team)" in page
        assert "Weekly numbers" in as_bob.get(PAGES).content.decode()

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"recipients": "anna"}, "“anna” is not an e-mail address."),
            ({"recipients": " "}, "This field is required."),
            ({"time_zone": "Mars"}, "Write a time zone we know"),
            ({"format": "xlsx"}, "Select a valid choice"),
            ({"filter-count": "x"}, "Say how many numbers."),
            ({"day": "32"}, "less than or equal to 31"),
        ],
    )
    def test_what_makes_no_sense_is_said(self, as_bob: Client, changed: dict[str, str], sentence: str) -> None:
        answer = as_bob.post(f"{PAGES}/new", {**FORM, "exporter": "numbers", "filter-count": "2", **changed})
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
        assert not ExportSchedule.objects.exists()

    def test_fixed_dates_are_warned_of(self, as_bob: Client) -> None:
        page = as_bob.get(f"{PAGES}/new", {"exporter": "numbers", "count": "2", "from": "2026-01-01"})
        assert "These dates are fixed" in page.content.decode()

    def test_change_pause_run_and_delete(
        self, as_bob: Client, schedule: ExportSchedule, bob, django_capture_on_commit_callbacks
    ) -> None:
        one = f"{PAGES}/{schedule.pk}"
        assert as_bob.post(f"{one}/edit", {**FORM, "name": "Renamed"})["Location"] == one
        as_bob.post(f"{one}/switch", {"enabled": "0"})
        schedule.refresh_from_db()
        assert (schedule.name, schedule.enabled, schedule.created_by) == ("Renamed", False, bob)
        with django_capture_on_commit_callbacks(execute=True):
            as_bob.post(f"{one}/run")
        delivery = Delivery.objects.get()
        assert delivery.state == "sent"
        shown = as_bob.get(one, headers={"HX-Request": "true"}).content.decode()
        assert "sent now by Bob" in shown and "<html" not in shown and "hx-trigger" not in shown
        as_bob.post(f"{one}/delete")
        assert not ExportSchedule.objects.exists()

    def test_it_checks_ownership(self, as_charlie: Client, schedule: ExportSchedule) -> None:
        one = f"{PAGES}/{schedule.pk}"
        assert as_charlie.get(one).status_code == as_charlie.get(f"{one}/edit").status_code == 404
        for action in ("run", "switch", "delete"):
            assert as_charlie.post(f"{one}/{action}").status_code == 404
        assert "Numbers" not in as_charlie.get(PAGES).content.decode()


class TestApi:
    def test_it_works(self, api: APIClient, django_capture_on_commit_callbacks) -> None:
        made = api.post(API, BODY)
        assert made.status_code == 201
        one = f"{API}/{made.data['id']}"
        assert (made.data["time_zone"], made.data["next_run_at"]) == ("Europe/Berlin", "2026-01-19T07:00:00Z")
        with django_capture_on_commit_callbacks(execute=True):
            assert api.post(f"{one}/run").status_code == 202
        (delivery,) = api.get(f"{one}/deliveries").data["results"]
        assert (delivery["state"], delivery["rows"]) == ("sent", 2)
        assert [message["state"] for message in delivery["messages"]] == ["sent"]
        assert api.patch(one, {"enabled": False, "hour": 9}).data["hour"] == 9
        (listed,) = api.get(API).data["results"]
        assert (listed["enabled"], listed["last_run"]["state"]) == (False, "sent")
        assert api.delete(one).status_code == 204
        assert api.get(one).status_code == 404

    @pytest.mark.parametrize(
        ("changed", "pointer"),
        [
            ({"hour": 24}, "/hour"),
            ({"frequency": "hourly"}, "/frequency"),
            ({"recipients": []}, "/recipients"),
            ({"recipients": ["anna@example.com", "x"]}, "/recipients/1"),
            ({"time_zone": "Mars"}, "/time_zone"),
            ({"name": "two\nlines"}, "/name"),
            ({"filters": {}}, "/count"),
            ({"surprise": 1}, "/surprise"),
        ],
    )
    def test_what_makes_no_sense_has_its_place(self, api: APIClient, changed: dict[str, Any], pointer: str) -> None:
        answer = api.post(API, {**BODY, **changed})
        assert answer.status_code in {400, 422}
        assert pointer in {fault["pointer"] for fault in answer.json()["errors"]}

    def test_it_checks_ownership(self, stranger_api: APIClient, schedule: ExportSchedule) -> None:
        one = f"{API}/{schedule.pk}"
        assert stranger_api.get(API).data["results"] == []
        for method in ("get", "patch", "delete"):
            assert getattr(stranger_api, method)(one).status_code == 404
        assert stranger_api.post(f"{one}/run").status_code == 404
        assert stranger_api.get(f"{API}/{uuid4()}/deliveries").status_code == 404


def test_there_is_an_end_to_schedules_and_recipients(
    workspace: Workspace, by_alice: Actor, now: datetime, schedule: ExportSchedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = schedules.wanted_of(schedule)
    many = tuple(f"{number}@example.com" for number in range(21))
    given = {"workspace": workspace, "by": by_alice, "now": now}
    with pytest.raises(Invalid, match="At most 20"):
        schedules.change(**given, schedule_id=schedule.pk, changes={"recipients": many})
    monkeypatch.setattr(schedules, "MOST_SCHEDULES", 1)
    with pytest.raises(Refusal, match="at most 1 schedules"):
        schedules.create(**given, wanted=wanted)
