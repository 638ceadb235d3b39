"""RFM read: every customer's recency, orders and spend, scored and grouped, now and at the turns of months."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from cdp.engine.aggregates import Aggregate, AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.events import TIMESTAMP, Events
from cdp.engine.predicates import Not
from cdp.models import RfmCutOffs
from cdp.queries import served_traits
from cdp.queries.engine import answering, fresh_engine
from cdp.queries.profiles import PURCHASE
from cdp.queries.rfm_months import DAY, Carried, carried, expired_until, is_whole, turns
from cdp.queries.traits import zone_of
from cdp.queries.universe import universe
from cdp.rfm.groups import GROUPS, NAMES, NO_PURCHASES, group_of
from cdp.rfm.orders import Orders, together
from cdp.rfm.scores import MILLIONTHS, SCORES, CutOffs, Scores, scores
from cdp.traits.questions import is_in as in_currency
from stratum.lib import clock
from stratum.workspaces import limits, plans
from stratum.workspaces.models import Workspace

FEATURE = "rfm_analysis"
LONGEST_LOOK_BACK = 365  # days
BOUGHT = (PURCHASE,)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, eq=False)
class Standing:
    """The customers by ascending number: who bought within the look-back.

    `recency`: whole days that have passed since the last order. `spend`: millionths of the workspace's currency.
    `group`: places in GROUPS.
    """

    profile: Ints
    recency: Ints
    orders: Ints
    spend: Ints
    scores: Scores
    group: Ints

    def value(self, name: str, profile: int) -> Any:
        """What `traits.<name>` is for a profile: a score, or the name of the group."""
        place = int(np.searchsorted(self.profile, profile))
        if place == len(self.profile) or self.profile[place] != profile:
            return NO_PURCHASES if name == "rfm_group" else None
        if name == "rfm_group":
            return GROUPS[int(self.group[place])].name
        return int(getattr(self.scores, name.removeprefix("rfm_"))[place])

    def chosen(self, *, group: str = "", r: int = 0, f: int = 0) -> Ints:
        """Of a group, or of a cell of the grid."""
        mask = self.group == NAMES.index(group) if group else (self.scores.r == r) & (self.scores.f == f)
        found: Ints = self.profile[mask]
        return found


@dataclass(frozen=True, slots=True)
class GroupLine:
    """Means are None where the group is empty; revenue in the workspace's currency."""

    name: str
    action: str
    size: int
    rate: float
    revenue: float
    revenue_share: float
    recency: float | None
    orders: float | None
    spend: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    r: int
    f: int
    size: int
    revenue: float


@dataclass(frozen=True, slots=True)
class Span:
    """What the customers with a score have, from the least to the most; None where there is nobody."""

    score: int
    recency: tuple[int, int] | None
    orders: tuple[int, int] | None
    spend: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Month:
    """How many were in each of NAMES when the day began. `is_whole`: whether every order that counted then is known."""

    day: date
    sizes: tuple[int, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Move:
    """How many were in one group when the month began, and are in another now."""

    before: str
    after: str
    size: int


@dataclass(frozen=True, slots=True)
class Report:
    as_of: datetime
    look_back: int
    currency: str
    customers: int
    others: int
    is_relative: bool
    foreign: int
    groups: tuple[GroupLine, ...]
    cells: tuple[Cell, ...]
    spans: tuple[Span, ...]
    months: tuple[Month, ...]
    since: date
    moves: tuple[Move, ...]
    kept_from: date | None  # before it events have expired


class TraitValues:
    """`traits.<name>` of profiles: as stored for computed traits, and RFM, which is worked out once for everybody, or
    `known`."""

    def __init__(self, workspace: Workspace, engine: Engine, now: datetime, known: Standing | None = None) -> None:
        self.workspace, self.engine, self.now, self.known = workspace, engine, now, known

    def __call__(self, names: set[str], profiles: Ints) -> dict[int, dict[str, Any]]:
        keys = profiles.tolist()
        scored = {name for name in names if name.startswith("rfm_")}
        found = served_traits.current(self.workspace, keys, now=self.now, names=names - scored)
        for key in keys if scored else ():
            found[key] |= {name: self.standing.value(name, key) for name in scored}
        return found

    @cached_property
    def standing(self) -> Standing:
        return self.known or standing(self.workspace, self.engine, self.now)


def look_back(workspace: Workspace) -> int:
    """Days: a year, or as long as events are kept."""
    return min(LONGEST_LOOK_BACK, plans.of(workspace).retention_days or LONGEST_LOOK_BACK)


def kept_from(workspace: Workspace) -> date | None:
    """The first local day of which every event is kept; None where none has expired."""
    cut = expired_until(workspace)
    return None if cut is None else (cut + DAY - INSTANT).astimezone(zone_of(workspace)).date()


def moved(before: Standing, after: Standing) -> Ints:
    """Whose group or scores are others, ascending; who is no customer has none."""
    profile = np.union1d(before.profile, after.profile)
    differs = np.zeros(len(profile), np.bool_)
    for name in ("r", "f", "m"):
        differs |= _scored(before, name, profile) != _scored(after, name, profile)
    found: Ints = profile[differs]
    return found


def _scored(one: Standing, name: str, profile: Ints) -> Ints:
    """0 for who is no customer. The group follows from the scores."""
    found = np.zeros(len(profile), np.int64)
    found[np.searchsorted(profile, one.profile)] = getattr(one.scores, name)
    return found


def cut_offs(workspace: Workspace) -> CutOffs:
    """The workspace's own, or the defaults."""
    row = RfmCutOffs.objects.filter(workspace=workspace).first()
    return CutOffs() if row is None else CutOffs(tuple(row.recency), tuple(row.orders), tuple(row.spend))


def require_feature(workspace: Workspace) -> None:
    limits.require_feature(workspace, FEATURE)


def current(workspace: Workspace, *, now: datetime) -> Standing:
    """Raises a Refusal where the plan lacks it or the engine cannot answer."""
    require_feature(workspace)
    with answering():
        return standing(workspace, fresh_engine(workspace), now)


def standing(workspace: Workspace, engine: Engine, at: datetime, carried: Carried | None = None) -> Standing:
    """As of an instant, by the orders until then: those that are kept, and what expired ones had come to."""
    since = at - look_back(workspace) * DAY
    found = ordered(workspace, engine, at, since if carried is None else max(since, carried.until))
    if carried is not None:
        found = together(carried.orders, found)
    scored = scores(found.recency, found.orders, found.spend, cut_offs(workspace))
    group = group_of(scored.r, scored.f, scored.m)
    return Standing(found.profile, found.recency, found.orders, found.spend, scored, group)


def ordered(
    workspace: Workspace, engine: Engine, at: datetime, since: datetime, until: datetime | None = None
) -> Orders:
    """Of the kept orders from `since` on and before `until`, as of `at`."""
    as_of = clock.to_micros(at)
    end = as_of + 1 if until is None else min(clock.to_micros(until), as_of + 1)
    span = (clock.to_micros(since), end)
    own = in_currency(workspace.currency)
    specs = [
        AggregateSpec(Events(BOUGHT, None, *span), "count"),
        AggregateSpec(Events(BOUGHT, None, *span), "max", TIMESTAMP),
        AggregateSpec(Events(BOUGHT, own, *span), "sum", "revenue"),
    ]
    count, last, spent = engine.aggregates(specs, as_of)
    profile = count.profile
    recency = (as_of - _of(last, profile)) // (86_400 * MILLIONTHS)
    return Orders(profile, recency, _of(count, profile), _of(spent, profile))


def foreign(workspace: Workspace, engine: Engine, at: datetime) -> int:
    """Orders of the look-back in other currencies, whose amounts do not count."""
    as_of = clock.to_micros(at)
    span = (clock.to_micros(at - look_back(workspace) * DAY), as_of + 1)
    other = Not(in_currency(workspace.currency))
    (found,) = engine.aggregates([AggregateSpec(Events(BOUGHT, other, *span), "count")], as_of)
    return int(found.value.sum())


def _of(answer: Aggregate, profile: Ints) -> Ints:
    """The answer for each of these profiles, 0 where it has none."""
    found = np.zeros(len(profile), np.int64)
    found[np.searchsorted(profile, answer.profile)] = np.where(answer.present, answer.value, 0)
    return found


# The page


def report(workspace: Workspace, *, now: datetime) -> Report:
    """Raises a Refusal where the plan lacks RFM or the engine cannot answer."""
    require_feature(workspace)
    with answering():
        engine = fresh_engine(workspace)
        everybody = len(universe(workspace).profile)
        here = standing(workspace, engine, now)
        left_out = foreign(workspace, engine, now)
        begun, known = turns(workspace, now), carried(workspace, look_back(workspace))
        months = [(day, standing(workspace, engine, at, known.get(at))) for day, at in begun]
        whole = [is_whole(workspace, at, look_back(workspace), known) for _, at in begun]
    return Report(
        as_of=now,
        look_back=look_back(workspace),
        currency=workspace.currency,
        customers=len(here.profile),
        others=everybody - len(here.profile),
        is_relative=here.scores.is_relative,
        foreign=left_out,
        groups=tuple(_lines(here)),
        cells=tuple(_cell(here, r, f) for r in range(SCORES, 0, -1) for f in range(1, SCORES + 1)),
        spans=tuple(_span(here, score) for score in range(SCORES, 0, -1)),
        months=tuple(Month(day, tuple(_sizes(one)), told) for (day, one), told in zip(months, whole, strict=True)),
        since=months[-1][0],
        moves=tuple(_moves(months[-1][1], here)),
        kept_from=kept_from(workspace),
    )


def _sizes(one: Standing) -> list[int]:
    sizes: list[int] = np.bincount(one.group, minlength=len(GROUPS)).tolist()
    return sizes


def _lines(here: Standing) -> list[GroupLine]:
    total = int(here.spend.sum())
    return [_line(here, place, total) for place in range(len(GROUPS))]


def _line(here: Standing, place: int, total: int) -> GroupLine:
    mask = here.group == place
    size, revenue = int(mask.sum()), int(here.spend[mask].sum())
    return GroupLine(
        GROUPS[place].name,
        GROUPS[place].action,
        size,
        size / len(here.profile) if size else 0.0,
        revenue / MILLIONTHS,
        revenue / total if total else 0.0,
        float(here.recency[mask].mean()) if size else None,
        float(here.orders[mask].mean()) if size else None,
        revenue / size / MILLIONTHS if size else None,
    )


def _cell(here: Standing, r: int, f: int) -> Cell:
    mask = (here.scores.r == r) & (here.scores.f == f)
    return Cell(r, f, int(mask.sum()), int(here.spend[mask].sum()) / MILLIONTHS)


def _span(here: Standing, score: int) -> Span:
    spent = _ends(here.spend[here.scores.m == score])
    return Span(
        score,
        _ends(here.recency[here.scores.r == score]),
        _ends(here.orders[here.scores.f == score]),
        None if spent is None else (spent[0] / MILLIONTHS, spent[1] / MILLIONTHS),
    )


def _ends(values: Ints) -> tuple[int, int] | None:
    return (int(values.min()), int(values.max())) if len(values) else None


def _moves(before: Standing, after: Standing) -> Sequence[Move]:
    """Who stayed is no move; the most frequent first."""
    profile = np.union1d(before.profile, after.profile)
    pairs = _places(before, profile) * len(NAMES) + _places(after, profile)
    counts = np.bincount(pairs, minlength=len(NAMES) ** 2)
    moves = [
        Move(NAMES[pair // len(NAMES)], NAMES[pair % len(NAMES)], int(counts[pair]))
        for pair in counts.nonzero()[0].tolist()
        if pair // len(NAMES) != pair % len(NAMES)
    ]
    return sorted(moves, key=lambda move: (-move.size, NAMES.index(move.before), NAMES.index(move.after)))


def _places(one: Standing, profile: Ints) -> Ints:
    """The group of each profile, the last of NAMES where it had bought nothing."""
    found = np.full(len(profile), len(GROUPS), np.int64)
    found[np.searchsorted(profile, one.profile)] = one.group
    return found
