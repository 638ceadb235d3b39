"""What the autopilot did in the demo workspace so far: rules, tests of the last weeks with what came of them, a queue.

Everything is made by the services that people and workers use, at the instants of the story.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from autopilot.changes import Wish
from autopilot.models import Action, AutopilotSettings, DryRun, Rule
from autopilot.rules.templates import TEMPLATES
from autopilot.services import actions, resolving, rule_runs, rules, settings
from autopilot.services.attempts import attempt
from autopilot.services.facts import as_seen
from autopilot.services.proposals import Asked, place
from autopilot.services.stage import Stage
from autopilot.states import State
from integrations.base import AdPlatform
from integrations.models import AdAccount, AdConnection, AdDay, AdEntity
from integrations.services import ad_sync
from integrations.services.ad_platforms import platform_of
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import SYSTEM, Actor, actor_of_member
from stratum.workspaces.models import Member, Workspace

RAILS = {"budget_cap": "1000", "daily_spend_limit": "2000"}
GOOGLE_RAILS = {"daily_spend_limit": "5000"}  # its days may cost twice
SWITCHED_ON = ("scale_winners", "cut_losers")
PAST_TESTS = 14
FIRST_TEST, EVERY_TEST = timedelta(days=52), timedelta(days=2, hours=5)
STEPS = (Decimal(20), Decimal(15), Decimal(-10), Decimal(20), Decimal(-20))
APPROVES_ONLY = frozenset({"view", "build", "approve"})
PLANNER = Actor("API key Budget planner", rights=APPROVES_ONLY)


@dataclass(frozen=True, slots=True)
class Idea:
    """Somebody's wish about the entity of that name, `ago` before now."""

    name: str
    wish: Wish
    note: str
    kind: str = "campaign"
    ago: timedelta = timedelta(0)


def _percent(action: str, percent: int) -> Wish:
    return Wish(action, percent=Decimal(percent))


# Long enough ago for their predictions to be compared with what came.
EXECUTED = (
    Idea(
        "Performance Max - Camping",
        _percent("budget_increase", 20),
        "Camping sells well this autumn.",
        ago=timedelta(days=40),
    ),
    Idea(
        "Holiday Promo 2026 - Search",
        _percent("budget_increase", 15),
        "Gift searches begin to rise.",
        ago=timedelta(days=33),
    ),
    Idea(
        "Brand Awareness Q1",
        _percent("budget_decrease", 10),
        "A conversion costs too much here.",
        ago=timedelta(days=26),
    ),
)
# The first one is left for the reader to test.
WAITING = (
    Idea("Holiday Promo 2026", _percent("budget_increase", 20), "Gift season has begun."),
    Idea("Prospecting - Lookalike 2%", _percent("budget_increase", 35), "Room to grow before the holidays?"),
    Idea("Clearance Tents - Static", Wish("pause_creative"), "Tents are sold out until spring.", "creative"),
    Idea("Retargeting - Cart Abandoners", _percent("bid_decrease", 10), "Clicks became cheaper.", "adset"),
)
HELD = Idea(
    "Search - Brand", _percent("budget_increase", 15), "More people ask for us by name.", ago=timedelta(hours=41)
)
BLOCKED = Idea("Performance Max - Camping", Wish("set_budget", value=Decimal(1200)), "All in for December?")
APPROVED = Idea("Retargeting - Product Viewers", _percent("budget_increase", 10), "From the budget plan.", "adset")
REJECTED = Idea("Search - Hiking Boots", _percent("budget_increase", 30), "Boots are in season.")
DONE = Idea("Summer Sale 2026", _percent("budget_decrease", 10), "Season is over.")


class StoryStage(Stage):
    """At an instant of the story, which the sandboxes take for the present."""

    def platform(self, account: AdAccount) -> AdPlatform:
        return platform_of(account, now=lambda: self.now)


def build(workspace: Workspace, now: datetime) -> None:
    """Once; what somebody changed since stays so."""
    if AutopilotSettings.objects.filter(workspace=workspace).exists():
        return
    _read_platforms(workspace, now)
    by = _owner(workspace)
    body: dict[str, Any] = {"guard_rails": RAILS, "accounts": _google(workspace)}
    settings.change(workspace=workspace, by=by, body=body, now=now - FIRST_TEST)
    made = _make_rules(workspace, by, now - FIRST_TEST)
    _execute_in_the_past(workspace, by, now)
    _test_in_the_past(workspace, by, made, now)
    _fill_queue(workspace, by, now)
    _run_rules(made, now)


def _owner(workspace: Workspace) -> Actor:
    member = Member.objects.filter(workspace=workspace, role="owner").select_related("user", "workspace").first()
    return actor_of_member(member) if member else SYSTEM


def _read_platforms(workspace: Workspace, now: datetime) -> None:
    """The first reading of the sandboxes, which the tick would make in a minute."""
    for connection in AdConnection.objects.filter(workspace=workspace, sandbox=True):
        if not AdDay.objects.filter(entity__account__connection=connection).exists():
            ad_sync.sync(connection_id=connection.pk, now=now)


def _read_again(workspace: Workspace, now: datetime) -> None:
    """From the first day on: what was executed has changed the days since."""
    AdAccount.objects.filter(workspace=workspace, connection__sandbox=True).update(synced_until=None)
    for connection in AdConnection.objects.filter(workspace=workspace, sandbox=True):
        ad_sync.sync(connection_id=connection.pk, now=now)


def _google(workspace: Workspace) -> dict[str, Any]:
    accounts = workspace.ad_accounts.filter(platform="google").values_list("external_id", flat=True)
    return dict.fromkeys(accounts, GOOGLE_RAILS)


def _execute_in_the_past(workspace: Workspace, by: Actor, now: datetime) -> None:
    for idea in EXECUTED:
        _carry_out(workspace, by, idea, now)
    _read_again(workspace, now)


def _carry_out(workspace: Workspace, by: Actor, idea: Idea, now: datetime) -> None:
    """Tested, approved and executed, unless the signals of its time forbade it. Here and not by a worker, whose time
    is the present.
    """
    stage = StoryStage(workspace, now - idea.ago)
    action = _propose(stage, by, idea)
    if action is None or action.state != State.PENDING_REVIEW:
        return
    attempt(action=action, stage=stage, dry_run=True, by=by)
    approver = replace(by, rights=APPROVES_ONLY)
    approved = actions.approve(workspace=workspace, by=approver, action_id=action.pk, now=stage.now)
    attempt(action=approved, stage=stage, dry_run=False)


def _test_in_the_past(workspace: Workspace, by: Actor, made: Sequence[Rule], now: datetime) -> None:
    """Ideas of people and rules that were tested and dropped: free checks of the range of the noise."""
    campaigns = _campaigns(workspace)
    for number in range(PAST_TESTS if campaigns else 0):
        entity, step = campaigns[number % len(campaigns)], STEPS[number % len(STEPS)]
        rule = made[step < 0] if number % 2 and len(made) > 1 else None
        wish = Wish("budget_increase" if step > 0 else "budget_decrease", percent=abs(step))
        asked = Asked(entity, wish, "An idea, only to test.", rule=rule)
        _test_and_drop(StoryStage(workspace, now - FIRST_TEST + number * EVERY_TEST), by, asked)
    while resolving.resolve_due(now=now, workspace=workspace):
        continue


def _campaigns(workspace: Workspace) -> list[AdEntity]:
    """That nothing was executed on: a change would be part of what came."""
    rows = AdEntity.objects.filter(workspace=workspace, kind="campaign", status="active", budget_period="daily")
    quiet = rows.filter(account__connection__sandbox=True, budget__gt=0)
    quiet = quiet.exclude(name__in=[idea.name for idea in EXECUTED])
    return list(quiet.select_related("account__connection", "workspace").order_by("external_id"))


def _test_and_drop(stage: Stage, by: Actor, asked: Asked) -> None:
    try:
        action = place(stage=stage, by=SYSTEM if asked.rule else by, asked=asked, live=as_seen(asked.entity))
    except Refusal:
        return
    attempt(action=action, stage=stage, dry_run=True, by=by)
    if action.state in (State.PENDING_REVIEW, State.BLOCKED):
        soon = stage.now + timedelta(minutes=4)
        actions.cancel(workspace=stage.workspace, by=by, action_id=action.pk, now=soon)


def _make_rules(workspace: Workspace, by: Actor, now: datetime) -> list[Rule]:
    """From every template; those that were switched on."""
    for template in TEMPLATES.values():
        rule = rules.create(
            workspace=workspace, by=by, name=template.label, template=template.name, body=template.body, now=now
        )
        if template.name in SWITCHED_ON:
            same: dict[str, Any] = {"workspace": workspace, "by": by, "rule_id": rule.pk, "now": now}
            rule_runs.over_history(**same)
            rules.switch(on=True, **same)
    made = Rule.objects.filter(workspace=workspace, template__in=SWITCHED_ON).select_related("workspace")
    return sorted(made, key=lambda rule: SWITCHED_ON.index(rule.template))


def _run_rules(made: Sequence[Rule], now: datetime) -> None:
    """What they propose is tested, so that the history tells which checks their actions fail."""
    for rule in made:
        rule_runs.over_history(workspace=rule.workspace, by=SYSTEM, rule_id=rule.pk, now=now)
        rule_runs.run(rule=rule, now=now)
        Rule.objects.filter(pk=rule.pk).update(next_run_at=now + rules.EVERY["hourly"])
        for action in rule.actions.filter(state__in=(State.PENDING_REVIEW, State.BLOCKED)):
            actions.test(workspace=rule.workspace, by=SYSTEM, action_id=action.pk, now=now)


def _fill_queue(workspace: Workspace, by: Actor, now: datetime) -> None:
    """Something on every tab."""
    stage = StoryStage(workspace, now)
    for number, idea in enumerate(WAITING):
        action = _propose(stage, by, idea)
        if action is not None and number:
            attempt(action=action, stage=stage, dry_run=True, by=by)
    _propose(StoryStage(workspace, now - HELD.ago), by, HELD)
    _propose(stage, by, BLOCKED)
    planned = _propose(stage, PLANNER, APPROVED)
    if planned is not None and planned.state == State.PENDING_REVIEW:
        actions.approve(workspace=workspace, by=PLANNER, action_id=planned.pk, now=now)
    dropped = _propose(stage, by, REJECTED)
    if dropped is not None and dropped.state == State.PENDING_REVIEW:
        why = "Boots are out of stock until Friday."
        actions.reject(workspace=workspace, by=by, action_id=dropped.pk, now=now, reason=why)
    _carry_out(workspace, by, DONE, now)


def _propose(stage: Stage, by: Actor, idea: Idea) -> Action | None:
    rows = AdEntity.objects.filter(
        workspace=stage.workspace, name=idea.name, kind=idea.kind, account__connection__sandbox=True
    )
    entity = rows.select_related("account__connection", "workspace").first()
    if entity is None:
        return None
    try:
        return place(stage=stage, by=by, asked=Asked(entity, idea.wish, idea.note), live=as_seen(entity))
    except Refusal:
        return None


def remove(workspace: Workspace, now: datetime) -> None:
    """The rules of the story and the settings; what was proposed goes with the sandboxes' accounts."""
    DryRun.objects.filter(workspace=workspace, action__account__connection__sandbox=True).delete()
    Action.objects.filter(workspace=workspace, account__connection__sandbox=True).delete()
    made = [template.label for template in TEMPLATES.values()]
    Rule.objects.filter(workspace=workspace, name__in=made, version=1).delete()
    AutopilotSettings.objects.filter(workspace=workspace).delete()
