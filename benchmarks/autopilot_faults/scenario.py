"""One run: four actions on two platforms, approved, and a world in which something goes wrong until it is over."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import wait
from random import Random
from typing import Any

import orjson

from autopilot.changes import Wish
from autopilot.models import Action
from autopilot.services import actions, executor, proposals
from autopilot.services.proposals import Asked
from autopilot.services.stage import Stage
from autopilot.states import State
from benchmarks.autopilot_faults import workers
from benchmarks.autopilot_faults.platforms import TOKEN, Trouble
from integrations.models import AdAccount, AdConnection, AdEntity
from integrations.sandbox import demo
from integrations.services import ad_store
from integrations.services.ad_platforms import platform_of
from stratum.lib import clock, seal
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Member, User, Workspace
from trustlayer.services import readings
from trustlayer.services.readings import NewReading

log = logging.getLogger("faults")

BEGIN = datetime(2026, 6, 1, 9, tzinfo=UTC)
ACCOUNTS = {"meta": demo.META_ACCOUNT, "google": demo.GOOGLE_ACCOUNT}
WISHES = (
    ("meta", "Holiday Promo 2026", "budget_increase", "20"),
    ("meta", "Summer Sale 2026", "budget_decrease", "15"),
    ("meta", "Retargeting - Cart Abandoners", "budget_increase", "10"),
    ("meta", "Brand Awareness Q1", "pause_campaign", ""),
    ("meta", "Retargeting - Product Viewers", "pause_adset", ""),
    ("meta", "Retargeting - Cart Abandoners", "bid_decrease", "10"),
    ("google", "Search - Brand", "budget_increase", "20"),
    ("google", "Performance Max - Camping", "budget_decrease", "10"),
    ("google", "Search - Hiking Boots", "budget_increase", "10"),
    ("google", "Brand - Exact", "bid_decrease", "10"),
    ("google", "Holiday Promo 2026 - Search", "pause_campaign", ""),
    ("google", "Tents - Headline A", "pause_creative", ""),
)
STEPS = ("account", "read", "automations", "outside", "validate", "write", "read_back")
PACES = (1, 2, 4, 7, 16, 70)  # minutes between two comings of the workers
MOST_TICKS = 120
ENDS = (State.SUCCEEDED, State.FAILED, State.STALE, State.EXPIRED)
SIGNALS = {"emq": 8.6, "freshness": 0.5, "api_health": 0.0}
Platform = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """`plan` makes trouble for one tick; it is asked again for the first `ticks` of a run."""

    name: str
    plan: Callable[["Run"], None]
    ticks: int = 2
    workers: int = 1


@dataclass(slots=True)
class Run:
    """`points`: where the next workers kill themselves."""

    seed: int
    fault: Fault
    platform: Platform
    trapped: Any
    random: Random
    at: datetime
    workspace: Workspace
    by: Actor
    actions: list[Action] = field(default_factory=list)
    points: list[int | None] = field(default_factory=list)
    kills: int = 0

    def tell(self, kind: str, step: str = "", when: str = "after", **more: Any) -> None:
        self.platform("trouble", Trouble(kind, step, when, **more))

    def hand(self, action: Action) -> None:
        """Somebody changes that entity on the platform itself: mostly to something else, at times to the same."""
        other = "paused" if action.target == "active" else "active"
        usual = other if action.field == "status" else str(Decimal(action.target) + self.random.choice([-7, 3]))
        chosen = self.random.choice([usual, usual, action.target])
        self.platform("by_hand", action.account.platform, action.entity.external_id, action.field, chosen)


def _kill_outside(run: Run) -> None:
    run.tell("hold", run.random.choice(STEPS), run.random.choice(["before", "after"]))


def _kill_inside(run: Run) -> None:
    run.points.append(run.random.randrange(len(workers.POINTS)))


def _lost(run: Run) -> None:
    run.tell("drop", "write", run.random.choice(["before", "after", "after"]), times=run.random.choice([1, 2, 4]))


def _late(run: Run) -> None:
    run.tell("slow", run.random.choice(["write", "write", "read_back"]), times=run.random.choice([1, 2]))


def _errors(run: Run) -> None:
    step, when = run.random.choice(STEPS), run.random.choice(["before", "after"])
    run.tell("error", step, when, times=run.random.choice([1, 3, 6]))


def _hand_before(run: Run) -> None:
    for action in run.random.sample(run.actions, 2):
        run.hand(action)


def _hand_after(run: Run) -> None:
    run.tell("hand", "write")


def _revoked(run: Run) -> None:
    run.platform("calm")
    if run.random.random() < 0.7:
        run.platform("revoke", run.random.choice(["meta", "google"]))


def _throttled(run: Run) -> None:
    run.tell("throttle", run.random.choice(["", "", *STEPS]), until=run.at + timedelta(hours=1))


def _garbage(run: Run) -> None:
    step, when = run.random.choice(STEPS), run.random.choice(["before", "after"])
    run.tell("garbage", step, when, times=run.random.choice([1, 3]))


def _everything(run: Run) -> None:
    for plan in run.random.sample(EVERY, 3):
        plan(run)


EVERY = (_kill_outside, _kill_inside, _lost, _late, _errors, _hand_before, _hand_after, _revoked, _throttled, _garbage)
FAULTS = (
    Fault("a worker killed at a call to the platform", _kill_outside, 3),
    Fault("a worker killed between two steps of ours", _kill_inside, 3),
    Fault("two workers on the same actions", lambda run: None, 3, 2),
    Fault("two workers, one of them killed", _kill_outside, 3, 2),
    Fault("the connection breaks before or after the write", _lost),
    Fault("the answer comes too late, the write was applied", _late),
    Fault("server errors, before or after the call took effect", _errors),
    Fault("a change by hand between approval and execution", _hand_before, 1),
    Fault("a change by hand right after the write, its answer lost", _hand_after),
    Fault("the token is revoked, and given back", _revoked, 3),
    Fault("throttled for an hour", _throttled),
    Fault("garbage instead of an answer", _garbage, 3),
    Fault("three of all these at once, twice", _everything, 2, 2),
)


def begin(seed: int, platform: Platform, trapped: Any) -> Run:
    """A workspace with both accounts connected and read, and four actions that were approved."""
    at = BEGIN + timedelta(minutes=seed)
    clock.now = lambda: at  # type: ignore[assignment]
    platform("begin", at, seed)
    workspace = Workspace.objects.create(slug=f"run-{seed}", name=f"Run {seed}", plan="professional")
    user = User.objects.create(email=f"manager-{seed}@example.com", name="Maya Chen")
    Member.objects.create(workspace=workspace, user=user, role="owner", joined_at=at)
    run = Run(
        seed, FAULTS[seed % len(FAULTS)], platform, trapped, Random(seed), at, workspace, Actor("Maya Chen", user=user)
    )
    report(run)
    entities = {one: _connect(workspace, one, at) for one in ACCOUNTS}
    chosen = run.random.sample(WISHES, 4)
    for of, name, kind, percent in chosen:
        entity = entities[of][name]
        wish = Wish(kind, percent=Decimal(percent) if percent else None)
        action = proposals.propose(stage=Stage(workspace, at), by=run.by, asked=Asked(entity, wish))
        run.actions.append(_approved(run, action))
    return run


def _connect(workspace: Workspace, platform: str, at: datetime) -> dict[str, AdEntity]:
    secrets = {"access_token": TOKEN, "client_id": "c", "client_secret": "s", "refresh_token": TOKEN}
    sealed = seal.seal(orjson.dumps(secrets).decode())
    made = {"workspace": workspace, "platform": platform, "name": "Northlight"}
    connection = AdConnection.objects.create(**made, created_at=at, credentials=sealed)
    account = AdAccount.objects.create(
        **made, connection=connection, external_id=ACCOUNTS[platform], currency="USD", time_zone=demo.ZONE
    )
    ad_store.keep_entities(account, platform_of(account).entities(account.external_id), now=at)
    rows = AdEntity.objects.filter(account=account).select_related("account__connection", "workspace")
    return {row.name: row for row in rows}


def _approved(run: Run, action: Action) -> Action:
    if action.state == State.PENDING_REVIEW:
        return actions.approve(
            workspace=run.workspace, by=run.by, action_id=action.pk, now=run.at, confirm=action.target
        )
    return action


def report(run: Run) -> None:
    """Signals as a sync would tell them again."""
    told = [
        NewReading(signal, value, run.at, "faults", platform, reported=True, since=BEGIN - timedelta(days=30))
        for platform in ACCOUNTS
        for signal, value in SIGNALS.items()
    ]
    readings.report(workspace=run.workspace, readings=told, now=run.at)


def live(run: Run) -> None:
    """Workers come, are killed and come again, people decide again, until every action has come to an end."""
    for tick in range(MOST_TICKS):
        run.at += timedelta(minutes=run.random.choice(PACES))
        clock.now = lambda: run.at  # type: ignore[assignment]
        run.platform("tick", run.at)
        if tick < run.fault.ticks:
            run.fault.plan(run)
        elif tick == run.fault.ticks + 6:
            run.platform("calm")
        report(run)
        if next(iter(executor.claim_due(run.at)), None):
            work(run)
        actions.expire_due(now=run.at)
        if _is_over(run, tick):
            return


def work(run: Run) -> None:
    """Workers take on what is due; one that stops in a call to the platform is killed there."""
    points = [run.points.pop() if run.points else None for _ in range(run.fault.workers)]
    alive = [workers.start(run.workspace.pk, run.at, point) for point in points]
    while alive:
        ready = wait([run.trapped, *(one.sentinel for one in alive)], timeout=120)
        if not ready:
            raise SystemExit(f"Run {run.seed}: a worker does not come to an end.")
        if run.trapped in ready:
            run.trapped.recv()
            victim = run.random.choice(alive)
            victim.kill()
            victim.join()
            run.platform("release")
        for one in [one for one in alive if one.sentinel in ready or not one.is_alive()]:
            one.join()
            run.kills += one.exitcode == -9
            alive.remove(one)


def _is_over(run: Run, tick: int) -> bool:
    for action in run.actions:
        action.refresh_from_db()
    waiting = [one for one in run.actions if one.state in (State.PENDING_REVIEW, State.BLOCKED)]
    for action in waiting:
        _decide_again(run, action)
    if all(one.state in ENDS for one in run.actions):
        return True
    if tick > run.fault.ticks + 10 and len(waiting) == sum(one.state not in ENDS for one in run.actions):
        run.at += timedelta(hours=73)  # nobody decides any more
    return False


def _decide_again(run: Run, action: Action) -> None:
    """Often, not always: what nobody decides has to expire."""
    if run.random.random() > 0.6:
        return
    try:
        if action.state == State.BLOCKED:
            actions.judge_again(workspace=run.workspace, by=run.by, action_id=action.pk, now=run.at)
        else:
            _approved(run, action)
    except Refusal as refused:
        log.info("Run %d: %s", run.seed, refused.sentence)
