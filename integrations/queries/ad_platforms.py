"""What pages and the API show of ad platforms: connections, accounts, entities with their last 30 days, runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.core.paginator import Page, Paginator
from django.db.models import Count, DecimalField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, NullIf

from integrations.models import AdAccount, AdConnection, AdDay, AdEntity, AdSyncRun
from stratum.workspaces.models import Workspace

DAYS = 30
PAGE = 50
State = AdConnection.State
SORTS = {"spend": "-spend", "roas": "-roas", "conversions": "-conversions", "name": "name"}


@dataclass(frozen=True, slots=True)
class AccountCard:
    account: AdAccount
    entities: int
    figures: "Figures"


@dataclass(frozen=True, slots=True)
class ConnectionCard:
    """`accounts` are the chosen ones."""

    connection: AdConnection
    accounts: tuple[AccountCard, ...]
    last_run: AdSyncRun | None

    @property
    def waits(self) -> bool:
        return self.last_run is not None and self.last_run.state == AdSyncRun.State.WAITING

    @property
    def running(self) -> bool:
        return self.last_run is not None and self.last_run.state == AdSyncRun.State.RUNNING


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums of a range of days. `roas` and `cost` per conversion are None where they would divide by nothing."""

    spend: Decimal = Decimal(0)
    impressions: int = 0
    clicks: int = 0
    conversions: Decimal = Decimal(0)
    revenue: Decimal = Decimal(0)

    @property
    def roas(self) -> Decimal | None:
        return self.revenue / self.spend if self.spend else None

    @property
    def cost(self) -> Decimal | None:
        return self.spend / self.conversions if self.conversions else None


@dataclass(frozen=True, slots=True)
class EntityRow:
    entity: AdEntity
    figures: Figures


@dataclass(frozen=True, slots=True)
class Asked:
    """What the browser of entities shows. Zero and empty mean: all."""

    account: int = 0
    kind: str = "campaign"
    status: str = ""
    parent: int = 0
    text: str = ""
    sort: str = "spend"


def counted(workspace: Workspace) -> int:
    """Accounts that count against the plan."""
    chosen = AdAccount.objects.filter(workspace=workspace, chosen=True)
    return chosen.exclude(connection__state=State.DISCONNECTED).count()


def connections(workspace: Workspace, *, now: datetime) -> list[ConnectionCard]:
    """The connected ones first, then by name."""
    rows = AdConnection.objects.filter(workspace=workspace).order_by("name", "id")
    runs = _last_runs(workspace)
    cards = _accounts(workspace, now)
    found = [ConnectionCard(row, tuple(cards.get(row.pk, ())), runs.get(row.pk)) for row in rows]
    return sorted(found, key=lambda card: card.connection.state == State.DISCONNECTED)


def connection(workspace: Workspace, connection_id: int, *, now: datetime) -> ConnectionCard | None:
    return next((one for one in connections(workspace, now=now) if one.connection.pk == connection_id), None)


def runs(workspace: Workspace, connection_id: int, limit: int = 20) -> list[AdSyncRun]:
    found = AdSyncRun.objects.filter(workspace=workspace, connection_id=connection_id)
    return list(found.order_by("-started_at", "-id")[:limit])


def accounts(workspace: Workspace) -> QuerySet[AdAccount]:
    return AdAccount.objects.filter(workspace=workspace).select_related("connection").order_by("name", "id")


def entities(workspace: Workspace, asked: Asked, *, now: datetime) -> QuerySet[AdEntity]:
    """Each with `spend`, `impressions`, `clicks`, `conversions`, `revenue` and `roas` of the last 30 days."""
    found = AdEntity.objects.filter(workspace=workspace, kind=asked.kind).select_related("account", "parent")
    filters: Mapping[str, object] = {
        "account_id": asked.account,
        "status": asked.status,
        "parent_id": asked.parent,
        "name__icontains": asked.text,
    }
    found = found.filter(**{name: value for name, value in filters.items() if value})
    found = found.annotate(**{name: _sum(name, now) for name in ("spend", "conversions", "revenue")})
    found = found.annotate(roas=F("revenue") / _nothing_is_none("spend"))
    order = SORTS.get(asked.sort, "-spend")
    field = F(order.removeprefix("-"))
    return found.order_by(field.desc(nulls_last=True) if order.startswith("-") else field.asc(), "name", "id")


def page_of(rows: QuerySet[AdEntity], number: str) -> Page[AdEntity]:
    return Paginator(rows, PAGE).get_page(number)


def with_figures(rows: Iterable[AdEntity], *, now: datetime) -> list[EntityRow]:
    """The rows of one page, their sums read at once."""
    kept = list(rows)
    days = AdDay.objects.filter(entity__in=kept, day__gt=first_day(now))
    sums = {row["entity"]: _figures(row) for row in days.values("entity").annotate(**_SUMS)}
    return [EntityRow(one, sums.get(one.pk, Figures())) for one in kept]


def totals(workspace: Workspace, *, now: datetime, account: int = 0) -> dict[str, Figures]:
    """Of the campaigns of connected accounts, by currency: currencies are never added up."""
    days = AdDay.objects.filter(workspace=workspace, day__gt=first_day(now), entity__kind="campaign")
    days = days.filter(entity__account__chosen=True).exclude(entity__account__connection__state=State.DISCONNECTED)
    if account:
        days = days.filter(entity__account_id=account)
    rows = days.values("entity__account__currency").annotate(**_SUMS)
    return {row["entity__account__currency"]: _figures(row) for row in rows}


def series(workspace: Workspace, entity_id: int, *, now: datetime, days: int = 90) -> list[AdDay]:
    since = first_day(now, days)
    found = AdDay.objects.filter(workspace=workspace, entity_id=entity_id, day__gt=since)
    return list(found.order_by("day"))


def entity(workspace: Workspace, entity_id: int) -> AdEntity | None:
    found = AdEntity.objects.filter(workspace=workspace, pk=entity_id)
    return found.select_related("account__connection", "parent__parent").first()


def first_day(now: datetime, days: int = DAYS) -> date:
    """The day before the range. Days are the account's; by UTC the range may differ by one at its edges."""
    return now.date() - timedelta(days=days)


_SUMS = {name: Sum(name) for name in ("spend", "impressions", "clicks", "conversions", "revenue")}


def _figures(row: Mapping[str, object]) -> Figures:
    return Figures(**{name: row[name] or 0 for name in _SUMS})  # type: ignore[arg-type]


def _sum(name: str, now: datetime) -> Coalesce:
    days = AdDay.objects.filter(entity=OuterRef("pk"), day__gt=first_day(now)).order_by()
    total = days.values("entity").annotate(total=Sum(name)).values("total")
    decimal = DecimalField(max_digits=30, decimal_places=6)
    return Coalesce(Subquery(total, output_field=decimal), Value(Decimal(0)), output_field=decimal)


def _nothing_is_none(name: str) -> NullIf:
    return NullIf(F(name), Value(Decimal(0)))


def _accounts(workspace: Workspace, now: datetime) -> dict[int, list[AccountCard]]:
    rows = AdAccount.objects.filter(workspace=workspace, chosen=True).order_by("name", "id")
    running = Q(entities__kind="campaign") & ~Q(entities__status="removed")
    days = AdDay.objects.filter(workspace=workspace, day__gt=first_day(now), entity__kind="campaign")
    sums = {row["entity__account"]: _figures(row) for row in days.values("entity__account").annotate(**_SUMS)}
    found: dict[int, list[AccountCard]] = {}
    for row in rows.annotate(campaigns=Count("entities", filter=running)):
        card = AccountCard(row, row.campaigns, sums.get(row.pk, Figures()))
        found.setdefault(row.connection_id, []).append(card)
    return found


def _last_runs(workspace: Workspace) -> dict[int, AdSyncRun]:
    newest = AdSyncRun.objects.filter(workspace=workspace).order_by("connection_id", "-started_at", "-id")
    return {run.connection_id: run for run in newest.distinct("connection_id")}
