"""Background work of the customer data rooms."""

from celery import shared_task
from celery.utils.log import get_task_logger

from cdp.engine import warm
from cdp.engine.base import EngineBusy, EngineError
from cdp.queries.engine import engine_of
from cdp.queries.projection import project
from stratum.workspaces.models import Workspace

log = get_task_logger(__name__)


@shared_task(name="cdp.warm_engine")
def warm_engine() -> None:
    """Compile what nobody waits for at the first start; a later one finds it on disk."""
    warm()


@shared_task(name="cdp.project")
def project_all() -> None:
    """Bring every engine up to date before somebody asks it; the engine folds its runs as they pile up."""
    for workspace in Workspace.objects.order_by("pk").iterator():
        bring_up_to_date(workspace)


def bring_up_to_date(workspace: Workspace) -> int:
    """How many rows were new. What ails one engine must not keep the others behind."""
    try:
        return project(engine_of(workspace), workspace.pk)
    except EngineBusy:
        return 0  # somebody else is at it
    except EngineError:
        log.exception("The engine of %s cannot be brought up to date", workspace.slug)
        return 0
