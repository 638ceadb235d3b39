"""The hourly reading of an ad connection: entities, daily metrics, what the platform says of our signals."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from integrations.base import AdPlatform
from integrations.models import AdAccount, AdConnection, AdSyncRun
from integrations.services import ad_signals, ad_store
from integrations.services.ad_platforms import platform_through
from stratum.lib import clock
from stratum.lib.http import Failure, NotAuthorised, Throttled, Unreachable

TASK = "integrations.sync_ad_connection"
EVERY = timedelta(hours=1)
SOON = timedelta(minutes=15)  # after a failure
LOST_AFTER = timedelta(minutes=20)  # a run that says nothing for so long
MOST_AT_ONCE = 50  # connections in one minute
BACKFILL = 90  # days
RESTATED = 7  # days that platforms still correct
CHUNK = 30  # days
KEPT_RUNS = timedelta(days=30)
State, RunState = AdConnection.State, AdSyncRun.State


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick. A connection without a login is tried too: it may have been given back its rights."""
    chosen = AdAccount.objects.filter(connection=OuterRef("pk"), chosen=True)
    due = AdConnection.objects.filter(Exists(chosen), next_sync_at__lte=now).exclude(state=State.DISCONNECTED)
    due = due.filter(Q(waits_until=None) | Q(waits_until__lte=now)).order_by("next_sync_at")
    rows = list(due.select_for_update(skip_locked=True, of=("self",))[:MOST_AT_ONCE])
    AdConnection.objects.filter(pk__in=[row.pk for row in rows]).update(next_sync_at=now + EVERY)
    return [{"connection_id": row.pk} for row in rows]


def sync(*, connection_id: int, now: datetime) -> AdSyncRun | None:
    """None when there is nothing to do: disconnected meanwhile, asked to wait, or another worker is at it."""
    connection = AdConnection.objects.select_related("workspace").filter(pk=connection_id).first()
    if connection is None or connection.state == State.DISCONNECTED:
        return None
    if connection.waits_until and connection.waits_until > now:
        return None
    run = _begin(connection, now)
    if run is None:
        return None
    try:
        _read_all(connection, run, now)
    except Failure as failure:
        _failed(connection, run, failure, now)
    except Exception:
        _end(run, RunState.FAILED, "Something broke on our side. The error was noted.")
        raise
    ad_signals.report_freshness(connection.workspace, connection.platform, now=now)
    return run


def _read_all(connection: AdConnection, run: AdSyncRun, now: datetime) -> None:
    """One account that is refused does not keep the others from being read."""
    platform = _entered(connection)
    problems = []
    for account in connection.accounts.filter(chosen=True).order_by("pk"):
        account.connection = connection
        try:
            _read_account(platform, account, run, now)
        except (NotAuthorised, Throttled, Unreachable):
            raise
        except Failure as failure:
            problems.append(f"{account.name}: {failure.sentence}")
        run.accounts += 1
    problem = " ".join(problems)[:300]
    _end(run, RunState.FAILED if problems else RunState.SUCCEEDED, problem)
    _settle(connection, state=State.CONNECTED, problem=problem, last_sync_at=now, waits_until=None)


def _entered(connection: AdConnection) -> AdPlatform:
    chosen = connection.accounts.filter(chosen=True).exclude(conversion_action="")
    platform = platform_through(connection, dict(chosen.values_list("external_id", "conversion_action")))
    if connection.state == State.NEEDS_ATTENTION:
        platform.login()
    return platform


def _read_account(platform: AdPlatform, account: AdAccount, run: AdSyncRun, now: datetime) -> None:
    if not account.conversion_action:
        _choose_action(platform, account)
        platform = platform_through(account.connection, {account.external_id: account.conversion_action})
    run.entities += ad_store.keep_entities(account, platform.entities(account.external_id), now=now)
    run.days += _read_days(platform, account, run, now)
    ad_signals.report_quality(account, platform.quality(account.external_id), now=now)
    ad_signals.report_variance(account, now=now)


def _choose_action(platform: AdPlatform, account: AdAccount) -> None:
    """The likeliest; a person can choose another."""
    actions = platform.conversion_actions(account.external_id)
    if actions:
        account.conversion_action = actions[0].id[:120]
        account.save(update_fields=["conversion_action"])


def _read_days(platform: AdPlatform, account: AdAccount, run: AdSyncRun, now: datetime) -> int:
    """In pieces, each kept at once: what was interrupted goes on where it stopped."""
    today = now.astimezone(ZoneInfo(account.time_zone)).date()
    kept = 0
    for since, until in _pieces(_first_day(account, today), today):
        rows = platform.metrics(account.external_id, since, until)
        kept += ad_store.keep_days(account, rows, since=since, until=until)
        AdAccount.objects.filter(pk=account.pk).update(synced_until=until)
        run.save(update_fields=["accounts", "entities", "days"])
    return kept


def _first_day(account: AdAccount, today: date) -> date:
    oldest = today - timedelta(days=BACKFILL)
    return max(oldest, account.synced_until - timedelta(days=RESTATED)) if account.synced_until else oldest


def _pieces(since: date, until: date) -> Iterable[tuple[date, date]]:
    while since <= until:
        end = min(until, since + timedelta(days=CHUNK - 1))
        yield since, end
        since = end + timedelta(days=1)


def _begin(connection: AdConnection, now: datetime) -> AdSyncRun | None:
    """Only one at a time: the database has a constraint."""
    runs = AdSyncRun.objects.filter(workspace=connection.workspace, connection=connection)
    runs.filter(started_at__lt=now - KEPT_RUNS).delete()
    lost = runs.filter(state=RunState.RUNNING, started_at__lt=now - LOST_AFTER)
    lost.update(state=RunState.FAILED, finished_at=now, error="Its worker was lost; the next one went on.")
    try:
        with transaction.atomic():
            return AdSyncRun.objects.create(workspace=connection.workspace, connection=connection, started_at=now)
    except IntegrityError:
        return None


def _end(run: AdSyncRun, state: AdSyncRun.State, error: str = "") -> None:
    run.state, run.error, run.finished_at = state, error[:300], clock.now()
    run.save()


def _failed(connection: AdConnection, run: AdSyncRun, failure: Failure, now: datetime) -> None:
    problem = failure.sentence[:300]
    if isinstance(failure, Throttled):
        until = failure.retry_at or now + SOON
        _end(run, RunState.WAITING, problem)
        _settle(connection, problem=problem, waits_until=until, next_sync_at=until)
    elif isinstance(failure, NotAuthorised):
        _end(run, RunState.FAILED, problem)
        _settle(connection, state=State.NEEDS_ATTENTION, problem=problem, next_sync_at=now + EVERY)
    else:
        _end(run, RunState.FAILED, problem)
        _settle(connection, problem=problem, next_sync_at=now + SOON)


def _settle(connection: AdConnection, **fields: Any) -> None:
    """Unless somebody has disconnected it meanwhile."""
    AdConnection.objects.filter(pk=connection.pk).exclude(state=State.DISCONNECTED).update(**fields)
    for name, value in fields.items():
        setattr(connection, name, value)
