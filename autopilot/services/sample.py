"""What the autopilot did in the demo workspace so far: rules, tests of the last weeks with what came of them, a queue.

Everything is made by the services that people and workers use, at the instants of the story.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from autopilot.changes import Wish
from autopilot.models import Action, AutopilotSettings, DryRun, Rule
from autopilot.rules.templates import TEMPLATES
from autopilot.services import actions, executor, resolving, rule_runs, rules, settings
from autopilot.services.attempts import attempt
from autopilot.services.facts import as_seen
from autopilot.services.proposals import Asked, place
from autopilot.services.stage import Stage
from autopilot.states import State
from integrations.models import AdConnection, AdDay, AdEntity
from integrations.services import ad_sync
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import SYSTEM, Actor, actor_of_member
from stratum.workspaces.models import Member, Workspace

RAILS = {"budget_cap": "1000", "daily_spend_limit": "2000"}
GOOGLE_RAILS = {"daily_spend_limit": "5000"}  # its days may cost twice
SWITCHED_ON = ("scale_winners", "cut_losers")
PAST_TESTS = 14
FIRST_TEST, EVERY_TEST = timedelta(days=52), timedelta(days=2, hours=5)
STEPS = (Decimal(20), Decimal(15), Decimal(-10), Decimal(20), Decimal(-20))
QUEUE = (
    ("Holiday Promo 2026", Wish("budget_increase", percent=Decimal(20)), "Gift season has begun."),
    ("Prospecting - Lookalike 2%", Wish("budget_increase", percent=Decimal(35)), "Room to grow before the holidays?"),
    ("Brand Awareness Q1", Wish("pause_campaign"), "Nothing converts here since October."),
)
DONE = ("Summer Sale 2026", Wish("budget_decrease", percent=Decimal(10)), "Season is over.")


def build(workspace: Workspace, now: datetime) -> None:
    """Once; what somebody changed since stays so."""
    if AutopilotSettings.objects.filter(workspace=workspace).exists():
        return
    _read_platforms(workspace, now)
    by = _owner(workspace)
    body: dict[str, Any] = {"guard_rails": RAILS, "accounts": _google(workspace)}
    settings.change(workspace=workspace, by=by, body=body, now=now - FIRST_TEST)
    _test_in_the_past(workspace, by, now)
    _make_rules(workspace, by, now)
    _fill_queue(workspace, by, now)


def _owner(workspace: Workspace) -> Actor:
    member = Member.objects.filter(workspace=workspace, role="owner").select_related("user", "workspace").first()
    return actor_of_member(member) if member else SYSTEM


def _read_platforms(workspace: Workspace, now: datetime) -> None:
    """The first reading of the sandboxes, which the tick would make in a minute."""
    for connection in AdConnection.objects.filter(workspace=workspace, sandbox=True):
        if not AdDay.objects.filter(entity__account__connection=connection).exists():
            ad_sync.sync(connection_id=connection.pk, now=now)


def _google(workspace: Workspace) -> dict[str, Any]:
    accounts = workspace.ad_accounts.filter(platform="google").values_list("external_id", flat=True)
    return dict.fromkeys(accounts, GOOGLE_RAILS)


def _campaigns(workspace: Workspace) -> list[AdEntity]:
    rows = AdEntity.objects.filter(workspace=workspace, kind="campaign", status="active", budget_period="daily")
    chosen = rows.filter(Q(account__connection__sandbox=True), budget__gt=0)
    return list(chosen.select_related("account__connection", "workspace").order_by("external_id"))


def _test_in_the_past(workspace: Workspace, by: Actor, now: datetime) -> None:
    """Ideas that were tested and dropped: free checks of the range of the noise."""
    campaigns = _campaigns(workspace)
    for number in range(PAST_TESTS if campaigns else 0):
        at = now - FIRST_TEST + number * EVERY_TEST
        entity, step = campaigns[number % len(campaigns)], STEPS[number % len(STEPS)]
        wish = Wish("budget_increase" if step > 0 else "budget_decrease", percent=abs(step))
        stage = Stage(workspace, at)
        try:
            action = place(
                stage=stage, by=by, asked=Asked(entity, wish, "An idea, only to test."), live=as_seen(entity)
            )
        except Refusal:
            continue
        attempt(action=action, stage=stage, dry_run=True, by=by)
        if action.state in (State.PENDING_REVIEW, State.BLOCKED):
            actions.cancel(workspace=workspace, by=by, action_id=action.pk, now=at + timedelta(minutes=4))
    while resolving.resolve_due(now=now, workspace=workspace):
        continue


def _make_rules(workspace: Workspace, by: Actor, now: datetime) -> None:
    for template in TEMPLATES.values():
        made = now - timedelta(days=9)
        rule = rules.create(
            workspace=workspace, by=by, name=template.label, template=template.name, body=template.body, now=made
        )
        if template.name in SWITCHED_ON:
            same: dict[str, Any] = {"workspace": workspace, "by": by, "rule_id": rule.pk}
            rule_runs.over_history(now=made, **same)
            rules.switch(on=True, now=made, **same)
            rule_runs.run(rule=Rule.objects.select_related("workspace").get(pk=rule.pk), now=now)


def _fill_queue(workspace: Workspace, by: Actor, now: datetime) -> None:
    """The first one is left for the reader to test."""
    for number, asked in enumerate(QUEUE):
        action = _propose(workspace, by, asked, now)
        if action is not None and number:
            attempt(action=action, stage=Stage(workspace, now), dry_run=True, by=by)
    done = _propose(workspace, by, DONE, now)
    if done is not None and done.state == State.PENDING_REVIEW:
        attempt(action=done, stage=Stage(workspace, now), dry_run=True, by=by)
        actions.approve(workspace=workspace, by=by, action_id=done.pk, now=now)
        executor.execute_one(action_id=str(done.pk), now=now)


def _propose(workspace: Workspace, by: Actor, asked: tuple[str, Wish, str], at: datetime) -> Action | None:
    name, wish, note = asked
    rows = AdEntity.objects.filter(workspace=workspace, name=name, account__connection__sandbox=True, kind="campaign")
    entity = rows.select_related("account__connection", "workspace").first()
    if entity is None:
        return None
    try:
        asking = Asked(entity, wish, note)
        return place(stage=Stage(workspace, at), by=by, asked=asking, live=as_seen(entity))
    except Refusal:
        return None


def remove(workspace: Workspace, now: datetime) -> None:
    """The rules of the story and the settings; what was proposed goes with the sandboxes' accounts."""
    DryRun.objects.filter(workspace=workspace, action__account__connection__sandbox=True).delete()
    Action.objects.filter(workspace=workspace, account__connection__sandbox=True).delete()
    made = [template.label for template in TEMPLATES.values()]
    Rule.objects.filter(workspace=workspace, name__in=made, version=1).delete()
    AutopilotSettings.objects.filter(workspace=workspace).delete()
