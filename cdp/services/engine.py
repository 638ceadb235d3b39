"""Looking after a workspace's engine: rebuild it from the truth, fold its recent runs."""

import time
from dataclasses import dataclass

from cdp.queries import projection
from cdp.queries.engine import engine_of
from stratum.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`rows` of truth were read in `seconds`; `events` of them count now."""

    workspace: str
    rows: int
    events: int
    seconds: float


def rebuild(workspace: Workspace) -> Rebuilt:
    """Throw the engine's files away and read the truth again. Questions meanwhile see what has been read."""
    engine = engine_of(workspace)
    begun = time.perf_counter()
    rows = projection.rebuild(engine, workspace.pk)
    engine.compact()
    return Rebuilt(workspace.slug, rows, engine.stored().events, round(time.perf_counter() - begun, 3))


def keep_up(workspace: Workspace) -> int:
    """Bring the engine up to date and fold what has piled up; how many rows were new."""
    engine = engine_of(workspace)
    rows = projection.project(engine, workspace.pk)
    engine.compact()
    return rows
