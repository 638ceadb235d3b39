"""/dashboard/settings/integrations/crm: connecting step by step, and changing each step."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from cdp.models import Segment
from cdp.services import segments
from integrations.models import PipedriveConnection, PipedriveRun
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import teller
from tests.integrations.pipedrive.company import OTHERS_TOKEN, TOKEN, Company, connection, pipedrive

__all__ = ["connection", "pipedrive"]

URL = "/dashboard/settings/integrations/crm"
DATA = {"objects": ["persons", "deals"], "direction": "both", "activity_cap": "200", "deal_event": "deal_won"}


@pytest.fixture
def segment(workspace: Workspace, by_alice: Actor, now: datetime) -> Segment:
    return segments.create(
        workspace=workspace, by=by_alice, name="VIP", description="", condition={"type": "all"}, now=now
    )


def body(answer) -> str:
    return answer.content.decode()


# Connect


def test_an_empty_room_offers_to_connect(as_alice: Client) -> None:
    page = body(as_alice.get(URL))
    assert "Connect Pipedrive" in page
    for row in ("CDP Profiles", "Labels/Filters", "Custom Fields", "Pipedrive → Stratum"):
        assert row in page


def test_a_viewer_sees_it_and_may_not_connect(as_role: Callable[[str], Client]) -> None:
    page = body(as_role("viewer").get(URL))
    assert "Ask an admin" in page
    assert f"{URL}/connect" not in page


def test_connecting(as_alice: Client, pipedrive: Company, workspace: Workspace) -> None:
    answer = as_alice.post(f"{URL}/connect", {"api_token": TOKEN}, follow=True)
    assert answer.redirect_chain == [(f"{URL}/data", 302)]
    assert "Connected to Acme Sales as Ada Admin; the token ends in 4567." in body(answer)
    assert workspace.pipedrive.state == "connected"
    assert TOKEN not in body(answer)


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("", "Paste the API token"),
        ("no token at all", "This is no API token"),
        ("9" * 40, "does not accept this API token"),
    ],
)
def test_a_wrong_token_is_told_beside_its_field(
    as_alice: Client, pipedrive: Company, token: str, sentence: str
) -> None:
    answer = as_alice.post(f"{URL}/connect", {"api_token": token})
    assert answer.status_code == 422
    assert sentence in answer.context["errors"]["api_token"]
    assert f'value="{token}"' not in body(answer)
    assert not PipedriveConnection.objects.exists()


def test_a_pipedrive_that_is_down_is_told(as_alice: Client, pipedrive: Company) -> None:
    pipedrive.down = True
    answer = as_alice.post(f"{URL}/connect", {"api_token": TOKEN})
    assert answer.status_code == 422
    assert "could not be asked" in answer.context["errors"]["form"]


def test_a_token_of_another_company_is_refused(as_alice: Client, connection: PipedriveConnection) -> None:
    answer = as_alice.post(f"{URL}/connect", {"api_token": OTHERS_TOKEN})
    assert answer.status_code == 422
    assert "links of this workspace lead to Acme Sales" in answer.context["errors"]["form"]
    connection.refresh_from_db()
    assert connection.company_id == 42


def test_a_token_that_was_refused_is_replaced(as_alice: Client, connection: PipedriveConnection) -> None:
    PipedriveConnection.objects.update(state="needs_attention", problem="The token is no longer valid.")
    page = body(as_alice.get(URL))
    assert "Pipedrive refuses the API token" in page and "no longer valid" in page
    assert "The present one ends in" in body(as_alice.get(f"{URL}/connect"))
    as_alice.post(f"{URL}/connect", {"api_token": TOKEN})
    connection.refresh_from_db()
    assert (connection.state, connection.problem) == ("connected", "")


def test_the_plan_is_asked_for(as_alice: Client, workspace: Workspace) -> None:
    Workspace.objects.update(plan="starter")
    for address in (URL, f"{URL}/connect", "/dashboard/integrations/pipedrive"):
        answer = as_alice.get(address)
        assert answer.status_code == 403
        assert "Pipedrive CRM is part of the Professional plan" in body(answer)


# Data and direction


def test_data_and_direction(as_alice: Client, connection: PipedriveConnection, segment: Segment) -> None:
    teller(connection.workspace, connection.created_at)("purchase", user="anna", revenue=3)
    page = as_alice.get(f"{URL}/data")
    assert ("demo", "Demo") in page.context["activity_types"]
    assert [event.name for event in page.context["events"]] == ["purchase"]
    chosen = {
        **DATA,
        "objects": ["persons", "activities", "labels"],
        "direction": "to_pipedrive",
        "segment": str(segment.pk),
        "events": ["purchase"],
        "type-purchase": "call",
        "other_event": "signed_up",
        "labels": [str(segment.pk)],
        "rate_currency": ["usd", ""],
        "rate": ["0.9", ""],
        "counts_archived": "on",
    }
    answer = as_alice.post(f"{URL}/data", chosen)
    assert answer["Location"] == f"{URL}/mapping"
    connection.refresh_from_db()
    assert connection.objects_synced == ["persons", "activities", "labels"]
    assert (connection.direction, connection.segment_id) == ("to_pipedrive", segment.pk)
    assert {one["event"]: one["type"] for one in connection.activity_events} == {
        "purchase": "call",
        "signed_up": "task",
    }
    assert list(connection.labels.values_list("name", flat=True)) == ["VIP"]
    assert (connection.rates, connection.counts_archived) == ({"USD": "0.9"}, True)
    again = body(as_alice.get(f"{URL}/data"))
    assert again.count("checked") >= 5


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"objects": ["deals"]}, "objects"),
        ({"direction": "sideways"}, "direction"),
        ({"activity_cap": "many"}, "activity_cap"),
        ({"segment": "11111111-1111-4111-8111-111111111111"}, "segment"),
        ({"labels": ["nobody"]}, "labels"),
        ({"rate_currency": ["euros"], "rate": ["1"]}, "rates"),
    ],
)
def test_wrong_data_is_told_beside_its_field(
    as_alice: Client, connection: PipedriveConnection, wrong: dict[str, object], place: str
) -> None:
    answer = as_alice.post(f"{URL}/data", {**DATA, **wrong})
    assert answer.status_code == 422
    assert list(answer.context["errors"]) == [place]
    assert answer.context["errors"][place] in body(answer).replace("&#x27;", "'")


def test_the_data_page_stands_without_pipedrive(
    as_alice: Client, connection: PipedriveConnection, pipedrive: Company
) -> None:
    pipedrive.down = True
    assert ("call", "Call") in as_alice.get(f"{URL}/data").context["activity_types"]


def test_activity_types_are_read_once_and_again_when_asked(
    as_alice: Client, connection: PipedriveConnection, pipedrive: Company
) -> None:
    def spent() -> int:
        return sum(connection.spendings.values_list("tokens", flat=True))

    before = spent()
    for _ in range(2):
        assert ("demo", "Demo") in as_alice.get(f"{URL}/data").context["activity_types"]
    assert spent() == before + 20
    answer = as_alice.post(f"{URL}/activity-types/reload", follow=True)
    assert "activity types were read again" in body(answer)
    assert spent() == before + 40
    pipedrive.down = True
    answer = as_alice.post(f"{URL}/activity-types/reload", follow=True)
    assert "The activity types are those of the last time." in body(answer)
    assert ("demo", "Demo") in answer.context["activity_types"]


# Schedule, preview, first sync


def test_the_schedule(as_alice: Client, connection: PipedriveConnection) -> None:
    page = as_alice.get(f"{URL}/schedule")
    assert [one.mark for one in page.context["schedules"]] == ["Premium: part of Enterprise", "", "Recommended"]
    as_alice.post(f"{URL}/schedule", {"schedule": "hourly", "budget_share": "30"})
    connection.refresh_from_db()
    assert (connection.schedule, connection.budget_share, connection.next_sync_at) == ("hourly", 30, None)


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ({"schedule": "realtime", "budget_share": "50"}, "form"),
        ({"schedule": "weekly", "budget_share": "50"}, "schedule"),
        ({"schedule": "daily", "budget_share": "0"}, "budget_share"),
    ],
)
def test_a_schedule_that_is_none(
    as_alice: Client, connection: PipedriveConnection, typed: dict[str, str], place: str
) -> None:
    answer = as_alice.post(f"{URL}/schedule", typed)
    assert answer.status_code == 422
    assert list(answer.context["errors"]) == [place]


def test_the_first_sync_is_started_by_a_person(
    as_alice: Client, connection: PipedriveConnection, now: datetime
) -> None:
    assert "Start the first sync" in body(as_alice.get(f"{URL}/schedule"))
    answer = as_alice.post(f"{URL}/start")
    assert answer["Location"] == "/dashboard/integrations/pipedrive"
    run = PipedriveRun.objects.get()
    assert (run.mode, run.trigger, run.dry_run) == ("full", "first", False)
    assert "Start the first sync" not in body(as_alice.get(f"{URL}/schedule"))


def test_the_preview_keeps_nothing(as_alice: Client, connection: PipedriveConnection, now: datetime) -> None:
    teller(connection.workspace, now)("identify", user="anna", email="anna@example.com", first_name="Anna")
    page = body(as_alice.post(f"{URL}/preview"))
    assert "anna@example.com" in page and "Start the first sync" in page
    fragment = body(as_alice.post(f"{URL}/preview", headers={"HX-Request": "true"}))
    assert "anna@example.com" in fragment and "<html" not in fragment
    assert not PipedriveRun.objects.exists()
    assert not connection.links.exists()


def test_a_preview_without_pipedrive_says_why(
    as_alice: Client, connection: PipedriveConnection, pipedrive: Company, now: datetime
) -> None:
    teller(connection.workspace, now)("identify", user="anna", email="anna@example.com")
    pipedrive.down = True
    assert "There is no preview" in body(as_alice.post(f"{URL}/preview"))


# The connection


def test_pause_resume_disconnect_forget(as_alice: Client, connection: PipedriveConnection) -> None:
    for act, state in (("pause", "paused"), ("resume", "connected"), ("disconnect", "disconnected")):
        assert as_alice.post(f"{URL}/{act}").status_code == 302
        connection.refresh_from_db()
        assert connection.state == state
    assert connection.token == ""
    page = body(as_alice.get(URL))
    assert "This workspace was connected to Acme Sales" in page
    assert as_alice.post(f"{URL}/connect", {"api_token": OTHERS_TOKEN}).status_code == 422
    as_alice.post(f"{URL}/forget")
    assert as_alice.post(f"{URL}/connect", {"api_token": OTHERS_TOKEN}).status_code == 302


def test_what_is_connected_is_not_forgotten(as_alice: Client, connection: PipedriveConnection) -> None:
    assert as_alice.post(f"{URL}/forget").status_code == 409
    assert PipedriveConnection.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "analyst", "manager"])
def test_only_admins_change_the_connection(
    as_role: Callable[[str], Client], connection: PipedriveConnection, role: str
) -> None:
    browser = as_role(role)
    assert browser.get(URL).status_code == 200
    for act in ("connect", "data", "mapping", "schedule", "pause", "disconnect", "start"):
        assert browser.post(f"{URL}/{act}").status_code == 403


def test_charlie_sees_nothing_of_it(as_charlie: Client, connection: PipedriveConnection) -> None:
    page = body(as_charlie.get(URL))
    assert "Acme" not in page
    for act in ("data", "mapping", "schedule"):
        assert as_charlie.get(f"{URL}/{act}").status_code == 409
    assert as_charlie.post(f"{URL}/disconnect").status_code == 409
    connection.refresh_from_db()
    assert connection.state == "connected"
