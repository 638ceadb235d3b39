"""Readings of signals: what our own measurements, platforms and the API report. Nothing is measured here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.models import Workspace
from trustlayer.health import Reading
from trustlayer.models import SignalReading, SignalSource
from trustlayer.signals import SIGNALS

MOST = 1_000  # at once
AHEAD = timedelta(minutes=5)  # clocks differ a little
OLDEST = timedelta(days=60)
PLATFORMS = ("meta", "google", "tiktok", "linkedin", "")
LONGEST_SOURCE = 80


@dataclass(frozen=True, slots=True)
class NewReading:
    """A reading before it is stored. `platform` is empty for the workspace's own events.

    `reported` by the platform itself, else computed by us. `since`: from when on the source could have been read, where
    that is longer ago than its first reading. `evidence`: `sentence` stands on the page of signal health, `url` leads
    from there to what was counted (a path of this site), anything else is kept for the API.
    """

    signal: str
    value: float
    observed_at: datetime
    source: str
    platform: str = ""
    reported: bool = False
    evidence: Mapping[str, Any] | None = None
    since: datetime | None = None

    @property
    def known_since(self) -> datetime:
        return min(self.since or self.observed_at, self.observed_at)

    def as_read(self) -> Reading:
        """As it is judged while it is the newest of its source."""
        return Reading(self.signal, self.value, self.observed_at, self.source, self.reported, self.known_since)


@dataclass(frozen=True, slots=True)
class Reported:
    """`repeated` readings were known already: same source, same instant."""

    accepted: int
    repeated: int


def report(*, workspace: Workspace, readings: Sequence[NewReading], now: datetime) -> Reported:
    """Store what is new. A late reading joins the history without displacing a newer one. Raises Invalid."""
    faults = [fault for index, reading in enumerate(readings) for fault in _faults(reading, index, now)]
    if len(readings) > MOST:
        faults = [Fault("", f"Send at most {MOST:,} readings at once.", "too_many")]
    if faults:
        raise Invalid(faults)
    with transaction.atomic():
        _remember_sources(workspace, readings)
        before = _count(workspace, readings)
        SignalReading.objects.bulk_create([_row(workspace, one, now) for one in readings], ignore_conflicts=True)
        accepted = _count(workspace, readings) - before
    return Reported(accepted, len(readings) - accepted)


def newest(workspace: Any, *, platform: str, signal: str, source: str) -> QuerySet[SignalReading]:
    """Of one source, the newest first. `workspace` may be a reference of an outer query."""
    found = SignalReading.objects.filter(workspace=workspace, platform=platform, signal=signal, source=source)
    return found.order_by("-observed_at", "-pk")


def _faults(reading: NewReading, index: int, now: datetime) -> list[Fault]:
    faults = []
    signal = SIGNALS.get(reading.signal)
    if signal is None:
        sentence = f"There is no signal “{reading.signal[:40]}”. Choose of {', '.join(SIGNALS)}."
        faults.append(Fault(f"/{index}/signal", sentence, "unknown_choice"))
    elif not isfinite(reading.value) or not signal.low <= reading.value <= signal.high:
        sentence = f"{signal.label} is between {signal.low:g} and {signal.high:g}."
        faults.append(Fault(f"/{index}/value", sentence, "out_of_range"))
    if reading.platform not in PLATFORMS:
        known = ", ".join(filter(None, PLATFORMS))
        sentence = f"Choose a platform of {known}, or leave it empty for your own events."
        faults.append(Fault(f"/{index}/platform", sentence, "unknown_choice"))
    if not reading.source or len(reading.source) > LONGEST_SOURCE:
        sentence = f"Name where the reading comes from, in at most {LONGEST_SOURCE} characters."
        faults.append(Fault(f"/{index}/source", sentence, "required"))
    if not str((reading.evidence or {}).get("url") or "/").startswith("/"):
        faults.append(Fault(f"/{index}/evidence/url", "Evidence leads to a path of this site only."))
    if reading.observed_at > now + AHEAD:
        faults.append(Fault(f"/{index}/observed_at", "A reading cannot come from the future.", "out_of_range"))
    elif reading.observed_at < now - OLDEST:
        sentence = f"A reading can be at most {OLDEST.days} days old."
        faults.append(Fault(f"/{index}/observed_at", sentence, "out_of_range"))
    return faults


def _remember_sources(workspace: Workspace, readings: Sequence[NewReading]) -> None:
    """An earlier first reading moves the beginning back: history that is sent later counts for learning."""
    first: dict[tuple[str, str, str], datetime] = {}
    for one in readings:
        key = one.platform, one.signal, one.source
        first[key] = min(first.get(key, one.known_since), one.known_since)
    rows = [
        SignalSource(workspace=workspace, platform=platform, signal=signal, source=source, since=since)
        for (platform, signal, source), since in sorted(first.items())
    ]
    SignalSource.objects.bulk_create(rows, ignore_conflicts=True)
    for row in rows:
        known = SignalSource.objects.filter(
            workspace=workspace, platform=row.platform, signal=row.signal, source=row.source
        )
        known.filter(since__gt=row.since).update(since=row.since)


def _count(workspace: Workspace, readings: Sequence[NewReading]) -> int:
    """How many of these are stored, each instant of a source once."""
    sources = {(one.platform, one.signal, one.source) for one in readings}
    instants = {one.observed_at for one in readings}
    stored = SignalReading.objects.filter(workspace=workspace, observed_at__in=instants)
    return sum(key in sources for key in stored.values_list("platform", "signal", "source").iterator())


def _row(workspace: Workspace, reading: NewReading, now: datetime) -> SignalReading:
    return SignalReading(
        workspace=workspace,
        platform=reading.platform,
        signal=reading.signal,
        value=reading.value,
        observed_at=reading.observed_at,
        received_at=now,
        source=reading.source,
        reported=reading.reported,
        evidence=dict(reading.evidence or {}),
    )
