"""The queue, an action, its test, the history and the settings, as people meet them."""

from datetime import datetime

import pytest
from django.test import Client

from autopilot.models import Action, DryRun
from autopilot.queries.settings import standing
from autopilot.services import actions
from autopilot.states import State
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import Propose
from tests.autopilot.platform import FakePlatform

pytestmark = pytest.mark.django_db
QUEUE = "/dashboard/autopilot/actions"


def test_the_queue_shows_old_and_new_and_what_is_expected(as_alice: Client, propose: Propose) -> None:
    propose()
    page = as_alice.get(QUEUE).content.decode()
    assert "Campaign: Holiday Promo 2026" in page
    assert "$500/day →" in page and "$600/day</strong>" in page
    assert "Test (Dry-Run)" in page
    assert page.index("Test (Dry-Run)<span") < page.index("Approve<span")
    assert "more conversions, $" in page


def test_an_empty_queue_says_what_to_do(as_alice: Client) -> None:
    assert "No ad account is connected" in as_alice.get(QUEUE).content.decode()


def test_test_then_approve_in_one_click(
    as_alice: Client, propose: Propose, platform: FakePlatform, capped: None
) -> None:
    action = propose()
    answer = as_alice.post(f"{QUEUE}/{action.pk}/test")
    tested = DryRun.objects.get()
    assert answer["Location"] == f"/dashboard/autopilot/dry-runs/{tested.pk}"
    page = as_alice.get(answer["Location"]).content.decode()
    assert "Action WOULD EXECUTE if approved" in page
    assert "DRY-RUN RESULTS" in page
    assert "$600 &lt; $1000 limit" in page
    as_alice.post(f"{QUEUE}/{action.pk}/approve", {"inputs_hash": tested.inputs_hash})
    action.refresh_from_db()
    assert action.state == State.APPROVED


def test_one_click_approval_is_refused_once_the_inputs_have_changed(
    as_alice: Client, propose: Propose, platform: FakePlatform
) -> None:
    action = propose()
    as_alice.post(f"{QUEUE}/{action.pk}/test")
    platform.put("120", "budget", "510")
    answer = as_alice.post(f"{QUEUE}/{action.pk}/approve", {"inputs_hash": DryRun.objects.get().inputs_hash})
    assert answer.status_code == 409
    assert "has changed since" in answer.content.decode()


def test_a_test_is_good_for_fifteen_minutes(as_alice: Client, propose: Propose, move_clock, now: datetime) -> None:
    action = propose()
    as_alice.post(f"{QUEUE}/{action.pk}/test")
    tested = DryRun.objects.get()
    move_clock(tested.expires_at)
    answer = as_alice.post(f"{QUEUE}/{action.pk}/approve", {"inputs_hash": tested.inputs_hash})
    assert "more than 15 minutes old" in answer.content.decode()


def test_rejecting_wants_a_reason(as_alice: Client, propose: Propose) -> None:
    action = propose()
    assert as_alice.post(f"{QUEUE}/{action.pk}/reject", {"reason": " "}).status_code == 422
    as_alice.post(f"{QUEUE}/{action.pk}/reject", {"reason": "Stock is low."})
    action.refresh_from_db()
    assert action.why == "Alice rejected it: Stock is low."


def test_many_at_once(as_alice: Client, propose: Propose) -> None:
    first, second = propose(), propose("pause_campaign")
    as_alice.post(f"{QUEUE}/bulk", {"id": [str(first.pk), str(second.pk)], "do": "reject", "reason": "Not now."})
    assert set(Action.objects.values_list("state", flat=True)) == {State.REJECTED}
    page = as_alice.get(f"{QUEUE}?tab=closed").content.decode()
    assert page.count("Rejected") >= 2


def test_a_proposal_from_the_form(as_alice: Client, platform: FakePlatform, holiday, healthy: None) -> None:
    bad = as_alice.post(f"{QUEUE}/new", {"entity": holiday.pk, "action": "budget_increase", "percent": "-2000"})
    assert bad.status_code == 422
    assert "absurd" in bad.content.decode()
    negative = as_alice.post(f"{QUEUE}/new", {"entity": holiday.pk, "action": "set_budget", "value": "-5"})
    assert "A negative budget cannot be set." in negative.content.decode()
    good = as_alice.post(f"{QUEUE}/new", {"entity": holiday.pk, "action": "budget_increase", "percent": "20"})
    action = Action.objects.get()
    assert good["Location"] == f"{QUEUE}/{action.pk}"
    detail = as_alice.get(good["Location"]).content.decode()
    assert "Every check passed; the autopilot asks for approval" in detail


def test_an_analyst_tests_but_does_not_approve(as_bob: Client, propose: Propose) -> None:
    action = propose()
    page = as_bob.get(QUEUE).content.decode()
    assert "Test (Dry-Run)" in page and "Approve<span" not in page
    assert as_bob.post(f"{QUEUE}/{action.pk}/approve").status_code == 403


def test_it_checks_ownership(as_charlie: Client, propose: Propose) -> None:
    action = propose()
    assert as_charlie.get(f"{QUEUE}/{action.pk}").status_code == 404
    assert as_charlie.post(f"{QUEUE}/{action.pk}/test").status_code == 404
    assert "Holiday" not in as_charlie.get(QUEUE).content.decode()


def test_settings_are_saved_and_refused(as_alice: Client, account, workspace: Workspace) -> None:
    page = as_alice.get("/dashboard/settings/autopilot").content.decode()
    assert "Dry-Run Mode" in page and "Acme US" in page
    typed = {"level": "guarded", "dry_run": "on", "budget_cap": "1000", "account": "731", "731-budget_cap": "700"}
    numbers = {"automatic_percent": "20", "approval_percent": "50", "max_per_day": "50", "windows": "0"}
    as_alice.post("/dashboard/settings/autopilot", typed | numbers)
    found = standing(workspace)
    assert (found.dry_run, found.level, str(found.rails.budget_cap)) == (True, "guarded", "1000")
    assert str(found.for_account(account.pk).budget_cap) == "700"
    assert "Dry-Run Mode is on" in as_alice.get("/dashboard/").content.decode()
    wrong = as_alice.post("/dashboard/settings/autopilot", typed | {"budget_cap": "-3", "max_per_day": "many"})
    assert wrong.status_code == 422
    assert "Give an amount above 0" in wrong.content.decode()


def test_emergency_stop_from_the_settings(as_alice: Client, propose: Propose, workspace: Workspace) -> None:
    propose()
    as_alice.post("/dashboard/settings/autopilot/emergency-stop")
    assert standing(workspace).stopped
    assert "The emergency stop is on" in as_alice.get(QUEUE).content.decode()
    as_alice.post("/dashboard/settings/autopilot/resume")
    assert not standing(workspace).stopped


def test_home_tells_what_waits(as_alice: Client, propose: Propose) -> None:
    propose()
    assert "1 for approval, 0 held by signal health" in as_alice.get("/dashboard/").content.decode()


def test_the_history_is_filtered(
    as_alice: Client, propose: Propose, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    action = propose()
    actions.test(workspace=workspace, by=by_alice, action_id=action.pk, now=now)
    page = as_alice.get("/dashboard/autopilot/dry-runs").content.decode()
    assert "Holiday Promo 2026" in page and "Would execute" in page
    assert "No dry-run matches" in as_alice.get("/dashboard/autopilot/dry-runs?verdict=WOULD_BLOCK").content.decode()
