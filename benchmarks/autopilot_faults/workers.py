"""Workers as processes of their own: each takes on what is due at an instant, and may be killed anywhere."""

import os
import signal
from collections.abc import Callable
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from typing import Any

from django.db import connections

from autopilot.services import attempts, executor, moves, settling
from integrations.google_ads import tokens
from integrations.services import ad_platforms
from stratum.lib import clock
from stratum.lib.http import Session

PATIENCE = 1.0  # seconds for an answer
# Where a worker kills itself: room, function, and whether before or after it. Most lie inside a transaction.
POINTS = (
    (attempts, "look", "before"), (attempts, "look", "after"), (attempts, "weigh", "after"),
    (attempts, "_settle", "after"), (attempts, "_carry_out", "before"), (attempts, "_read_back", "before"),
    (settling, "succeed", "before"), (settling, "succeed", "after"), (settling, "unknown", "before"),
    (settling, "unknown", "after"), (settling, "_conclude", "before"), (settling, "_conclude", "after"),
    (moves, "note", "before"), (moves, "note", "after"),
)  # fmt: skip


def start(workspace_id: int, at: datetime, point: int | None) -> Any:
    """Forked from a process that holds no connection to the database and has no thread."""
    connections.close_all()
    process = get_context("fork").Process(target=_work, args=(workspace_id, at, point))
    process.start()
    return process


def _work(workspace_id: int, at: datetime, point: int | None) -> None:
    clock.now = lambda: at
    ad_platforms.Session = partial(Session, read_timeout=PATIENCE, sleep=lambda _: None)  # type: ignore[assignment,misc]
    tokens._known.clear()
    if point is not None:
        _deadly(*POINTS[point])
    try:
        executor.execute_due(workspace_id=workspace_id, now=at)
    finally:
        connections.close_all()


def _deadly(room: Any, name: str, when: str) -> None:
    inner: Callable[..., Any] = getattr(room, name)

    def killed(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        inner(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(room, name, killed)
