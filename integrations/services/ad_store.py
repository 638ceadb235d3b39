"""What was read from a platform, into rows: in bulk, and the same however often it is told."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from integrations.base import DayMetrics, Entity
from integrations.models import AdAccount, AdDay, AdEntity, AdValue

AT_ONCE = 2_000
KEPT = timedelta(days=30)  # of past values; the one that was in force then stays
NOTHING = (None, "")
ENTITY_FIELDS = (
    "parent", "name", "status", "effective_status", "budget", "budget_period", "bid", "learning", "details",
    "changed_at", "seen_at",
)  # fmt: skip
DAY_FIELDS = ("spend", "impressions", "clicks", "conversions", "revenue")


@transaction.atomic
def keep_entities(account: AdAccount, entities: Iterable[Entity], *, now: datetime) -> int:
    """How many there are. What the platform lists no longer is kept as removed, for its past."""
    seen = list(entities)
    ids: dict[tuple[str, str], int] = {}
    for kind, above in (("campaign", ""), ("adset", "campaign"), ("creative", "adset")):
        rows = [_row(account, one, ids.get((above, one.parent_id)), now) for one in seen if one.kind == kind]
        AdEntity.objects.bulk_create(
            rows,
            batch_size=AT_ONCE,
            update_conflicts=True,
            unique_fields=["account", "kind", "external_id"],
            update_fields=ENTITY_FIELDS,
        )
        ids |= _ids(account, kind)
    gone = AdEntity.objects.filter(account=account, seen_at__lt=now).exclude(status="removed")
    gone.update(status="removed", effective_status="", seen_at=now)
    _note_values(account, now)
    return len(seen)


@transaction.atomic
def keep_days(account: AdAccount, rows: Iterable[DayMetrics], *, since: date, until: date) -> int:
    """How many days of entities were told. Days in the range that are told no longer were taken back."""
    ids = {key: pk for kind in ("campaign", "adset", "creative") for key, pk in _ids(account, kind).items()}
    told = {(ids[row.kind, row.entity_id], row.day): row for row in rows if (row.kind, row.entity_id) in ids}
    days = [_day(account, entity, row) for (entity, _), row in told.items()]
    AdDay.objects.bulk_create(
        days, batch_size=AT_ONCE, update_conflicts=True, unique_fields=["entity", "day"], update_fields=DAY_FIELDS
    )
    stored = AdDay.objects.filter(workspace=account.workspace_id, entity__account=account, day__range=(since, until))
    retracted = [pk for pk, entity, day in stored.values_list("pk", "entity_id", "day") if (entity, day) not in told]
    AdDay.objects.filter(pk__in=retracted).delete()
    return len(days)


def _note_values(account: AdAccount, now: datetime) -> None:
    """What a budget or bid is since this reading, where it is another than at the last one."""
    values = AdValue.objects.filter(entity__account=account)
    newest = values.order_by("entity", "field", "-seen_at").distinct("entity", "field")
    known = {(row.entity_id, row.field): (row.value, row.period) for row in newest}
    changed = [
        AdValue(workspace_id=account.workspace_id, entity=one, field=field, value=value, period=period, seen_at=now)
        for one in AdEntity.objects.filter(account=account, seen_at=now)
        for field, value, period in (("budget", one.budget, one.budget_period), ("bid", one.bid, ""))
        if known.get((one.pk, field), NOTHING) != (value, period)
    ]
    AdValue.objects.bulk_create(changed, batch_size=AT_ONCE, ignore_conflicts=True)
    later = AdValue.objects.filter(
        entity=OuterRef("entity"), field=OuterRef("field"), seen_at__gt=OuterRef("seen_at"), seen_at__lte=now - KEPT
    )
    values.filter(Exists(later)).delete()


def _ids(account: AdAccount, kind: str) -> dict[tuple[str, str], int]:
    known = AdEntity.objects.filter(account=account, kind=kind).values_list("external_id", "pk")
    return {(kind, external_id): pk for external_id, pk in known}


def _row(account: AdAccount, one: Entity, parent: int | None, now: datetime) -> AdEntity:
    return AdEntity(
        workspace_id=account.workspace_id,
        account=account,
        kind=one.kind,
        external_id=one.id,
        parent_id=parent,
        name=one.name[:300],
        status=one.status,
        effective_status=one.effective_status[:60],
        budget=one.budget.amount if one.budget else None,
        budget_period=one.budget.period if one.budget else "",
        bid=one.bid,
        learning=one.learning,
        details=_details(one),
        changed_at=one.updated_at,
        seen_at=now,
    )


def _details(one: Entity) -> dict[str, Any]:
    """With what tells a budget that several campaigns spend from: it is counted once."""
    details = dict(one.details)
    if one.budget and one.budget.shared_with:
        details |= {"budget_shared_with": list(one.budget.shared_with), "budget_resource": one.budget.resource}
    return details


def _day(account: AdAccount, entity: int, row: DayMetrics) -> AdDay:
    return AdDay(
        workspace_id=account.workspace_id,
        entity_id=entity,
        day=row.day,
        spend=row.spend,
        impressions=row.impressions,
        clicks=row.clicks,
        conversions=row.conversions,
        revenue=row.revenue,
    )
