"""The autopilot's API."""

import re
from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from autopilot.models import Action
from autopilot.states import State
from integrations.models import AdEntity
from tests.autopilot.conftest import Propose
from tests.autopilot.platform import FakePlatform

pytestmark = pytest.mark.django_db
ACTIONS = "/api/v1/autopilot/actions"
BODY = {
    "action": "budget_increase",
    "entity_ref": {"id": "120", "type": "Campaign", "platform": "meta"},
    "percent": "20",
}


def test_propose_test_approve(
    api: APIClient, platform: FakePlatform, holiday: AdEntity, healthy: None, capped: None
) -> None:
    made = api.post(ACTIONS, BODY)
    assert made.status_code == 201
    assert made.data["entity"] == "Campaign: Holiday Promo 2026"
    assert (made.data["before"]["value"], made.data["target"]) == ("500", "600")
    tested = api.post(f"{ACTIONS}/{made.data['id']}/dry-run").data
    assert tested["verdict"] == "WOULD_EXECUTE"
    assert tested["action"] == "Increase budget by 20%"
    assert tested["entity"] == 'Campaign "Holiday Promo 2026"'
    assert tested["platform_validation"]["status"] == "verified"
    names = [check["name"] for check in tested["checks"]]
    assert names[:4] == ["signal_health", "unchanged", "budget_cap", "budget_floor"]
    assert {"effect", "observed"} == set(tested["projected"]["conversions_per_day"])
    for told in (made.data["projected"], tested["projected"]):
        assert re.fullmatch(r"\d+\.\d\d", told["spend_per_day"]), "money is a decimal string"
    assert tested["audit_log"] and tested["inputs_hash"] and tested["expires_at"]
    approved = api.post(f"{ACTIONS}/{made.data['id']}/approve", {"inputs_hash": tested["inputs_hash"]})
    assert approved.data["state"] == "approved"
    assert [move["after"] for move in approved.data["moves"]] == ["proposed", "pending_review", "approved"]


def test_who_may_not_execute_leaves_it_to_others(
    api: APIClient, api_with: Callable[..., APIClient], propose: Propose
) -> None:
    action = propose()
    approver = api_with("read", "approve")
    assert approver.post(f"{ACTIONS}/{action.pk}/approve", {}).data["try_at"] is None
    assert approver.post(f"{ACTIONS}/{action.pk}/execute").status_code == 403
    assert api.post(f"{ACTIONS}/{action.pk}/execute").data["try_at"] is not None


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"action": "delete_campaign"}, 422, "not a valid choice"),
        ({"percent": "much"}, 422, "is not a number"),
        ({"percent": "20", "value": "600"}, 422, "exactly one of them"),
        ({"action": "pause_adset", "percent": None}, 422, "is for a adset"),
        ({"entity_ref": {"id": "999"}}, 404, "no such entity"),
        ({"surprise": 1}, 422, "There is no field “surprise”"),
    ],
)
def test_bad_input_gets_a_sentence(
    api: APIClient, platform: FakePlatform, healthy: None, change: dict, status: int, words: str
) -> None:
    body = {name: value for name, value in {**BODY, **change}.items() if value is not None}
    answer = api.post(ACTIONS, body)
    assert answer.status_code == status
    assert words in answer.data["detail"]


def test_the_list_is_filtered(api: APIClient, propose: Propose) -> None:
    propose()
    assert len(api.get(f"{ACTIONS}?tab=waiting&platform=meta").data["results"]) == 1
    assert api.get(f"{ACTIONS}?tab=executed").data["results"] == []
    assert api.get(f"{ACTIONS}?tab=nowhere").status_code == 400
    assert api.get(f"{ACTIONS}?colour=red").status_code == 400


def test_settings(api: APIClient, account: object) -> None:
    body = {
        "dry_run": True,
        "level": "suggest",
        "guard_rails": {"budget_cap": "1000"},
        "accounts": {"731": {"budget_cap": "5"}},
    }
    found = api.patch("/api/v1/autopilot/settings", body).data
    assert (found["dry_run"], found["level"], found["guard_rails"]["budget_cap"]) == (True, "suggest", "1000")
    assert found["accounts"] == {"731": {"budget_cap": "5"}}
    refused = api.patch("/api/v1/autopilot/settings", {"guard_rails": {"budget_cap": "-1", "speed": 3}})
    assert [fault["pointer"] for fault in refused.data["errors"]] == ["/guard_rails/budget_cap", "/guard_rails/speed"]


def test_emergency_stop(api: APIClient, propose: Propose) -> None:
    action = propose()
    api.post(f"{ACTIONS}/{action.pk}/approve", {})
    assert api.post("/api/v1/autopilot/emergency-stop").data["cancelled"] == 1
    assert Action.objects.get().state == State.CANCELLED
    assert api.delete("/api/v1/autopilot/emergency-stop").status_code == 204


def test_nothing_crosses_a_workspace(stranger_api: APIClient, propose: Propose) -> None:
    action = propose()
    assert stranger_api.get(ACTIONS).data["results"] == []
    for step in ("", "/dry-run", "/approve", "/reject", "/cancel", "/execute", "/judge", "/undo"):
        call = stranger_api.get if not step else stranger_api.post
        body = {"reason": "x"} if step == "/reject" else {}
        assert call(f"{ACTIONS}/{action.pk}{step}", body).status_code == 404
