"""The projection on history: pretended changes of nothing on past days, scored against what came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max, Sum

from autopilot import noise, projection, scoring
from autopilot.models import Action
from autopilot.noise import Noise
from autopilot.projection import HISTORY_DAYS, SKIPPED_DAYS, Day, Projection
from autopilot.queries import history
from autopilot.scoring import Scored, Scores
from autopilot.states import State
from integrations.models import AdAccount, AdDay, AdEntity
from stratum.workspaces.models import Workspace

AHEAD, GAP = 14, 4  # days 1 … 14 after day 0, and the days −3 … 0
EVERY = 7  # days between pretended changes
KNOWN = 35  # days before the first of them
FEWEST_DAYS = KNOWN + GAP + AHEAD
LOOK_BACK = 365
MOST_ENTITIES = 100  # of an account, those with the most conversions
LIKE = 20  # entities whose placebo windows tell the unrest of an account, as for a real projection


@dataclass(frozen=True, slots=True)
class Past:
    """A campaign's days up to the last settled one, and the days on which an action changed it."""

    days: Sequence[Day]
    changed: Sequence[date]


def placebos(workspace: Workspace) -> list[Scores]:
    found = (scored for account in AdAccount.objects.filter(workspace=workspace) for scored in _of_account(account))
    return scoring.by_version(found)


def _of_account(account: AdAccount) -> Iterator[Scored]:
    last = AdDay.objects.filter(entity__account=account).aggregate(last=Max("day"))["last"]
    if last is None:
        return
    pasts = _pasts(account, last - timedelta(days=SKIPPED_DAYS))
    unrest: dict[date, Noise] = {}
    for past in pasts:
        for end in range(KNOWN, len(past.days) - GAP - AHEAD + 1, EVERY):
            known = past.days[max(0, end - HISTORY_DAYS) : end]
            if _was_touched(past, known[-1].day):
                continue
            if known[-1].day not in unrest:
                unrest[known[-1].day] = _unrest(pasts, known[-1].day)
            if scored := _placebo(past.days, end, known, unrest[known[-1].day]):
                yield scored


def _pasts(account: AdAccount, last: date) -> list[Past]:
    first = last - timedelta(days=LOOK_BACK)
    top = AdEntity.objects.filter(account=account, kind="campaign", days__day__range=(first, last))
    top = top.annotate(total=Sum("days__conversions")).order_by("-total", "pk")[:MOST_ENTITIES]
    changed = _changed(account, first)
    return [Past(history.series(one, first, last), changed.get(one.pk, ())) for one in top]


def _changed(account: AdAccount, first: date) -> Mapping[int, Sequence[date]]:
    zone = ZoneInfo(account.time_zone)
    done = Action.objects.filter(
        account=account, state__in=[State.SUCCEEDED, State.REVERTED], executed_at__date__gte=first
    )
    found: dict[int, list[date]] = {}
    for entity, at in done.values_list("entity_id", "executed_at"):
        if at is not None:
            found.setdefault(entity, []).append(at.astimezone(zone).date())
    return found


def _was_touched(past: Past, known_until: date) -> bool:
    """Within the days that are compared: then it is no placebo."""
    first = known_until - timedelta(days=projection.BASE_DAYS - 1)
    return any(first <= day <= known_until + timedelta(days=GAP + AHEAD) for day in past.changed)


def _unrest(pasts: Sequence[Past], until: date) -> Noise:
    """As it would have been known then."""
    known = ([day.conversions for day in past.days if _known(day.day, until)] for past in pasts)
    largest = sorted((one for one in known if one), key=sum, reverse=True)[:LIKE]
    return noise.measure(largest)


def _known(day: date, until: date) -> bool:
    return until - timedelta(days=HISTORY_DAYS - 1) <= day <= until


def _placebo(days: Sequence[Day], end: int, known: Sequence[Day], unrest: Noise) -> Scored | None:
    """As if something had been tested then: history up to `end`, the actual days behind the gap."""
    spend = sum(day.spend for day in known[-projection.BASE_DAYS :]) / projection.BASE_DAYS
    found = projection.project(known, max(spend, 0.01), max(spend, 0.01) * 1.2, unrest)
    if not isinstance(found, Projection):
        return None
    actual = sum(day.conversions for day in days[end + GAP : end + GAP + AHEAD]) / AHEAD - found.base_conversions
    return Scored(found.version, False, found.noise.low, found.noise.high, actual)
