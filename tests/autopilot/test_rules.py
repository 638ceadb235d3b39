"""Rules: what they say, whom they are about, what they propose and why not, and what they would have done."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from rest_framework.test import APIClient

from autopilot.models import Action, AutopilotSettings, DryRun, Rule, RuleEvaluation
from autopilot.rules.definitions import parse, sentence
from autopilot.rules.templates import TEMPLATES
from autopilot.services import rule_runs, rules, settings
from autopilot.states import State
from integrations.models import AdAccount, AdEntity
from stratum.lib.refusal import Invalid, NotAllowed, Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import entity
from tests.autopilot.platform import FakePlatform

pytestmark = pytest.mark.django_db
WINNERS = TEMPLATES["scale_winners"]


@pytest.fixture
def rule(workspace: Workspace, by_alice: Actor, now: datetime, healthy: None, platform: FakePlatform) -> Rule:
    return rules.create(
        workspace=workspace, by=by_alice, name="Scale winners", template="scale_winners", body=WINNERS.body, now=now
    )


def test_a_rule_in_words() -> None:
    assert sentence(WINNERS.definition) == (
        "For active campaigns, every hour: when ROAS over 14 days ≥ 3 and Conversions over 14 days ≥ 30 and "
        "Spend pace over 7 days ≥ 90 %, propose budget increase by 15 %."
    )


def test_it_works(rule: Rule, holiday: AdEntity, account: AdAccount, now: datetime) -> None:
    entity(account, "121", "Weak", "100", now)
    AdEntity.objects.get(external_id="121").days.update(revenue=50)
    run = rule_runs.run(rule=rule, now=now)
    assert (run.looked_at, run.met, run.proposed) == (2, 1, 1)
    action = Action.objects.get()
    assert (action.state, action.target, action.proposed_by) == (State.PENDING_REVIEW, "575", "Scale winners")
    assert action.evidence[0]["label"] == "ROAS over 14 days"
    said = dict(RuleEvaluation.objects.values_list("entity__name", "sentence"))
    assert said["Weak"].startswith("ROAS over 14 days is 0.1")
    assert "not ≥ 3" in said["Weak"]
    assert said["Holiday Promo 2026"].startswith("Proposed +15% budget")


def test_it_does_not_propose_the_same_again(rule: Rule, now: datetime) -> None:
    rule_runs.run(rule=rule, now=now)
    rule_runs.run(rule=rule, now=now + timedelta(hours=1))
    assert Action.objects.count() == 1
    assert RuleEvaluation.objects.get().outcome == "waiting"


def test_the_last_three_days_do_not_count_for_conversions(rule: Rule, holiday: AdEntity, now: datetime) -> None:
    holiday.days.filter(day__gte=(now - timedelta(days=3)).date()).update(revenue=0)
    assert rule_runs.run(rule=rule, now=now).met == 1
    holiday.days.filter(day__gte=(now - timedelta(days=17)).date()).update(revenue=0)
    assert rule_runs.run(rule=rule, now=now).met == 0


def test_without_data_it_says_so(rule: Rule, holiday: AdEntity, now: datetime) -> None:
    holiday.days.all().delete()
    rule_runs.run(rule=rule, now=now)
    assert RuleEvaluation.objects.get().sentence == "There is no data for ROAS."


def test_no_more_than_the_rails_let_a_run_propose(
    rule: Rule, account: AdAccount, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    entity(account, "122", "Another", "500", now)
    settings.change(workspace=workspace, by=by_alice, body={"guard_rails": {"max_per_run": 1}}, now=now)
    run = rule_runs.run(rule=rule, now=now)
    assert (run.met, run.proposed) == (2, 1)
    assert set(RuleEvaluation.objects.values_list("outcome", flat=True)) == {"proposed", "limited"}


def test_in_dry_run_mode_it_simulates_only(
    rule: Rule, platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    settings.change(workspace=workspace, by=by_alice, body={"dry_run": True, "level": "guarded"}, now=now)
    rule_runs.run(rule=rule, now=now)
    assert Action.objects.get().state == State.PENDING_REVIEW
    assert DryRun.objects.get().rule == rule
    assert platform.writes == []


def test_over_history_and_only_then_on(rule: Rule, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    on = {"workspace": workspace, "by": by_alice, "rule_id": rule.pk, "now": now}
    with pytest.raises(Refusal, match="Test this version over history first"):
        rules.switch(on=True, **on)
    tested = rule_runs.over_history(**on)
    assert tested.history is not None
    assert len(tested.history["days"]) == 30
    assert tested.proposed == 30  # it holds every day, and its cooldown is a day
    assert Action.objects.count() == 0
    assert rules.switch(on=True, **on).enabled
    assert list(rule_runs.claim_due(now)) == [{"rule_id": str(rule.pk)}]
    body = {**WINNERS.body, "then": {"action": "budget_increase", "percent": "10"}}
    changed = rules.change(body=body, **on)
    assert (changed.version, changed.enabled) == (2, False)


def test_professional_edits_thresholds_not_structure(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    made = {"workspace": workspace, "by": by_alice, "now": now, "template": "scale_winners"}
    own = {**WINNERS.body, "when": [{"metric": "roas", "days": 7, "op": "gte", "value": 5}]}
    with pytest.raises(NotAllowed):
        rules.create(name="Mine", body=own, **made)
    workspace.plan = "enterprise"
    assert rules.create(name="Mine", body=own, **made).pk


def test_rules_that_oppose_each_other_are_named(
    rule: Rule, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    from autopilot.queries import rules as queries  # noqa: PLC0415

    other = rules.create(
        workspace=workspace,
        by=by_alice,
        name="Cut",
        template="cut_losers",
        body=TEMPLATES["cut_losers"].body,
        now=now,
    )
    Rule.objects.update(enabled=True)
    assert queries.conflicts(rule) == ["“Cut” wants the opposite for the same budget (budget decrease)."]
    assert queries.conflicts(other)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"when": []}, "Give 1 to 10 conditions"),
        ({"when": [{"metric": "luck", "op": "gt", "value": 1}]}, "Choose a metric"),
        (
            {"when": [{"metric": "roas", "op": "gt", "value": 5}, {"metric": "roas", "op": "lt", "value": 1}]},
            "contradicts",
        ),
        ({"then": {"action": "budget_increase"}}, "by how many percent"),
        ({"then": {"action": "pause_adset"}}, "is for a adset"),
        ({"speed": 1}, "A rule has no “speed”"),
    ],
)
def test_bad_definitions_get_a_sentence(body: dict, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        parse({**WINNERS.body, **body})


def test_the_pages(as_alice: Client, rule: Rule, now: datetime) -> None:
    page = as_alice.get("/dashboard/autopilot/rules").content.decode()
    assert "Scale winners" in page and "Off, not tested" in page and "Use template" in page
    form = as_alice.get("/dashboard/autopilot/rules/new?template=cut_losers").content.decode()
    assert "Cut losers" in form and 'value="60"' in form
    here = f"/dashboard/autopilot/rules/{rule.pk}"
    assert as_alice.post(f"{here}/switch", {"on": "1"}).status_code == 409
    as_alice.post(f"{here}/test")
    as_alice.post(f"{here}/switch", {"on": "1"})
    rule_runs.run(rule=rule, now=now)
    detail = as_alice.get(here).content.decode()
    assert "It would have proposed <strong>30</strong> times" in detail
    assert "Proposed +15% budget" in detail
    typed = {
        "name": "Scale winners", "every": "daily", "kind": "campaign", "status": "active", "action": "budget_increase",
        "percent": "10", "metric": ["roas", "conversions", "spend_pace"], "op": ["gte"] * 3, "value": ["2", "30", "90"],
        "days": ["14", "14", "7"], "segment": ["", "", ""],
    }  # fmt: skip
    as_alice.post(f"{here}/edit", typed)
    rule.refresh_from_db()
    assert (rule.version, parse(rule.definition).percent) == (2, Decimal(10))
    wrong = as_alice.post(f"{here}/edit", {**typed, "value": ["x", "30", "90"]})
    assert wrong.status_code == 422 and "Give a number of 0 or more" in wrong.content.decode()
    as_alice.post(f"{here}/versions/1/restore")
    rule.refresh_from_db()
    assert rule.version == 3
    as_alice.post(f"{here}/archive")
    assert as_alice.get(here).status_code == 404


def test_the_api(api: APIClient, stranger_api: APIClient, holiday: AdEntity, platform: FakePlatform) -> None:
    made = api.post("/api/v1/autopilot/rules", {"name": "Winners", "template": "scale_winners"})
    assert made.status_code == 201
    here = f"/api/v1/autopilot/rules/{made.data['id']}"
    assert api.patch(here, {"enabled": True}).status_code == 409
    assert api.post(f"{here}/dry-run").data["proposed"] == 30
    assert api.patch(here, {"enabled": True}).data["enabled"] is True
    assert stranger_api.get(here).status_code == 404
    assert api.post("/api/v1/autopilot/rules", {"name": "Winners", "template": "scale_winners"}).status_code == 422
    assert api.delete(here).status_code == 204
    assert not AutopilotSettings.objects.exists()
