"""What the fault benchmark needs of Django: a workspace with keys, and the comparison at the end."""

import dataclasses
from pathlib import Path

import numpy as np
from django.core.management import call_command
from django.db import DatabaseError, connection

from benchmarks.faults.ledger import Ledger
from cdp.engine.base import Engine
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.columnar.warm import warm
from cdp.engine.funnels import FunnelAnswer, FunnelSpec, Step
from cdp.engine.overviews import Activity
from cdp.models import Change, Event, Identifier, Kind
from cdp.queries.engine import fresh_engine
from cdp.queries.projection import project
from stratum.lib import clock
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from stratum.workspaces.services import issue_api_key, issue_write_key
from tests.clickhouse_server import held

HOUR = 3_600_000_000
KEYS = 30  # each of which may ask so many times a minute only


def set_up() -> tuple[Workspace, str, list[str]]:
    """The workspace, its write key and its API keys."""
    call_command("migrate", interactive=False, verbosity=0)
    warm(["unique"])
    workspace = Workspace.objects.create(slug="faults", name="Faults", plan="enterprise")
    _, write_key = issue_write_key(workspace=workspace, by=SYSTEM, name="clients", now=clock.now())
    keys = [issue_api_key(workspace=workspace, by=SYSTEM, name=f"questions {n}", now=clock.now()) for n in range(KEYS)]
    return workspace, write_key, [text for _, text in keys]


def find_profile(user_id: str) -> int | None:
    """Asks until the database answers."""
    while True:
        try:
            return Identifier.objects.filter(kind="user_id", value=user_id).values_list("profile_id", flat=True).first()
        except DatabaseError:
            connection.close()


def differences(workspace: Workspace, ledger: Ledger, folder: Path) -> list[str]:
    """What is not as it should be once nobody is at work: nothing."""
    connection.close()  # to a server that may have been killed since
    engine, rebuilt = fresh_engine(workspace), ColumnarEngine(folder)
    project(rebuilt, workspace.pk)
    truth = dict(Event.objects.filter(workspace=workspace, kind=Kind.TRACK).values_list("message_id", "id"))
    entered, converted = ledger.bounds(ledger.counts(), ledger.counts())
    answer = funnel(engine)
    checks = {
        "truth holds exactly what was acknowledged": set(truth) == ledger.message_ids,
        "nothing is open in the ledger": entered.low == entered.high and converted.low == converted.high,
        "the engine holds every event once": holds_once(engine, set(truth.values()), gone(workspace)),
        "the rebuilt engine holds every event once": holds_once(rebuilt, set(truth.values()), gone(workspace)),
        "users who entered": answer.steps[0].count == entered.low,
        "users who converted": answer.converted == converted.low,
        "the rebuilt engine gives the same answer": funnel(rebuilt) == answer,
        "and knows the same of everybody": same_activity(engine, rebuilt),
        "no file is damaged": engine.check() == [],
    }
    return [what for what, holds in checks.items() if not holds]


def holds_once(engine: Engine, events: set[int], gone: set[int]) -> bool:
    """What was voided or erased may be there until files are folded."""
    held = sequence_numbers(engine)
    return len(held) == len(set(held)) and events - gone <= set(held) <= events


def gone(workspace: Workspace) -> set[int]:
    """The events that were voided, or whose profile was erased."""
    changes = Change.objects.filter(workspace=workspace)
    erased = changes.filter(kind=Change.Kind.ERASE).values("profile_id")
    forgotten = Event.objects.filter(workspace=workspace, profile_id__in=erased).values_list("id", flat=True)
    return {*forgotten, *changes.filter(kind=Change.Kind.VOID).values_list("event_id", flat=True)} - {None}


def sequence_numbers(engine: Engine) -> list[int]:
    if isinstance(engine, ClickHouseEngine):
        return held.sequence_numbers(engine)
    assert isinstance(engine, ColumnarEngine)
    snapshot = engine.snapshot()
    return sorted(int(seq) for table in (*snapshot.base, *snapshot.runs) for seq in table.seq)


def funnel(engine: Engine) -> FunnelAnswer:
    now = clock.to_micros(clock.now()) // HOUR * HOUR + HOUR
    steps = (Step(("start",)), Step(("finish",)))
    return engine.funnel(FunnelSpec(steps, "ordered", 24 * HOUR, "unique", now - 24 * HOUR, now), now)


def same_activity(one: Engine, other: Engine) -> bool:
    pair = [engine.activity(2**62) for engine in (one, other)]
    return all(np.array_equal(*(getattr(one, field.name) for one in pair)) for field in dataclasses.fields(Activity))
