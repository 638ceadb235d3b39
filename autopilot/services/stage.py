"""What the actions of one run share: settings, platforms, and what was read once for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, Sum

from autopilot import noise
from autopilot.models import Action
from autopilot.noise import Noise
from autopilot.projection import HISTORY_DAYS, SKIPPED_DAYS
from autopilot.queries import history
from autopilot.queries.settings import standing
from autopilot.states import State
from integrations.base import AdPlatform, OutsideChange
from integrations.models import AdAccount, AdDay, AdEntity
from integrations.services.ad_platforms import platform_of
from stratum.lib.http import Failure, Throttled
from stratum.lib.periods import start_of_day
from stratum.workspaces.models import Workspace

WEEK = timedelta(days=7)
DATA_DAYS = 30
LIKE = 20  # entities whose placebo windows tell the unrest of an account


class Stage:
    """Made for one run at one instant; everything is read when first asked for."""

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self.workspace, self.now = workspace, now
        self.settings = standing(workspace)
        self.zone = ZoneInfo(workspace.time_zone)
        self.throttled: dict[int, Throttled] = {}  # by connection
        self._platforms: dict[int, AdPlatform] = {}
        self._outside: dict[int, tuple[Sequence[OutsideChange], Failure | None]] = {}
        self._daily: dict[int, Decimal] = {}
        self._noise: dict[tuple[int, str], Noise] = {}
        self._data: dict[int, tuple[float, int]] = {}
        self._done_today: int | None = None

    def platform(self, account: AdAccount) -> AdPlatform:
        """Raises NotAuthorised."""
        if account.pk not in self._platforms:
            self._platforms[account.pk] = platform_of(account)
        return self._platforms[account.pk]

    def outside(self, account: AdAccount) -> tuple[Sequence[OutsideChange], Failure | None]:
        """Changes of the last 7 days on the platform, and why they could not be read."""
        if account.pk not in self._outside:
            try:
                changes = self.platform(account).outside_changes(account.external_id, self.now - WEEK)
                known = [one for one in changes if one.changed_at <= self.now]
                self._outside[account.pk] = known, None
            except Failure as failure:
                self._outside[account.pk] = (), failure
        return self._outside[account.pk]

    def today(self, account: AdAccount) -> date:
        return self.now.astimezone(ZoneInfo(account.time_zone)).date()

    def account_daily(self, account: AdAccount) -> Decimal:
        """Daily budgets of what is active, each shared one once."""
        if account.pk not in self._daily:
            rows = AdEntity.objects.filter(
                Q(parent=None) | Q(parent__status="active"),
                account=account,
                status="active",
                budget_period="daily",
                budget__gt=0,
            )
            self._daily[account.pk] = _sum_once(rows.values_list("pk", "budget", "details"))
        return self._daily[account.pk]

    def noise(self, account: AdAccount, kind: str) -> Noise:
        key = account.pk, kind
        if key not in self._noise:
            until = self.today(account) - timedelta(days=SKIPPED_DAYS + 1)
            self._noise[key] = noise.measure(history.largest_series(account, kind, until, HISTORY_DAYS, LIKE))
        return self._noise[key]

    def data(self, account: AdAccount, entity: AdEntity) -> tuple[float, int]:
        """Conversions and days with spend of the last 30 days, without the last 3."""
        if entity.pk not in self._data:
            self.read_data(account, [entity.pk])
        return self._data[entity.pk]

    def read_data(self, account: AdAccount, entities: Iterable[int]) -> None:
        """For all of them at once."""
        wanted = [pk for pk in entities if pk not in self._data]
        until = self.today(account) - timedelta(days=SKIPPED_DAYS + 1)
        days = AdDay.objects.filter(entity__in=wanted, day__range=(until - timedelta(days=DATA_DAYS - 1), until))
        sums = days.values("entity").annotate(total=Sum("conversions"), active=Count("pk", filter=Q(spend__gt=0)))
        self._data.update(dict.fromkeys(wanted, (0.0, 0)))
        self._data.update({row["entity"]: (float(row["total"] or 0), row["active"]) for row in sums})

    def prepare(self, actions: Iterable[Action]) -> None:
        """Read together what each of them would ask for alone."""
        by_account: dict[int, list[Action]] = {}
        for action in actions:
            by_account.setdefault(action.account_id, []).append(action)
        for of in by_account.values():
            self.read_data(of[0].account, [action.entity_id for action in of])

    @property
    def done_today(self) -> int:
        """Executed since midnight in the workspace's time zone."""
        if self._done_today is None:
            midnight = start_of_day(self.now.astimezone(self.zone).date(), self.zone)
            done = Action.objects.filter(workspace=self.workspace, executed_at__gte=midnight)
            self._done_today = done.filter(state__in=[State.SUCCEEDED, State.REVERTED]).count()
        return self._done_today

    def note_done(self) -> None:
        if self._done_today is not None:
            self._done_today += 1


def _sum_once(rows: Iterable[tuple[int, Decimal | None, Mapping[str, object]]]) -> Decimal:
    """Several campaigns may spend from one budget; its resource names it."""
    budgets = {details.get("budget_resource") or pk: amount or Decimal(0) for pk, amount, details in rows}
    return sum(budgets.values(), Decimal(0))
