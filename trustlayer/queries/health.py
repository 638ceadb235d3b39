"""Signal health as it is now, from what was reported."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace
from trustlayer.health import Health, Reading, assess
from trustlayer.models import SignalReading, SignalSource
from trustlayer.policy import Policy
from trustlayer.signals import EMQ

LOOK_BACK = timedelta(days=8)
OWN = ""  # the platform of readings about the workspace's own events
# What is measured on the workspace's own events speaks for every platform that has no reading of its own.
SHARED = frozenset({"freshness", "volume", "coverage", "dedup"})

NEWEST = """
    SELECT source.platform, source.signal, source.source, source.since,
           reading.value, reading.observed_at, reading.reported, reading.evidence->>'sentence', reading.evidence->>'url'
    FROM trustlayer_signalsource AS source
    CROSS JOIN LATERAL (
        SELECT value, observed_at, reported, evidence FROM trustlayer_signalreading
        WHERE workspace_id = source.workspace_id AND platform = source.platform AND signal = source.signal
          AND source = source.source AND observed_at BETWEEN %s AND %s
        ORDER BY observed_at DESC LIMIT 1
    ) AS reading
    WHERE source.workspace_id = %s AND (%s::text[] IS NULL OR source.platform = ANY(%s))
"""


@dataclass(frozen=True, slots=True)
class WorkspaceHealth:
    """Every platform's health, and the worst of them, which is the workspace's."""

    platforms: tuple[Health, ...]

    @property
    def worst(self) -> Health:
        return min(self.platforms, key=lambda one: -1 if one.score is None else one.score)


def health(workspace: Workspace, policy: Policy, *, now: datetime) -> WorkspaceHealth:
    """By platform; a workspace without platforms has its own events only."""
    return healths(newest_readings(workspace, now), policy, now)


def healths(newest: Sequence[tuple[str, Reading]], policy: Policy, now: datetime) -> WorkspaceHealth:
    platforms = sorted({platform for platform, _ in newest} - {OWN}) or [OWN]
    return WorkspaceHealth(tuple(assessed(newest, policy, platform, now) for platform in platforms))


def platforms(workspace: Workspace) -> set[str]:
    """Those of which a reading was ever stored, by whomever."""
    known = SignalSource.objects.filter(workspace=workspace).exclude(platform=OWN)
    return set(known.values_list("platform", flat=True).distinct())


def health_of(workspace: Workspace, platform: str, policy: Policy, *, now: datetime) -> Health:
    return assessed(newest_readings(workspace, now, of=[platform]), policy, platform, now)


def newest_readings(
    workspace: Workspace, now: datetime, *, of: Iterable[str] | None = None
) -> list[tuple[str, Reading]]:
    """The newest one of every source, with its platform; `of` these platforms and of the workspace's own events."""
    asked = None if of is None else [OWN, *of]
    with raw_cursor() as cursor:
        cursor.execute(NEWEST, [now - LOOK_BACK, now, workspace.pk, asked, asked], prepare=True)
        return [
            (platform, Reading(signal, value, observed_at, source, reported, since, sentence or "", url or ""))
            for platform, signal, source, since, value, observed_at, reported, sentence, url in cursor.fetchall()
        ]


def match_evidence(workspace: Workspace, platform: str, *, now: datetime) -> Mapping[str, Any]:
    """What the newest computed EMQ of a platform was computed from: `parts` and `names`; empty without one."""
    computed = SignalReading.objects.filter(
        workspace=workspace,
        platform=platform,
        signal=EMQ.name,
        observed_at__range=(now - LOOK_BACK, now),
        evidence__has_key="parts",
    )
    found: Mapping[str, Any] | None = (
        computed.order_by("-observed_at", "-pk").values_list("evidence", flat=True).first()
    )
    return found or {}


def assessed(newest: Iterable[tuple[str, Reading]], policy: Policy, platform: str, now: datetime) -> Health:
    own = [reading for of, reading in newest if of == platform]
    known = {reading.signal for reading in own}
    shared = [
        reading
        for of, reading in newest
        if of == OWN and platform != OWN and reading.signal in SHARED and reading.signal not in known
    ]
    return assess([*own, *shared], policy, platform=platform, now=now)
