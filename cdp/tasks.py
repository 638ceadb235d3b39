"""Background work of the customer data rooms."""

from celery import shared_task
from celery.utils.log import get_task_logger

from cdp.engine import warm
from cdp.engine.errors import EngineBusy, EngineError
from cdp.models import EngineLeft
from cdp.services import (
    departed,
    engine_moves,
    forecast,
    insights,
    quality,
    raw_archive,
    retention,
    segment_history,
    segment_members,
    segments,
    system_traits,
    trait_backfill,
    traits,
)
from cdp.services.engine import keep_up
from cdp.services.trait_values import keep_current
from stratum.lib import clock
from stratum.lib.refusal import Refusal
from stratum.workspaces import jobs
from stratum.workspaces.models import Workspace

log = get_task_logger(__name__)


@shared_task(name="cdp.warm_engine")
def warm_engine() -> None:
    """Compile what nobody waits for at the first start; a later one finds it on disk."""
    warm()


@shared_task(name="cdp.project")
def project_all() -> None:
    """Bring every engine up to date before somebody asks it, and look after it."""
    for workspace in Workspace.objects.order_by("pk").iterator():
        bring_up_to_date(workspace)
        bring_definitions_up_to_date(workspace)
        engine_moves.tidy(workspace, now=clock.now())


@shared_task(name="cdp.rebuild_engine")
def rebuild_engine(workspace_id: int) -> None:
    """A question met a state that cannot answer: replace it, unless that has been done."""
    for workspace in Workspace.objects.filter(pk=workspace_id):
        bring_up_to_date(workspace)


@shared_task(name=insights.KIND)
def funnel_insights(job_id: str) -> None:
    with jobs.running(job_id) as run:
        if run is not None:
            insights.work(run)


@shared_task(name=segments.COMPUTE)
def keep_segments(workspace_id: int) -> None:
    """Right after a condition was saved, instead of at the next round."""
    for workspace in Workspace.objects.filter(pk=workspace_id):
        segment_members.keep_current(workspace, now=clock.now())


@shared_task(name=quality.TASK)
def measure_signals(workspace_id: int) -> None:
    """Every quarter of an hour: how good the events are that automation relies on."""
    for workspace in Workspace.objects.filter(pk=workspace_id):
        try:
            quality.measure(workspace=workspace, now=clock.now())
        except EngineError as error:
            log.error("Some signals of %s cannot be measured: %s", workspace.slug, error)


@shared_task(name=traits.BACKFILL)
def backfill_trait(job_id: str) -> None:
    with jobs.running(job_id) as run:
        if run is not None:
            trait_backfill.work(run)


@shared_task(name=retention.TASK)
def retain(workspace_id: int) -> None:
    """Raw events beyond the plan's days go."""
    for workspace in Workspace.objects.filter(pk=workspace_id):
        removed = retention.retain(workspace=workspace, now=clock.now())
        log.info("Retention removed %d events of %s", removed, workspace.slug)


@shared_task(name=raw_archive.TASK)
def keep_window(workspace_id: int) -> None:
    """Raw events older than the window go to ClickHouse."""
    for workspace in Workspace.objects.filter(pk=workspace_id):
        try:
            kept = raw_archive.keep_window(workspace=workspace, now=clock.now())
            log.info("Of %s %d raw events were moved and %d dropped", workspace.slug, kept.copied, kept.dropped)
        except (EngineError, Refusal) as error:
            log.error("Older raw events of %s stay in PostgreSQL for now: %s", workspace.slug, error)


@shared_task(name=raw_archive.FORGET)
def forget_erased(workspace_id: int) -> None:
    """Right after an erasure, instead of at the next run."""
    for workspace in Workspace.objects.filter(pk=workspace_id):
        try:
            raw_archive.forget_erased(workspace)
        except EngineError as error:
            log.error("Erased events of %s stay in ClickHouse until the next run: %s", workspace.slug, error)


@shared_task(name=departed.TASK)
def empty_departed(left_id: int) -> None:
    """What a deleted workspace left in its engine."""
    for left in EngineLeft.objects.filter(pk=left_id):
        departed.try_to_empty(left)


@shared_task(name="cdp.forecasts")
def make_forecasts() -> None:
    """Once for each local day, to be compared with what comes; hourly, because days end at other times elsewhere."""
    for workspace in Workspace.objects.order_by("pk").iterator():
        forecast.make_due(workspace, now=clock.now())


def bring_definitions_up_to_date(workspace: Workspace) -> None:
    """Right after the engine, so that realtime traits follow their events within seconds, and segments the traits."""
    now = clock.now()
    try:
        system_traits.ensure(workspace, now=now)
        changed = keep_current(workspace, now=now)
        trait_backfill.tidy(workspace, now=now)
        segment_members.keep_current(workspace, now=now, traits=changed)
        segment_history.reconstruct(workspace, now=now)
    except (EngineError, Refusal) as error:
        log.error("The traits and segments of %s cannot be brought up to date: %s", workspace.slug, error)


def bring_up_to_date(workspace: Workspace) -> int:
    """How many rows were new. What ails one engine must not keep the others behind."""
    try:
        return keep_up(workspace)
    except EngineBusy:
        return 0  # somebody else is at it
    except EngineError as error:
        log.error("The engine of %s cannot be brought up to date: %s", workspace.slug, error)
        return 0
