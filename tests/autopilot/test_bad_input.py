"""What nobody can want, by API and page: a sentence that says why, never a crash, and nothing is written."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.test import Client
from rest_framework.test import APIClient

from autopilot.changes import Absurd, Wish, aim
from autopilot.models import Action, Rule
from autopilot.rules.definitions import parse
from autopilot.rules.templates import TEMPLATES
from autopilot.services import rule_runs, rules
from autopilot.states import State
from integrations.models import AdAccount, AdEntity
from stratum.lib.refusal import Invalid
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import Propose, entity
from tests.autopilot.platform import FakePlatform

ACTIONS, PAGES = "/api/v1/autopilot/actions", "/dashboard/autopilot/actions"
WINNERS = TEMPLATES["scale_winners"]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Wish("set_budget", value=Decimal(-5)), "A negative budget cannot be set. To stop spending, pause it."),
        (Wish("set_budget", value=Decimal("0.001")), "A zero budget cannot be set."),
        (Wish("set_budget", value=Decimal("1e400")), "A budget beyond $1000000000 is absurd."),
        (Wish("set_budget", value=Decimal("-1e400")), "is absurd"),
        (Wish("budget_increase", percent=Decimal("1e9")), "is absurd. Give at most 1000."),
        (Wish("budget_increase", percent=Decimal(-20)), "$400 is less than $500: no increase."),
        (Wish("budget_decrease", percent=Decimal(100)), "A zero budget cannot be set."),
        (Wish("budget_decrease", value=Decimal(600)), "$600 is more than $500: no decrease."),
        (Wish("set_budget", value=Decimal(500)), "The budget is $500 already."),
        (Wish("set_budget", value=Decimal(600), currency="EUR"), "This account is in USD, so give the budget in USD."),
        (Wish("set_budget"), "exactly one of them"),
    ],
)
def test_absurd_wishes(wish: Wish, told: str) -> None:
    with pytest.raises(Absurd) as refused:
        aim(wish, Decimal(500), "USD")
    assert told in refused.value.sentence


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"when": [{"metric": "roas", "op": "eq", "value": 5}, {"metric": "roas", "op": "gt", "value": 5}]}, "contradicts"),
        ({"when": [{"metric": "roas", "op": "gte", "value": 5}, {"metric": "roas", "op": "lt", "value": 5}]}, "contradicts"),
        ({"when": [{"metric": ["roas"], "op": "gt", "value": 1}]}, "Choose a metric"),
        ({"when": [{"metric": "roas", "op": ["gt"], "value": 1}]}, "Choose a comparison"),
        ({"when": [{"metric": "roas", "op": "gt", "value": float("nan")}]}, "Give a number of 0 or more"),
        ({"then": {"action": "budget_increase", "percent": "-15"}}, "choose that action"),
        ({"then": {"action": "budget_decrease", "percent": "100"}}, "To stop spending, pause it"),
        ({"then": {"action": "set_budget", "value": "1e400"}}, "none that is absurd"),
        ({"every": ["daily"]}, "Choose one of hourly, daily"),
        ({"scope": {"kind": {}}}, "Choose one of campaign"),
    ],
)  # fmt: skip
def test_absurd_rules(body: dict, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse({**WINNERS.body, **body})
    assert told in " ".join(fault.detail for fault in refused.value.faults)


def test_conditions_that_just_meet_are_none_of_that() -> None:
    both = [{"metric": "roas", "op": "gte", "value": 5}, {"metric": "roas", "op": "lte", "value": 5}]
    assert len(parse({**WINNERS.body, "when": both}).when) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"value": "-5"}, 422, "A negative budget cannot be set"),
        ({"value": "1e999"}, 422, "is absurd"),
        ({"value": "600", "currency": "eur"}, 422, "This account is in USD"),
        ({"value": "600 EUR"}, 422, "is not a number"),
        ({"percent": "NaN"}, 422, "Give a finite number"),
        ({"percent": "20", "note": "a\0b"}, 422, "contains NUL"),
    ],
)
def test_by_api(
    api: APIClient, platform: FakePlatform, healthy: None, body: dict[str, str], status: int, told: str
) -> None:
    reference = {"id": "120", "type": "Campaign", "platform": "meta"}
    answer = api.post(ACTIONS, {"action": "set_budget", "entity_ref": reference, **body})
    assert (answer.status_code, Action.objects.count()) == (status, 0)
    assert told in str(answer.data)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"value": "-5"}, "A negative budget cannot be set"),
        ({"value": "1e999"}, "is absurd"),
        ({"value": "many"}, "“many” is not a number"),
        ({"percent": "20", "value": "600"}, "exactly one of them"),
        ({"percent": "20", "note": "a\0b"}, "contains NUL"),
        ({"percent": "20", "note": "x" * 1_001}, "at most 1,000 characters"),
        ({"percent": "20", "entity": "99999999"}, "no such entity"),
        ({"percent": "20", "action": "delete"}, "Choose what is to be done"),
    ],
)
def test_by_page(
    as_alice: Client, platform: FakePlatform, holiday: AdEntity, healthy: None, typed: dict[str, str], told: str
) -> None:
    answer = as_alice.post(f"{PAGES}/new", {"entity": str(holiday.pk), "action": "set_budget", **typed})
    assert answer.status_code in (404, 422)
    assert told in answer.content.decode()
    assert Action.objects.count() == 0


@pytest.mark.django_db
def test_an_entity_that_vanished(
    api: APIClient, as_alice: Client, propose: Propose, platform: FakePlatform, holiday: AdEntity
) -> None:
    action = propose()
    del platform.entities_["120"]
    tested = api.post(f"{ACTIONS}/{action.pk}/dry-run").data
    assert tested["verdict"] == "WOULD_BLOCK"
    assert "There is nothing with that id." in tested["reasons"][0]
    page = as_alice.post(f"{PAGES}/{action.pk}/test", follow=True).content.decode()
    assert "There is nothing with that id." in page
    typed = {"entity": str(holiday.pk), "action": "set_budget", "value": "700"}
    assert "is not on the platform any more" in as_alice.post(f"{PAGES}/new", typed).content.decode()


@pytest.mark.django_db
def test_a_confirmation_that_is_no_number(api: APIClient, propose: Propose) -> None:
    action = propose(percent=80)
    for typed in ("sNaN", "NaN", "nine hundred", ""):
        answer = api.post(f"{ACTIONS}/{action.pk}/approve", {"confirm": typed})
        assert (answer.status_code, "Type 900 to confirm" in answer.data["detail"]) == (422, True)
    action.refresh_from_db()
    assert action.state == State.PENDING_REVIEW


@pytest.mark.django_db
def test_settings_that_are_no_settings(api: APIClient, account: AdAccount) -> None:
    for body in ({"level": ["guarded"]}, {"guard_rails": "none"}, {"accounts": []}, {"accounts": {"731": 5}}, []):
        assert api.patch("/api/v1/autopilot/settings", body, format="json").status_code == 422, body
    assert api.patch("/api/v1/autopilot/settings", {"accounts": {"999": {}}}).status_code == 404


@pytest.fixture
def rule(workspace: Workspace, by_alice: Actor, now: datetime, healthy: None, platform: FakePlatform) -> Rule:
    return rules.create(
        workspace=workspace, by=by_alice, name="Winners", template="scale_winners", body=WINNERS.body, now=now
    )


@pytest.mark.django_db
def test_a_metric_without_data_is_named(as_alice: Client, rule: Rule, holiday: AdEntity, now: datetime) -> None:
    holiday.days.all().delete()
    run = rule_runs.run(rule=rule, now=now)
    assert (run.looked_at, run.met) == (1, 0)
    page = as_alice.get(f"/dashboard/autopilot/rules/{rule.pk}").content.decode()
    assert "There is no data for ROAS." in page and "No data" in page


@pytest.mark.django_db
def test_amounts_of_a_rule_over_several_currencies_are_named(
    as_alice: Client,
    api: APIClient,
    workspace: Workspace,
    by_alice: Actor,
    account: AdAccount,
    rule: Rule,
    now: datetime,
) -> None:
    other = AdAccount.objects.create(
        workspace=workspace,
        connection=account.connection,
        platform="google",
        external_id="999",
        name="Acme EU",
        currency="EUR",
    )
    entity(other, "7", "Search", "50", now)
    losers = TEMPLATES["cut_losers"]
    cut = rules.create(workspace=workspace, by=by_alice, name="Cut", template=losers.name, body=losers.body, now=now)
    told = "Its amounts mean EUR in Acme EU, USD in Acme US. Limit its scope to accounts of one currency."
    assert told in as_alice.get(f"/dashboard/autopilot/rules/{cut.pk}").content.decode()
    assert api.get(f"/api/v1/autopilot/rules/{cut.pk}").data["currencies"] == told
    assert api.get(f"/api/v1/autopilot/rules/{rule.pk}").data["currencies"] is None  # ROAS has no currency


@pytest.mark.django_db
def test_a_rule_with_a_character_that_cannot_be_stored(as_alice: Client, rule: Rule) -> None:
    typed = {
        "name": "Win\0ners", "every": "daily", "kind": "campaign", "status": "active", "action": "budget_increase",
        "percent": "10", "metric": ["roas", "conversions", "spend_pace"], "op": ["gte"] * 3, "value": ["2", "30", "90"],
        "days": ["14", "14", "7"], "segment": ["", "", ""], "name_contains": "a\0b",
    }  # fmt: skip
    answer = as_alice.post(f"/dashboard/autopilot/rules/{rule.pk}/edit", typed)
    assert answer.status_code == 422
    assert "contains NUL" in answer.content.decode()
