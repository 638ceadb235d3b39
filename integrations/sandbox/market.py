"""What budgets bring: each creative's day, the same whenever it is asked for, and following the changes made so far.

Spend follows the budget that stood at each hour; conversions follow spend with an elasticity below one, so more money
brings more of them at a rising price. Weekdays, good and bad days, and chance come on top. Conversions of the last days
are still being attributed: they grow for three days, as they do on real platforms.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from itertools import pairwise
from math import exp, sqrt
from statistics import NormalDist
from struct import unpack
from zoneinfo import ZoneInfo

from integrations.sandbox.world import Node, Past, Pot, World

ELASTICITY = 0.7  # d log conversions / d log spend
WEEKDAYS = (0.95, 0.94, 0.97, 0.99, 0.98, 1.07, 1.10)  # from Monday
GOOD_DAYS = 0.13  # standard deviation of the log of a day's luck
SPENDING = 0.03  # of the share of a budget that is spent
ATTRIBUTED = (0.82, 0.92, 0.97)  # of the conversions of today, yesterday, and the day before
BACK = timedelta(days=120)  # how long before its beginning a world has figures
CENT = Decimal("0.01")
NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Figures:
    spend: Decimal = Decimal(0)
    impressions: int = 0
    clicks: int = 0
    conversions: Decimal = Decimal(0)
    revenue: Decimal = Decimal(0)

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.spend + other.spend,
            self.impressions + other.impressions,
            self.clicks + other.clicks,
            self.conversions + other.conversions,
            self.revenue + other.revenue,
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a day in which nothing was changed: from when, and what share of the day."""

    at: datetime
    share: float


class Luck:
    """Up to eight numbers that depend on the text alone: seeding a generator for so few costs ten times as much."""

    def __init__(self, text: str) -> None:
        self._numbers = iter(unpack("<8Q", blake2b(text.encode()).digest()))

    def uniform(self) -> float:
        """Inside (0, 1)."""
        number: int = next(self._numbers)
        return (number + 0.5) / 2**64

    def normal(self) -> float:
        return NORMAL.inv_cdf(min(self.uniform(), 1 - 1e-16))


class Market:
    """Figures of one world as they stand at `now`."""

    def __init__(self, world: World, now: datetime) -> None:
        self._world, self._now = world, now
        self._changes: dict[tuple[str, str], list[Past]] = defaultdict(list)
        for change in world.past:
            self._changes[change.target, change.field].append(change)
        self._leaves: dict[str, list[Node]] = defaultdict(list)
        for node in world.nodes.values():
            if node.kind == "creative":
                self._leaves[world.payer(node).id].append(node)
        self._times = {pot: self._times_of(pot) for pot in world.pots}
        self._allowed: dict[tuple[str, int], dict[str, float]] = {}

    def days(self, account: str, since: date, until: date) -> Iterator[tuple[Node, date, Figures]]:
        """Creatives that spent something, day by day."""
        zone = ZoneInfo(self._world.accounts[account].time_zone)
        first, last = (self._world.began - BACK).date(), self._now.astimezone(zone).date()
        day = max(since, first)
        while day <= min(until, last):
            for pot in self._world.pots.values():
                if pot.account == account:
                    yield from self._of_pot(pot, day, zone)
            day += timedelta(days=1)

    def _of_pot(self, pot: Pot, day: date, zone: ZoneInfo) -> Iterator[tuple[Node, date, Figures]]:
        luck = Luck(f"{self._world.seed} {pot.id} {day}")
        spent_share = min(1.0, pot.delivery * (1 + SPENDING * luck.normal()))
        mood = exp(GOOD_DAYS * luck.normal() - GOOD_DAYS**2 / 2) * WEEKDAYS[day.weekday()]
        money = self._money(pot, day, zone)
        total = sum(money.values()) * spent_share
        if not total:
            return
        brought = pot.conversions * (total / float(pot.usual)) ** ELASTICITY * mood * self._elapsed_power(day, zone)
        for node in self._leaves[pot.id]:
            if node.id in money:
                share = money[node.id] * spent_share / total
                yield node, day, self._of_leaf(pot, node, day, total * share, brought * share, zone)

    def _money(self, pot: Pot, day: date, zone: ZoneInfo) -> dict[str, float]:
        """What each creative was allowed to spend, as budgets, bids and statuses stood through the day."""
        money: dict[str, float] = defaultdict(float)
        for piece in self._pieces(pot, day, zone):
            for leaf, a_day in self._allowed_at(pot, piece.at).items():
                money[leaf] += a_day * piece.share
        return dict(money)

    def _allowed_at(self, pot: Pot, at: datetime) -> dict[str, float]:
        """By creative, for a whole day; the same from one change to the next."""
        key = pot.id, bisect_right(self._times[pot.id], at)
        if key not in self._allowed:
            amount = float(self._value(pot.id, "amount", pot.amount, at))
            running = {leaf.id: self._pull(leaf, at) for leaf in self._leaves[pot.id]}
            whole = sum(running.values())
            pushes = {leaf: min(1.0, self._push(self._world.nodes[leaf], at)) for leaf, pull in running.items() if pull}
            self._allowed[key] = {leaf: amount * running[leaf] / whole * push for leaf, push in pushes.items()}
        return self._allowed[key]

    def _times_of(self, pot: str) -> list[datetime]:
        targets = {node.id for leaf in self._leaves[pot] for node in self._world.line(leaf)} | {pot}
        return sorted({past.at for past in self._world.past if past.target in targets})

    def _pull(self, leaf: Node, at: datetime) -> float:
        """Its share of the pot, not yet scaled to one; nothing while it or something above it is paused."""
        pull = 1.0
        for node in self._world.line(leaf):
            if self._value(node.id, "status", node.status, at) != "active":
                return 0.0
            pull *= node.weight
        return pull

    def _push(self, leaf: Node, at: datetime) -> float:
        """A lower bid than usual wins fewer auctions: delivery follows its square root."""
        for node in self._world.line(leaf):
            if node.bid is not None and node.usual_bid:
                bid = Decimal(self._value(node.id, "bid", node.bid, at) or node.bid)
                return sqrt(bid / node.usual_bid)
        return 1.0

    def _pieces(self, pot: Pot, day: date, zone: ZoneInfo) -> list[Piece]:
        start, end = _bounds(day, zone)
        end_so_far = min(end, self._now)
        times = self._times[pot.id]
        within = times[bisect_right(times, start) : bisect_left(times, end_so_far)]
        marks = [start, *within, end_so_far]
        whole = (end - start).total_seconds()
        return [Piece(a, (b - a).total_seconds() / whole) for a, b in pairwise(marks) if b > a]

    def _value(self, target: str, what: str, present: object, at: datetime) -> str:
        """As it stood at that moment: what the first later change replaced, else what it is now."""
        later = (change for change in self._changes[target, what] if change.at > at)
        first = next(later, None)
        return first.before if first else str(present)

    def _elapsed_power(self, day: date, zone: ZoneInfo) -> float:
        """Half a day's money brings half a day's conversions: elasticity is about whole days."""
        start, end = _bounds(day, zone)
        elapsed = min(1.0, max(0.0, (self._now - start) / (end - start)))
        return elapsed ** (1 - ELASTICITY) if elapsed else 0.0

    def _of_leaf(self, pot: Pot, node: Node, day: date, spend: float, expected: float, zone: ZoneInfo) -> Figures:
        luck = Luck(f"{self._world.seed} {node.id} {day}")
        conversions = poisson(luck.uniform(), expected)
        value = pot.value * (1 + 0.15 * luck.normal())
        impressions = round(spend / pot.cpm * 1000 * (1 + 0.05 * luck.normal()))
        clicks = min(impressions, max(conversions, round(impressions * pot.ctr * (1 + 0.06 * luck.normal()))))
        age = (self._now.astimezone(zone).date() - day).days
        seen = int(conversions * ATTRIBUTED[age] + 0.5) if age < len(ATTRIBUTED) else conversions
        revenue = Decimal(seen * max(1.0, value)).quantize(CENT)
        return Figures(Decimal(spend).quantize(CENT), max(0, impressions), max(0, clicks), Decimal(seen), revenue)


def by_level(world: World, rows: Iterator[tuple[Node, date, Figures]], level: str) -> dict[tuple[str, date], Figures]:
    """The same figures summed up to campaigns or ad sets."""
    sums: dict[tuple[str, date], Figures] = defaultdict(Figures)
    owners = {
        node.id: above.id
        for node in world.nodes.values()
        if node.kind == "creative"
        for above in world.line(node)
        if above.kind == level
    }
    for leaf, day, figures in rows:
        sums[owners[leaf.id], day] += figures
    return dict(sums)


def poisson(u: float, expected: float) -> int:
    """The count whose probability reaches `u`; the bell curve where counts are large."""
    if expected <= 0:
        return 0
    if expected > 200:
        return max(0, round(expected + sqrt(expected) * NORMAL.inv_cdf(min(u, 1 - 1e-16))))
    count, chance = 0, exp(-expected)
    reached = chance
    while reached < u and count < 1_000:
        count += 1
        chance *= expected / count
        reached += chance
    return count


@cache
def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """In UTC, so that differences count real hours also where clocks are changed."""
    tomorrow = day + timedelta(days=1)
    return datetime.combine(day, time(), zone).astimezone(UTC), datetime.combine(tomorrow, time(), zone).astimezone(UTC)
