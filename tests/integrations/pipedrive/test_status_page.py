"""/dashboard/integrations/pipedrive: numbers, lists, and what people do there."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from cdp.models import Profile
from integrations.models import PipedriveConnection, PipedriveDuplicate, PipedriveLink, PipedriveRow, PipedriveRun
from stratum.workspaces.models import Workspace
from tests.cdp.people import profile_of, teller
from tests.integrations.pipedrive.company import connection, pipedrive

__all__ = ["connection", "pipedrive"]

URL = "/dashboard/integrations/pipedrive"


def body(answer: Any) -> str:
    return answer.content.decode() if not answer.streaming else b"".join(answer.streaming_content).decode()


@pytest.fixture
def anna(workspace: Workspace, now: datetime) -> Profile:
    teller(workspace, now)("identify", user="anna", email="anna@example.com", first_name="Anna", last_name="Berg")
    return profile_of(workspace, "user_id", "anna")


@pytest.fixture
def run(connection: PipedriveConnection, now: datetime) -> PipedriveRun:
    return PipedriveRun.objects.create(
        workspace=connection.workspace,
        connection=connection,
        mode="incremental",
        trigger="schedule",
        state="succeeded",
        counts={"scanned": 40, "created": 3, "failed": 1},
        calls=9,
        tokens=41,
        started_by="Stratum",
        created_at=now,
        started_at=now,
        finished_at=now + timedelta(seconds=75),
    )


@pytest.fixture
def refused(run: PipedriveRun, anna: Profile, now: datetime) -> PipedriveRow:
    return PipedriveRow.objects.create(
        run=run,
        kind="person",
        action="failed",
        state="open",
        local_id=anna.pk,
        remote_id=77,
        title="Anna Berg",
        differences=[{"field": "City", "before": None, "after": "=Oslo", "to": "pipedrive"}],
        request={"custom_fields": {"x": 1}},
        response_code=400,
        error="Pipedrive refuses the city.",
        at=now,
    )


def test_without_a_connection_it_leads_to_one(as_bob: Client) -> None:
    page = body(as_bob.get(URL))
    assert "Pipedrive is not connected yet" in page
    assert "/dashboard/settings/integrations/crm" in page


def test_disconnected_it_says_what_is_kept(as_bob: Client, connection: PipedriveConnection) -> None:
    PipedriveConnection.objects.update(state="disconnected")
    assert "The links are kept" in body(as_bob.get(URL))


def test_the_four_things_of_the_manual(
    as_bob: Client, connection: PipedriveConnection, refused: PipedriveRow, anna: Profile, now: datetime
) -> None:
    connection.links.create(kind="person", local_id=anna.pk, remote_id=77, synced_at=now)
    connection.outbox.create(kind="person", local_id=5, queued_at=now - timedelta(hours=3, minutes=5), not_before=now)
    PipedriveConnection.objects.update(last_sync_at=now - timedelta(hours=2), next_sync_at=now + timedelta(hours=22))
    answer = as_bob.get(URL)
    status = answer.context["status"]
    assert status.last_sync_at == now - timedelta(hours=2)
    assert status.records_synced["persons"] == 1
    assert (status.errors, status.queue_depth) == (1, 1)
    assert "Oldest: 3 h 5 min" in body(answer)


def test_the_numbers_alone_are_a_fragment(as_bob: Client, connection: PipedriveConnection) -> None:
    page = body(as_bob.get(f"{URL}/summary", headers={"HX-Request": "true"}))
    assert page.strip().startswith('<div id="crm-summary"')


def test_a_token_that_was_refused_is_a_banner(as_bob: Client, connection: PipedriveConnection) -> None:
    PipedriveConnection.objects.update(state="needs_attention", problem="It is no longer valid.")
    page = body(as_bob.get(URL))
    assert "Pipedrive refuses the API token" in page
    assert "Sync now" not in page


def test_paused_is_said(as_bob: Client, connection: PipedriveConnection) -> None:
    PipedriveConnection.objects.update(state="paused")
    assert "The sync is paused" in body(as_bob.get(URL))


# Lists


def test_run_history(as_bob: Client, run: PipedriveRun) -> None:
    page = body(as_bob.get(URL))
    assert "40 looked at, 3 created, 1 rejected" in page
    assert "1 min" in page


def test_rejected_rows(as_bob: Client, refused: PipedriveRow) -> None:
    page = body(as_bob.get(f"{URL}?tab=rejected"))
    assert "Pipedrive refuses the city." in page and "HTTP 400" in page
    assert "Retry" not in page, "an analyst may not"


def test_conflicts(as_bob: Client, connection: PipedriveConnection, anna: Profile, now: datetime) -> None:
    link = connection.links.create(kind="person", local_id=anna.pk, remote_id=77, synced_at=now)
    connection.conflicts.create(
        link=link,
        local="first_name",
        remote_name="First Name",
        ours="Anna",
        theirs="Anne",
        winner="pipedrive",
        rule="newest",
        at=now,
    )
    page = body(as_bob.get(f"{URL}?tab=conflicts"))
    assert "<del>Anna</del>" in page and "<strong>Anne</strong>" in page
    assert "its edit was the newer one" in page
    rows = list(csv.reader(StringIO(body(as_bob.get(f"{URL}/conflicts.csv")))))
    assert rows[1][1:] == [str(anna.pk), "first_name", "Anna", "Anne", "pipedrive", "newest"]


def test_tokens(as_bob: Client, connection: PipedriveConnection) -> None:
    page = body(as_bob.get(f"{URL}?tab=budget"))
    assert "GET personFields" in page
    assert "10" in body(as_bob.get(f"{URL}/tokens.csv"))


@pytest.mark.parametrize("tab", ["runs", "rejected", "conflicts", "duplicates", "budget", "nonsense"])
def test_every_list_can_be_empty(as_bob: Client, connection: PipedriveConnection, tab: str) -> None:
    assert as_bob.get(f"{URL}?tab={tab}").status_code == 200


# A run


def test_a_run_with_its_rows(as_bob: Client, run: PipedriveRun, refused: PipedriveRow, anna: Profile) -> None:
    answer = as_bob.get(f"{URL}/runs/{run.pk}?outcome=failed")
    page = body(answer)
    assert f"/dashboard/cdp/profiles/{anna.pk}" in page
    assert "=Oslo" in page and "(empty)" in page
    assert [(chip.label, chip.count, chip.chosen) for chip in answer.context["chips"]] == [
        ("All", 1, False),
        ("Rejected", 1, True),
    ]


def test_csv_of_rows_is_harmless(as_bob: Client, run: PipedriveRun, refused: PipedriveRow) -> None:
    rows = list(csv.reader(StringIO(body(as_bob.get(f"{URL}/runs/{run.pk}/rows.csv")))))
    assert rows[1][rows[0].index("differences")] == "City: (empty) → =Oslo"
    assert rows[1][rows[0].index("reason")] == "Pipedrive refuses the city."
    assert len(list(csv.reader(StringIO(body(as_bob.get(f"{URL}/runs.csv")))))) == 2
    assert len(list(csv.reader(StringIO(body(as_bob.get(f"{URL}/rejected.csv")))))) == 2


def test_sync_now_with_progress_and_cancel(as_role: Callable[[str], Client], connection: PipedriveConnection) -> None:
    browser = as_role("manager")
    assert browser.post(f"{URL}/sync").status_code == 302
    run = PipedriveRun.objects.get()
    page = body(browser.get(URL))
    assert "Waiting for a worker" in page and "Sync now" not in page
    assert "crm-running" in body(browser.get(f"{URL}/runs/{run.pk}/progress", headers={"HX-Request": "true"}))
    assert browser.post(f"{URL}/sync").status_code == 409, "one at a time"
    browser.post(f"{URL}/runs/{run.pk}/cancel")
    run.refresh_from_db()
    assert run.state == "stopped"
    ended = browser.get(f"{URL}/runs/{run.pk}/progress", headers={"HX-Request": "true"})
    assert ended["HX-Refresh"] == "true"
    assert "had ended" in body(browser.post(f"{URL}/runs/{run.pk}/cancel", follow=True))


def test_a_dry_run(as_role: Callable[[str], Client], connection: PipedriveConnection) -> None:
    as_role("manager").post(f"{URL}/sync", {"dry_run": "1"})
    assert PipedriveRun.objects.get().dry_run


def test_retry_and_ignore(
    as_role: Callable[[str], Client], connection: PipedriveConnection, refused: PipedriveRow
) -> None:
    browser = as_role("manager")
    page = browser.post(f"{URL}/rows/{refused.pk}/retry", follow=True)
    assert "is in line again" in body(page)
    assert connection.outbox.get().local_id == refused.local_id
    assert browser.post(f"{URL}/rows/{refused.pk}/ignore").status_code == 409, "settled already"
    PipedriveRow.objects.update(state="open")
    browser.post(f"{URL}/rows/{refused.pk}/ignore")
    refused.refresh_from_db()
    assert refused.state == "ignored"


@pytest.fixture
def doubt(connection: PipedriveConnection, anna: Profile, now: datetime) -> PipedriveDuplicate:
    for number, name in ((8, "Anna B."), (9, "Anna Berg")):
        connection.persons.create(remote_id=number, name=name, emails=["anna@example.com"], seen_at=now)
    return connection.duplicates.create(reason="several_persons", local_id=anna.pk, remote_ids=[8, 9], created_at=now)


def test_duplicates_are_settled_by_a_person(
    as_role: Callable[[str], Client], connection: PipedriveConnection, doubt: PipedriveDuplicate
) -> None:
    browser = as_role("manager")
    page = body(browser.get(f"{URL}?tab=duplicates"))
    assert "Anna B." in page and "Several persons have this address" in page
    answer = browser.post(f"{URL}/duplicates/{doubt.pk}", {"do": "link", "person": "9"}, follow=True)
    assert "Linked with person 9" in body(answer)
    assert connection.links.get().remote_id == 9
    assert browser.post(f"{URL}/duplicates/{doubt.pk}", {"do": "link", "person": "9"}).status_code == 409


@pytest.mark.parametrize("typed", [{"do": "guess"}, {"do": "link"}, {"do": "link", "person": "77"}])
def test_a_choice_that_is_none(
    as_role: Callable[[str], Client], doubt: PipedriveDuplicate, typed: dict[str, str]
) -> None:
    assert as_role("manager").post(f"{URL}/duplicates/{doubt.pk}", typed).status_code == 422


def test_nobody_settles_what_is_not_theirs(as_charlie: Client, doubt: PipedriveDuplicate) -> None:
    assert as_charlie.post(f"{URL}/duplicates/{doubt.pk}", {"do": "keep_apart"}).status_code == 404


def test_one_profile_is_tested(as_role: Callable[[str], Client], connection: PipedriveConnection) -> None:
    browser = as_role("manager")
    assert "No profile was tested yet" in body(browser.get(f"{URL}?tab=test"))
    answer = browser.post(f"{URL}/test", {"profile": "nobody@example.com"}, follow=True)
    assert "Nobody found by “nobody@example.com”" in body(answer)


# Whose


def test_charlie_sees_nothing(as_charlie: Client, connection: PipedriveConnection, refused: PipedriveRow) -> None:
    assert "not connected yet" in body(as_charlie.get(URL))
    assert as_charlie.get(f"{URL}/summary").status_code == 409
    for address in ("", "/progress", "/rows.csv"):
        assert as_charlie.get(f"{URL}/runs/{refused.run_id}{address}").status_code == 404
    assert as_charlie.post(f"{URL}/runs/{refused.run_id}/cancel").status_code == 404
    for act in ("retry", "ignore"):
        assert as_charlie.post(f"{URL}/rows/{refused.pk}/{act}").status_code == 404
    for sheet in ("runs", "rejected", "conflicts", "tokens"):
        assert as_charlie.get(f"{URL}/{sheet}.csv").status_code == 409


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_only_managers_start_a_sync(
    as_role: Callable[[str], Client], connection: PipedriveConnection, role: str
) -> None:
    browser = as_role(role)
    assert "Sync now" not in body(browser.get(URL))
    assert browser.post(f"{URL}/sync").status_code == 403


def test_links_of_others_are_not_shown(
    connection: PipedriveConnection, other_workspace: Workspace, as_charlie: Client, now: datetime
) -> None:
    PipedriveLink.objects.create(connection=connection, local_id=1, remote_id=1, synced_at=now)
    assert as_charlie.get(URL).context["status"].records_synced["persons"] == 0
