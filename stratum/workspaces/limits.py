"""What a plan allows: features, and meters that warn at 80 % and refuse at 100 %."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.db import connection

from stratum.lib.refusal import NotAllowed, Refusal
from stratum.workspaces import plans, registry
from stratum.workspaces.models import ApiUsage, Workspace

WARN_AT = 0.8

# Counts a request only while the month has room, in one statement: parallel requests stop exactly at the limit.
SPEND = """
    INSERT INTO workspaces_apiusage (workspace_id, month, requests) VALUES (%s, %s, 1)
    ON CONFLICT (workspace_id, month) DO UPDATE SET requests = workspaces_apiusage.requests + 1
    WHERE %s::bigint IS NULL OR workspaces_apiusage.requests < %s
    RETURNING requests
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """One meter of the plan page. `limit` None means that nothing limits it."""

    meter: str
    label: str
    used: int
    limit: int | None

    @property
    def percent(self) -> int:
        if not self.limit:
            return 100 if self.limit == 0 else 0
        return min(100, self.used * 100 // self.limit)

    @property
    def full(self) -> bool:
        return self.limit is not None and self.used >= self.limit

    @property
    def warning(self) -> bool:
        return self.limit is not None and not self.full and self.used >= self.limit * WARN_AT


def register(meter: str, count: Callable[[Workspace], int]) -> None:
    """Called by an app's `ready()`; `meter` is a key of plans.METERS."""
    if meter not in plans.METERS:
        raise ValueError(f"{meter!r} is no meter of the plans")
    registry.meters.register(registry.Meter(meter, count))


def usage(workspace: Workspace, meter: str) -> Usage:
    used = registry.meters[meter].count(workspace)
    return Usage(meter, plans.METERS[meter][0], used, plans.of(workspace).limit(meter))


def usages(workspace: Workspace, *, now: datetime) -> list[Usage]:
    """Every meter that something counts, in the order of the plans."""
    counted = {meter: usage(workspace, meter) for meter in registry.meters}
    counted["api_requests"] = api_usage(workspace, now=now)
    return [counted[meter] for meter in plans.METERS if meter in counted]


def require_feature(workspace: Workspace, feature: str) -> None:
    """For whatever makes or changes something. Raises NotAllowed with the plan that has it."""
    plan = plans.of(workspace)
    if feature in plan.features:
        return
    name, needed = plans.FEATURES[feature], plans.cheapest_with(feature).name
    raise NotAllowed(
        "feature_not_in_plan",
        f"{name} is part of the {needed} plan, and this workspace is on {plan.name}. Compare the plans at /pricing.",
    )


def require_readable(workspace: Workspace, feature: str, is_any_made: Callable[[], bool]) -> None:
    """For reading: what was made while the plan had the feature stays readable without it. Raises NotAllowed."""
    if feature not in plans.of(workspace).features and not is_any_made():
        require_feature(workspace, feature)


def readable_until(workspace: Workspace, feature: str) -> datetime | None:
    """For what comes by itself: readable is what came until then, None for everything. Raises NotAllowed where the
    workspace never had the feature.
    """
    last = None if feature in plans.of(workspace).features else workspace.features_until.get(feature)
    if last is None:
        require_feature(workspace, feature)
        return None
    return datetime.fromisoformat(last)


def require_room(workspace: Workspace, meter: str, *, adding: int = 1) -> None:
    """Refuse what would exceed the plan. Locks the workspace's row until the transaction ends, so that two requests
    cannot both take the last place: call it inside one.
    """
    Workspace.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=workspace.pk)
    counted = usage(workspace, meter)
    if counted.limit is None or counted.used + adding <= counted.limit:
        return
    plan, one = plans.of(workspace), plans.METERS[meter][1]
    larger = plans.next_above(plan, meter).name
    raise NotAllowed(
        "limit_reached",
        f"The {plan.name} plan includes {counted.limit:,} {one}{'' if counted.limit == 1 else 's'}, and they are all "
        f"in use. Remove one, or move to {larger}: compare the plans at /pricing.",
    )


def api_usage(workspace: Workspace, *, now: datetime) -> Usage:
    spent = ApiUsage.objects.filter(workspace=workspace, month=month_of(now)).values_list("requests", flat=True).first()
    return Usage("api_requests", plans.METERS["api_requests"][0], spent or 0, plans.of(workspace).limit("api_requests"))


def spend_request(workspace: Workspace, *, now: datetime) -> None:
    """Count one API request of this calendar month (UTC), or refuse it with 429 when the month is used up."""
    plan, month = plans.of(workspace), month_of(now)
    limit = plan.limit("api_requests")
    with connection.cursor() as cursor:
        cursor.execute(SPEND, [workspace.pk, month, limit, limit])
        if cursor.fetchone() is None:
            refusal = Refusal(
                "quota_exhausted",
                f"The {plan.name} plan includes {limit:,} API requests a month, and they are used up. "
                f"Counting starts again on {next_month(month)}, 00:00 UTC.",
                status=429,
            )
            again = datetime.combine(next_month(month), time.min, UTC)
            refusal.wait = int((again - now).total_seconds())
            raise refusal


def month_of(now: datetime) -> date:
    return now.date().replace(day=1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
