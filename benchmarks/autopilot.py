"""How quick the autopilot is: execution against a platform with 20 ms a call, a rule over 5,000 entities, a long queue.

`python -m benchmarks.autopilot [--actions 1000] [--entities 5000]` writes into a database of its own, made and dropped
on the server of DATABASE_URL.
"""

# ruff: noqa: PLC0415 -- the database is named before Django may be imported
import os
import time
from argparse import ArgumentParser
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median
from threading import Lock
from typing import Any

import psycopg

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATENCY = 0.02  # seconds a call
DAYS = 90
QUEUED = 10_000


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=1_000)
    parser.add_argument("--entities", type=int, default=5_000)
    parser.add_argument("--database", default="stratum_bench_autopilot")
    given = parser.parse_args()
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {given.database}")
        admin.execute(f"CREATE DATABASE {given.database}")
    os.environ["DATABASE_URL"] = f"{server.rpartition('/')[0]}/{given.database}"
    try:
        measure(given.actions, given.entities)
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {given.database} WITH (FORCE)")


def measure(actions: int, entities: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()
    from celery import current_app
    from django.core.management import call_command

    current_app.conf.task_always_eager = True
    call_command("migrate", verbosity=0)
    workspace, account = furnish(entities)
    rule_run(workspace)
    execution(workspace, account, actions)
    queue_page(workspace, account)


def furnish(entities: int) -> tuple[Any, Any]:
    from integrations.models import AdAccount, AdConnection, AdDay, AdEntity
    from stratum.workspaces.models import Workspace
    from trustlayer.services import readings
    from trustlayer.services.readings import NewReading

    workspace = Workspace.objects.create(slug="bench", name="Bench", plan="professional")
    connection = AdConnection.objects.create(workspace=workspace, platform="meta", name="Bench", created_at=NOW)
    account = AdAccount.objects.create(
        workspace=workspace, connection=connection, platform="meta", external_id="1", name="Bench", currency="USD"
    )
    rows = AdEntity.objects.bulk_create(
        [
            AdEntity(
                workspace=workspace,
                account=account,
                kind="campaign",
                external_id=str(number),
                name=f"Campaign {number}",
                status="active",
                budget=Decimal(100),
                budget_period="daily",
                seen_at=NOW,
            )
            for number in range(entities)
        ],
        batch_size=1_000,
    )
    for back in range(1, DAYS + 1):
        AdDay.objects.bulk_create(
            [
                AdDay(
                    workspace=workspace,
                    entity=row,
                    day=date(2026, 5, 4) - timedelta(days=back),
                    spend=Decimal(95),
                    impressions=1_000,
                    clicks=50,
                    conversions=Decimal(3),
                    revenue=Decimal(240),
                )
                for row in rows
            ],
            batch_size=5_000,
        )
    told = [
        NewReading(signal, value, NOW - back, "bench", platform="meta", reported=True)
        for signal, value in {"emq": 8.6, "freshness": 0.5, "api_health": 0.0}.items()
        for back in (timedelta(days=14), timedelta(0))
    ]
    readings.report(workspace=workspace, readings=told, now=NOW)
    return workspace, account


def rule_run(workspace: Any) -> None:
    from autopilot.rules.templates import TEMPLATES
    from autopilot.services import rule_runs, rules
    from stratum.workspaces.access import SYSTEM

    body = {
        **TEMPLATES["cut_losers"].body,
        "when": [{**one, "days": 57} for one in TEMPLATES["cut_losers"].body["when"]],
    }
    rule = rules.create(workspace=workspace, by=SYSTEM, name="Cut", template="cut_losers", body=body, now=NOW)
    rule.workspace = workspace
    took = timed(lambda: rule_runs.run(rule=rule, now=NOW))
    print(f"rule over all entities, 60 days read: {took:.2f} s")
    took = timed(lambda: rule_runs.over_history(workspace=workspace, by=SYSTEM, rule_id=rule.pk, now=NOW))
    print(f"test of the rule over 30 days of history, 90 days read: {took:.2f} s")


class SlowPlatform:
    """Answers like a platform, 20 ms a call; counts what was written."""

    name = "Meta"

    def __init__(self, budgets: dict[str, Decimal]) -> None:
        self.budgets, self.writes, self._lock = budgets, 0, Lock()

    def read(self, account_id: str, kind: Any, entity_id: str) -> Any:
        from integrations.base import Budget, Entity

        time.sleep(LATENCY)
        return Entity(kind, entity_id, f"Campaign {entity_id}", "active", budget=Budget(self.budgets[entity_id]))

    def validate(self, account_id: str, change: Any) -> Any:
        from integrations.base import Validation

        time.sleep(LATENCY)
        return Validation("verified", True, "Ready.")

    def write(self, account_id: str, change: Any) -> Any:
        from integrations.base import Written

        time.sleep(LATENCY)
        with self._lock:
            self.writes += 1
        self.budgets[change.entity_id] = change.after
        return Written(f"r{self.writes}")

    def automations(self, *_: Any) -> Any:
        time.sleep(LATENCY)
        return ()

    def outside_changes(self, *_: Any) -> Any:
        time.sleep(LATENCY)
        return ()

    def simulation(self, *_: Any) -> Any:
        return ()


def execution(workspace: Any, account: Any, count: int) -> None:
    from autopilot.changes import Wish
    from autopilot.models import Action
    from autopilot.services import executor, proposals, settings, stage
    from autopilot.services.facts import as_seen
    from autopilot.services.proposals import Asked
    from autopilot.states import State
    from integrations.models import AdEntity
    from stratum.workspaces.access import SYSTEM

    body = {"level": "guarded", "guard_rails": {"max_per_day": 100_000}}
    settings.change(workspace=workspace, by=SYSTEM, body=body, now=NOW)
    rows = list(AdEntity.objects.filter(account=account).select_related("account__connection", "workspace")[:count])
    slow = SlowPlatform({row.external_id: Decimal(100) for row in rows})
    stage.platform_of = lambda _: slow  # type: ignore[assignment]
    proposals.jobs.after_commit = lambda *_, **__: None  # type: ignore[assignment]
    shared = stage.Stage(workspace, NOW)
    shared.read_data(account, [row.pk for row in rows])
    wish = Wish("budget_increase", percent=Decimal(10))
    took = timed(
        lambda: [proposals.place(stage=shared, by=SYSTEM, asked=Asked(row, wish), live=as_seen(row)) for row in rows]
    )
    print(f"{count} proposals judged: {count / took:.0f}/s")

    def run() -> None:
        while executor.execute_due(workspace_id=workspace.pk, now=NOW):
            continue

    took = timed(run)
    done = Action.objects.filter(workspace=workspace, state=State.SUCCEEDED).count()
    per_second = f"{done / took:.0f}/s, {slow.writes} writes, {LATENCY * 1000:.0f} ms a call"
    print(f"{done} actions executed in {took:.1f} s: {per_second}")


def queue_page(workspace: Any, account: Any) -> None:
    from django.test import Client

    from autopilot.models import Action
    from integrations.models import AdEntity
    from stratum.workspaces.models import Member, User

    entity = AdEntity.objects.filter(account=account).first()
    usual = {"workspace": workspace, "account": account, "entity": entity, "kind": "budget_increase", "field": "budget"}
    usual |= {
        "expected_before": {"value": "100"},
        "said": "+10% budget",
        "proposed_by": "Bench",
        "waits_for": "approval",
    }
    usual |= {"created_at": NOW, "changed_at": NOW, "expires_at": NOW + timedelta(days=3), "state": "pending_review"}
    Action.objects.bulk_create([Action(target=str(number), **usual) for number in range(QUEUED)], batch_size=1_000)
    user = User.objects.create_user("bench@example.com", "correct horse battery")
    Member.objects.create(workspace=workspace, user=user, role="owner", joined_at=NOW)
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(user)
    took = [timed(lambda: browser.get("/dashboard/autopilot/actions")) for _ in range(9)]
    print(f"queue page with {QUEUED:,} waiting: {median(took) * 1_000:.0f} ms")


def timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
