"""What connections tell the trust layer: match quality, how old the last sync is, and how conversions drift."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Sum

from cdp.engine.errors import EngineError
from cdp.queries import conversions as own_conversions
from integrations.base import QualityReading
from integrations.models import AdAccount, AdConnection, AdDay
from stratum.workspaces.models import Workspace
from trustlayer.drift import BASELINE, RECENT, ConversionDay
from trustlayer.models import SignalReading
from trustlayer.queries import health
from trustlayer.services import conversions, readings
from trustlayer.services.readings import NewReading
from trustlayer.signals import FRESHNESS, VARIANCE

LAST_SYNC = "last sync"
VARIANCE_EVERY = timedelta(hours=20)
SANDBOX_AGE = timedelta(days=60)  # its story began long ago, so nothing of it has to be learnt first
SETTLED = 3  # days after which a platform has attributed nearly all conversions of a day


def report_quality(account: AdAccount, found: Sequence[QualityReading], *, now: datetime) -> None:
    """The platform's own word, which may block by itself."""
    told = [
        NewReading(
            one.signal,
            one.value,
            min(one.observed_at, now),
            source_of(account),
            account.platform,
            reported=True,
            evidence={"sentence": f"{account.name}: {one.sentence}"},
            since=now - SANDBOX_AGE if account.connection.sandbox else None,
        )
        for one in found
    ]
    if told:
        readings.report(workspace=account.workspace, readings=told, now=now)


def report_freshness(workspace: Workspace, platform: str, *, now: datetime) -> None:
    """The worse of the platform's oldest sync and the delay of our own events, which this reading stands before."""
    synced = AdConnection.objects.filter(workspace=workspace, platform=platform, last_sync_at__isnull=False)
    oldest = synced.exclude(state=AdConnection.State.DISCONNECTED).order_by("last_sync_at").first()
    if oldest is None or oldest.last_sync_at is None:
        return
    age = max(0.0, (now - oldest.last_sync_at).total_seconds())
    own = [one.value for of, one in health.newest_readings(workspace, now) if (of, one.signal) == ("", FRESHNESS.name)]
    value = max([age, *own])
    sentence = f"Last synced {FRESHNESS.show(age)} ago"
    sentence += f"; own events arrive within {FRESHNESS.show(max(own))}." if own else "."
    told = NewReading(FRESHNESS.name, value, now, LAST_SYNC, platform, evidence={"sentence": sentence})
    readings.report(workspace=workspace, readings=[told], now=now)


def report_variance(account: AdAccount, *, now: datetime) -> None:
    """Once a day. The last days are left out: their conversions are still being attributed."""
    known = SignalReading.objects.filter(workspace=account.workspace, platform=account.platform, signal=VARIANCE.name)
    if known.filter(source=source_of(account), observed_at__gt=now - VARIANCE_EVERY).exists():
        return
    zone = ZoneInfo(account.time_zone)
    last = now.astimezone(zone).date() - timedelta(days=SETTLED)
    first = last - timedelta(days=RECENT + BASELINE)
    told = AdDay.objects.filter(workspace=account.workspace, entity__account=account, entity__kind="campaign")
    sums = told.filter(day__range=(first, last)).values_list("day").annotate(total=Sum("conversions"))
    try:
        own = own_conversions.purchases_by_day(account.workspace, account.platform, first, last, zone, now=now)
    except EngineError:
        return  # it is being rebuilt; the next sync asks again
    days = [ConversionDay(day, float(total), own.get(day, 0)) for day, total in sums]
    conversions.report(
        workspace=account.workspace, platform=account.platform, days=days, last=last, source=source_of(account), now=now
    )


def source_of(account: AdAccount) -> str:
    """What the trust layer calls the account."""
    return f"{account.name[:50]} ({account.external_id[:20]})"
