"""The engine of a workspace, up to date."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kombu.exceptions import OperationalError as BrokerError

from cdp.engine import open_engine
from cdp.engine.base import Engine
from cdp.engine.errors import EngineBusy, EngineDamaged, EngineError, EngineRebuilding, EngineUnwritable
from cdp.queries import engine_places
from cdp.queries.projection import belongs_here, has_more_than, project, rebuild
from stratum.lib.jobs import after_commit
from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace

QUICK = 50_000  # events that are read again in about a second, while the question waits
SETTLE_SECONDS = 600.0  # for a job, until a rebuild is done
ASK_SECONDS = 10.0  # between two messages to the worker about the same workspace

log = logging.getLogger(__name__)
_asked: dict[int, float] = {}


def engine_of(workspace: Workspace) -> Engine:
    """As it stands; one object per process, whose mapped files all requests share."""
    return open_engine(engine_places.address_of(workspace), workspace.pk)


def fresh_engine(workspace: Workspace) -> Engine:
    """With every event that was committed before this call.

    Where the disk is full or another process does not finish, the last good state answers. A damaged or lost one never
    does: it is rebuilt on the spot when that is quick, else by the worker. Raises EngineRebuilding until it is done.
    """
    engine = engine_of(workspace)
    try:
        project(engine, workspace.pk, most_again=QUICK)
        engine.open()
    except EngineRebuilding:
        ask_for_rebuild(workspace)
        raise
    except EngineDamaged as error:
        replace_damaged(engine, workspace, error)
    except (EngineBusy, EngineUnwritable) as error:
        require_last_good(engine, error)
        log.warning("The engine of %s answers from its last good state: %s", workspace.slug, error)
    return engine


def settled_engine(workspace: Workspace) -> Engine:
    """As `fresh_engine`, for work in the background: a rebuild is waited for, or done here."""
    engine, deadline = engine_of(workspace), time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            return fresh_engine(workspace)
        except EngineRebuilding:
            if time.monotonic() >= deadline:
                raise
        try:
            rebuild(engine, workspace.pk, patience=0)
        except EngineBusy:
            time.sleep(1)  # somebody else is at it


def replace_damaged(engine: Engine, workspace: Workspace, error: EngineDamaged) -> None:
    log.error("The engine of %s is rebuilt from the truth: %s", workspace.slug, error)
    engine.condemn(error.damage)
    try:
        if not has_more_than(QUICK, workspace.pk):
            rebuild(engine, workspace.pk, patience=0)
            return
        ask_for_rebuild(workspace)
    except EngineBusy:
        pass  # somebody else is at it
    raise EngineRebuilding("The analytics engine of this workspace is being rebuilt.") from error


def ask_for_rebuild(workspace: Workspace) -> None:
    """The worker starts at once instead of at its next round, which would find out too."""
    last = _asked.get(workspace.pk)
    if last is not None and time.monotonic() - last < ASK_SECONDS:
        return
    _asked[workspace.pk] = time.monotonic()
    try:
        after_commit("cdp.rebuild_engine", workspace_id=workspace.pk)
    except BrokerError as error:
        log.warning("The worker was not told to rebuild the engine of %s: %s", workspace.slug, error)


def require_last_good(engine: Engine, error: EngineError) -> None:
    """Raises EngineRebuilding where no state of this database can answer."""
    try:
        engine.open()
        if belongs_here(engine):
            return
    except EngineDamaged:
        pass
    raise EngineRebuilding(f"The analytics engine of this workspace is being rebuilt. {error}") from error


@contextmanager
def answering() -> Iterator[None]:
    """What the engine cannot do, as a refusal that a person understands."""
    try:
        yield
    except EngineError as error:
        raise Refusal(error.code, error.sentence, status=error.status, wait=error.wait) from error
