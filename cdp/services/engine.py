"""Looking after a workspace's engine: rebuild it from the truth, keep it up to date, find and heal damage."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cdp.engine.errors import Damage, EngineDamaged
from cdp.queries import projection
from cdp.queries.engine import engine_of
from stratum.workspaces.models import Workspace

PATIENCE = 1.0  # seconds; who is at work now will be done by the next round
CHECKED_BYTES = 64_000_000  # per round: a gigabyte is read once in a minute and a half

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`rows` of truth were read in `seconds`; `events` of them count now."""

    workspace: str
    rows: int
    events: int
    seconds: float


def rebuild(workspace: Workspace) -> Rebuilt:
    """Read the truth again into a new state; the old one answers until it is complete."""
    engine = engine_of(workspace)
    begun = time.perf_counter()
    rows = projection.rebuild(engine, workspace.pk)
    return Rebuilt(workspace.slug, rows, engine.stored().events, round(time.perf_counter() - begun, 3))


def keep_up(workspace: Workspace) -> int:
    """Bring the engine up to date, do what questions should not wait for, read some files again, and heal what is
    damaged; how many rows were new."""
    engine = engine_of(workspace)
    rows = 0
    try:
        rows = projection.project(engine, workspace.pk, patience=PATIENCE)
        engine.open()
        engine.maintain()
        damage = engine.check(CHECKED_BYTES)
    except EngineDamaged as error:
        damage = [error.damage]
    return heal(workspace, damage) if damage else rows


def check(workspace: Workspace) -> list[Damage]:
    """Read every byte of the engine; what is wrong with which file."""
    return engine_of(workspace).check()


def heal(workspace: Workspace, damage: Sequence[Damage]) -> int:
    """Take the damaged state out of use and put one made from the truth in its place; how many rows that took."""
    engine = engine_of(workspace)
    for one in damage:
        log.error("The engine of %s is rebuilt from the truth: %s %s", workspace.slug, one.file, one.reason)
        engine.condemn(one)
    return projection.rebuild(engine, workspace.pk, patience=PATIENCE)
