"""Daily metrics of entities as complete series: days without delivery are zeros."""

from collections.abc import Sequence
from datetime import date, timedelta

from django.db.models import Sum

from autopilot.projection import HISTORY_DAYS, SKIPPED_DAYS, Day
from integrations.models import AdAccount, AdDay, AdEntity


def before(entity: AdEntity, today: date) -> list[Day]:
    """The last 60 complete days without the last 3 (days −63 … −4), from the first with delivery on."""
    until = today - timedelta(days=SKIPPED_DAYS + 1)
    return series(entity, until - timedelta(days=HISTORY_DAYS - 1), until)


def series(entity: AdEntity, first: date, last: date) -> list[Day]:
    """Nothing before the first day that delivered: the entity may not have been there."""
    rows = AdDay.objects.filter(entity=entity, day__range=(first, last))
    found = {
        day: Day(day, float(spend), float(conversions), float(revenue))
        for day, spend, conversions, revenue in rows.values_list("day", "spend", "conversions", "revenue")
    }
    if not found:
        return []
    start = min(found)
    span = (last - start).days + 1
    return [found.get(day) or Day(day, 0.0, 0.0) for day in (start + timedelta(days=each) for each in range(span))]


def largest_series(account: AdAccount, kind: str, last: date, days: int, most: int) -> Sequence[Sequence[float]]:
    """Daily conversions of the entities of that kind with the most of them."""
    first = last - timedelta(days=days - 1)
    rows = AdDay.objects.filter(entity__account=account, entity__kind=kind, day__range=(first, last))
    top = rows.values("entity").annotate(total=Sum("conversions")).order_by("-total", "entity")[:most]
    wanted = [row["entity"] for row in top]
    found: dict[int, dict[date, float]] = {pk: {} for pk in wanted}
    chosen = AdDay.objects.filter(entity__in=wanted, day__range=(first, last))
    for pk, day, conversions in chosen.values_list("entity", "day", "conversions"):
        found[pk][day] = float(conversions)
    span = [first + timedelta(days=each) for each in range(days)]
    return [[by_day.get(day, 0.0) for day in span if day >= min(by_day)] for by_day in found.values() if by_day]


def mean_conversions(entity: AdEntity, first: date, last: date) -> float:
    """A day, over all days of the span."""
    rows = AdDay.objects.filter(entity=entity, day__range=(first, last))
    total = rows.aggregate(total=Sum("conversions"))["total"] or 0
    return float(total) / ((last - first).days + 1)
