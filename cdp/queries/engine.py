"""The engine of a workspace, up to date."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from cdp.engine import open_engine
from cdp.engine.base import Engine, EngineBusy, EngineDamaged, EngineError, EngineUnwritable, NotSupported
from cdp.queries.projection import project, rebuild
from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace

log = logging.getLogger(__name__)


def engine_of(workspace: Workspace) -> Engine:
    """As it stands; one object per process, whose mapped files all requests share."""
    return open_engine(settings.ENGINE_URL, workspace.pk)


def fresh_engine(workspace: Workspace) -> Engine:
    """With every event that was committed before this call.

    Where the disk is full or another process does not finish, the last good state answers; a damaged one is rebuilt.
    """
    engine = engine_of(workspace)
    try:
        project(engine, workspace.pk)
    except (EngineBusy, EngineUnwritable) as error:
        log.warning("The engine of %s answers from its last good state: %s", workspace.slug, error)
    except EngineDamaged as error:
        log.error("The engine of %s is rebuilt from the truth: %s", workspace.slug, error)
        rebuild(engine, workspace.pk)
    return engine


@contextmanager
def answering() -> Iterator[None]:
    """What the engine cannot do, as a refusal that a person understands."""
    try:
        yield
    except NotSupported as error:
        raise Refusal("not_supported", str(error), status=422) from error
    except EngineError as error:
        raise Refusal("engine_unavailable", f"{error} Try again in a moment.", status=503) from error
