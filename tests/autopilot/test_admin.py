"""The autopilot in Django admin: everything is found, nothing is edited, what can be done goes through the services."""

from datetime import datetime

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from autopilot.models import Action, AutopilotSettings, Rule
from autopilot.rules.templates import TEMPLATES
from autopilot.services import actions, rule_runs, rules, settings
from autopilot.states import State
from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace
from tests.autopilot.conftest import Propose
from trustlayer.models import LedgerEntry

pytestmark = pytest.mark.django_db
OURS = [model for model in admin.site._registry if model._meta.app_label == "autopilot"]


@pytest.fixture
def staff() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root@example.com", "x"))
    return browser


@pytest.fixture
def rows(propose: Propose, workspace: Workspace, by_alice: Actor, now: datetime) -> Action:
    """One of each; the action waits."""
    same = {"workspace": workspace, "by": by_alice, "now": now}
    winners = TEMPLATES["scale_winners"]
    rule = rules.create(name="Winners", template=winners.name, body=winners.body, **same)
    rule_runs.over_history(rule_id=rule.pk, **same)
    rules.switch(rule_id=rule.pk, on=True, **same)
    rule_runs.run(rule=rule, now=now)
    settings.change(body={"level": "approval", "guard_rails": {"budget_cap": "900"}}, **same)
    action = propose("pause_campaign")
    actions.test(action_id=action.pk, **same)
    return action


def listed(model: type) -> str:
    return reverse(f"admin:autopilot_{model._meta.model_name}_changelist")


def act(staff: Client, model: type, name: str, pk: object) -> str:
    form = {"action": name, "_selected_action": [str(pk)]}
    return staff.post(listed(model), form, follow=True).content.decode()


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_and_row_opens_and_cannot_be_edited(staff: Client, rows: Action, model: type) -> None:
    assert staff.get(listed(model)).status_code == 200
    assert staff.get(listed(model), {"q": "acme"}).status_code == 200
    assert staff.get(reverse(f"admin:autopilot_{model._meta.model_name}_add")).status_code == 403
    for row in model.objects.all():
        page = staff.get(reverse(f"admin:autopilot_{model._meta.model_name}_change", args=[row.pk]))
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert staff.post(reverse(f"admin:autopilot_{model._meta.model_name}_delete", args=[row.pk])).status_code == 403


def test_cancelling_is_a_move_in_the_book(staff: Client, rows: Action) -> None:
    assert "Done: 1." in act(staff, Action, "cancel", rows.pk)
    rows.refresh_from_db()
    assert (rows.state, rows.why) == (State.CANCELLED, "root@example.com (staff) cancelled it.")
    assert LedgerEntry.objects.filter(action_id=str(rows.pk), reason_code="cancelled").exists()
    assert "cannot become cancelled" in act(staff, Action, "cancel", rows.pk)


def test_a_rule_is_switched_off(staff: Client, rows: Action) -> None:
    rule = Rule.objects.get()
    act(staff, Rule, "switch_off", rule.pk)
    rule.refresh_from_db()
    assert not rule.enabled


def test_the_emergency_stop(staff: Client, rows: Action) -> None:
    row = AutopilotSettings.objects.get()
    act(staff, AutopilotSettings, "stop", row.pk)
    row.refresh_from_db()
    assert row.stopped_by == "root@example.com (staff)"
    act(staff, AutopilotSettings, "resume", row.pk)
    row.refresh_from_db()
    assert row.stopped_at is None
