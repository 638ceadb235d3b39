"""The trust layer's signals, measured on our own events every quarter of an hour and reported down to it.

What cannot be told from what is stored (no order from a server, too few events, weeks too young) is not reported at
all: it stays unknown.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.http import urlencode

from cdp.models import Event
from cdp.quality.match import LABELS, WEIGHTS, Match, match
from cdp.quality.volume import Window
from cdp.queries import quality as queries
from cdp.queries.quality import Arrivals, Orders, Pairs
from stratum.workspaces.models import Workspace
from trustlayer.queries import health
from trustlayer.services import readings
from trustlayer.services.readings import NewReading
from trustlayer.signals import FRESHNESS

TASK = "cdp.measure_signals"
SOURCE = "own events"
EVERY = timedelta(minutes=15)
MOST_AT_ONCE = 200  # workspaces in one minute
FEWEST = 10  # orders or pairs; below, one of them would move the share by more than a tenth


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: workspaces with events that were not measured for a quarter of an hour."""
    own = readings.newest(OuterRef("pk"), platform="", signal=FRESHNESS.name, source=SOURCE)
    due = (
        Workspace.objects.annotate(measured=Subquery(own.values("observed_at")[:1]))
        .filter(Q(measured=None) | Q(measured__lte=now - EVERY), Exists(Event.objects.filter(workspace=OuterRef("pk"))))
        .order_by(F("measured").asc(nulls_first=True))
    )
    return [{"workspace_id": pk} for pk in due.values_list("pk", flat=True)[:MOST_AT_ONCE]]


def measure(*, workspace: Workspace, now: datetime) -> list[NewReading]:
    """What could be measured, as it was reported. Raises EngineError after everything else is stored."""
    arrived = queries.arrivals(workspace, now=now)
    if arrived is None:
        return []
    measured = _Round(workspace, arrived, now)
    found = [measured.freshness(), *measured.shares(), *measured.matches()]
    readings.report(workspace=workspace, readings=found, now=now)
    late = list(measured.volume())
    readings.report(workspace=workspace, readings=late, now=now)
    return [*found, *late]


@dataclass(frozen=True, slots=True)
class _Round:
    """One look at everything. Each reading comes with the sentence that says what was counted, and where to see it."""

    workspace: Workspace
    arrived: Arrivals
    now: datetime

    def reading(self, signal: str, value: float, evidence: Mapping[str, Any], platform: str = "") -> NewReading:
        return NewReading(signal, value, self.now, SOURCE, platform, evidence=evidence, since=self.arrived.first)

    def freshness(self) -> NewReading:
        age = max(0.0, (self.now - self.arrived.last).total_seconds())
        evidence = {"sentence": " ".join(_freshness_words(self.arrived, age)), "url": _events()}
        return self.reading("freshness", max(age, self.arrived.p95 or 0.0), evidence)

    def shares(self) -> Iterator[NewReading]:
        """Coverage and deduplication."""
        orders = queries.orders(self.workspace, now=self.now)
        if orders.told >= FEWEST:
            url = _events(outcome="rejected") if orders.refused else _events(name=queries.PURCHASE)
            yield self.reading("coverage", orders.known / orders.told, {"sentence": _order_words(orders), "url": url})
        pairs = queries.pairs(self.workspace, now=self.now)
        if pairs.told >= FEWEST:
            evidence = {"sentence": _pair_words(pairs), "url": _events(name=queries.PURCHASE)}
            yield self.reading("dedup", pairs.shared / pairs.told, evidence)

    def matches(self) -> Iterator[NewReading]:
        """Of each platform that sends visitors or that somebody else reports on."""
        seen = queries.platforms_seen(self.workspace, now=self.now)
        platforms = seen | (health.platforms(self.workspace) & WEIGHTS.keys())
        carried = queries.presence(self.workspace, now=self.now) if platforms else []
        for platform in sorted(platforms):
            if found := match(platform, carried):
                yield self.reading("emq", found.value, _match_evidence(found), platform)

    def volume(self) -> Iterator[NewReading]:
        """The better of the last two windows: one bad one may be chance."""
        if found := queries.volume(self.workspace, since=self.arrived.first, now=self.now):
            told = max(found, key=lambda window: window.tail)
            yield self.reading("volume", told.tail, {"sentence": _volume_words(told), "url": _events()})


def _events(**query: str) -> str:
    """Where the messages can be seen."""
    return f"{reverse('event_list')}?{urlencode(query)}" if query else reverse("event_list")


def _freshness_words(arrived: Arrivals, age: float) -> Iterator[str]:
    show = FRESHNESS.show
    if arrived.median is not None and arrived.p95 is not None:
        events = f"{arrived.events:,} event{'' if arrived.events == 1 else 's'} in 24 h"
        yield f"{events}: half of them within {show(arrived.median)}, 95% within {show(arrived.p95)} of happening."
    yield f"The last one arrived {show(age)} ago."
    if arrived.imported:
        yield f"{arrived.imported:,} were more than 7 days old and count as imported history."


def _order_words(orders: Orders) -> str:
    return (
        f"Of {orders.told:,} orders that your servers sent in 24 h, {orders.accepted:,} were stored, "
        f"{orders.ignored:,} were second copies, {orders.refused:,} were refused."
    )


def _pair_words(pairs: Pairs) -> str:
    return (
        f"Of {pairs.told:,} events in 48 h that browser and server both sent, {pairs.shared:,} shared an event id; "
        f"{pairs.apart:,} had only the order's number in common and were counted twice."
    )


def _match_evidence(found: Match) -> Mapping[str, Any]:
    missing = sorted(found.parts, key=lambda part: part.points - part.most)[:2]
    lost = " and ".join(f"{LABELS[part.identifier]} ({part.rate:.0%} carry it)" for part in missing)
    return {
        "sentence": f"Computed from {found.events:,} conversion events in 48 h. Most is lost by {lost}.",
        "url": _events(name=found.by_name[0][0]),
        "parts": [
            {"label": LABELS[part.identifier], "rate": part.rate, "points": part.points, "most": part.most}
            for part in found.parts
        ],
        "names": [{"name": name, "events": events, "value": value} for name, events, value in found.by_name],
    }


def _volume_words(told: Window) -> str:
    hours = int((told.end - told.start) / timedelta(hours=1))
    return (
        f"{told.count:,} events in the {hours} h to {told.end:%H:%M} UTC; about {told.expected:,.0f} in the same hours "
        f"of the last {len(told.before)} weeks."
    )
