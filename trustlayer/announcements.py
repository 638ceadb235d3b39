"""What the trust layer announces: bands of signal health that change, and actions that were held or blocked."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.http import urlencode

from stratum.lib.periods import Period
from stratum.notifications.registry import CRITICAL, INFO, SEVERITIES, WARNING, Collected, Kind, Notice, Section
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Happening
from trustlayer.actions import ACTIONS
from trustlayer.asked import DECISIONS
from trustlayer.health import Health
from trustlayer.models import HealthDay, LedgerEntry, LedgerHead
from trustlayer.queries import health as healths
from trustlayer.services import policies
from trustlayer.signals import SIGNALS
from trustlayer.words import platform_name

MOST_AT_ONCE = 1_000  # entries looked at in one go
MOST_NAMED = 10
SEVERITY = {"healthy": INFO, "degraded": WARNING, "critical": CRITICAL, "unknown": WARNING}
ACTIONS_OF = {"HOLD": ("held for review", WARNING), "BLOCK": ("blocked", CRITICAL)}

# Signal health


def health_changes(workspace: Workspace, place: Any, now: datetime) -> Collected:
    """`place`: the band of each platform as it was told last."""
    found = healths.health(workspace, policies.current(workspace), now=now)
    bands = {health.platform: str(health.status) for health in found.platforms}
    if place is None:
        return Collected((), bands)
    changed = [
        health for health in found.platforms if place.get(health.platform, bands[health.platform]) != health.status
    ]
    return Collected([_health_notice(health, place[health.platform], now) for health in changed], bands)


def _health_notice(health: Health, before: str, now: datetime) -> Notice:
    """A recovery is as severe as what it recovers from, so that whoever was alarmed hears of its end."""
    name = platform_name(health.platform)
    severity = max(SEVERITY[before], SEVERITY[str(health.status)], key=SEVERITIES.index)
    recovered = health.status == "healthy"
    score = "unknown" if health.score is None else str(health.score)
    return Notice(
        kind=HEALTH.name,
        key=f"health:{health.platform}:{health.status}:{now.isoformat()}",
        title=f"{name}: signal health {'has recovered' if recovered else f'is {health.status}'}",
        text=" ".join(cap.sentence for cap in health.caps),
        severity=severity,
        facts=[("Score", score), ("Before", before), *_weak(health)],
        path=reverse("signal_health"),
    )


def _weak(health: Health) -> Iterable[tuple[str, str]]:
    """The signals that are not healthy."""
    for state in health.signals:
        if state.score is not None and state.status != "healthy":
            yield SIGNALS[state.name].label, f"{state.status}, score {state.score:.0f}"


# Decisions


def decisions(workspace: Workspace, place: Any, now: datetime) -> Collected:
    """`place`: the last entry that was looked at. Many at once are told together."""
    head = LedgerHead.objects.filter(workspace=workspace).values_list("seq", flat=True).first() or 0
    if place is None:
        return Collected((), head)
    until = min(head, place + MOST_AT_ONCE)
    entries = list(
        LedgerEntry.objects.filter(
            workspace=workspace,
            seq__gt=place,
            seq__lte=until,
            kind=LedgerEntry.Kind.DECISION,
            decision__in=ACTIONS_OF,
            is_dry_run=False,
        ).order_by("seq")
    )
    by_decision = {name: [entry for entry in entries if entry.decision == name] for name in ACTIONS_OF}
    return Collected([_decided(name, found) for name, found in by_decision.items() if found], until)


def _decided(decision: str, entries: Sequence[LedgerEntry]) -> Notice:
    words, severity = ACTIONS_OF[decision]
    first, last = entries[0], entries[-1]
    alone = len(entries) == 1
    title = f"{_named(first)} was {words}" if alone else f"{len(entries):,} actions were {words}"
    detail = reverse("audit_log", args=[first.pk])
    listed = f"{reverse('audit_log_list')}?{urlencode({'decision': decision, 'range': '7d'})}"
    return Notice(
        kind=DECISIONS_KIND.name,
        key=f"decisions:{decision}:{last.seq}",
        title=title,
        text=_why(first) if alone else "",
        severity=severity,
        facts=[] if alone else _list_of(entries),
        path=detail if alone else listed,
        option=decision,
    )


def _list_of(entries: Sequence[LedgerEntry]) -> list[tuple[str, str]]:
    named = [(_named(entry), _why(entry)) for entry in entries[:MOST_NAMED]]
    more = len(entries) - MOST_NAMED
    return [*named, ("And", f"{more:,} more")] if more > 0 else named


def _named(entry: LedgerEntry) -> str:
    action = ACTIONS.get(entry.action)
    label = action.label if action else entry.action
    return f"{label}: {entry.entity}" if entry.entity else label


def _why(entry: LedgerEntry) -> str:
    return f"{entry.reason}: {entry.blocked_reason}" if entry.blocked_reason else entry.reason


# Summaries


def summary(workspace: Workspace, period: Period, now: datetime) -> Sequence[tuple[str, str]]:
    """Decisions by kind, and health by platform at the end of the period with its lowest on the way."""
    made = LedgerEntry.objects.filter(
        workspace=workspace,
        kind=LedgerEntry.Kind.DECISION,
        is_dry_run=False,
        timestamp__gte=period.start,
        timestamp__lt=period.end,
    )
    counts = dict(made.values_list("decision").annotate(Count("seq")))
    lines = [(decision, f"{counts[decision]:,}") for decision in DECISIONS if decision in counts]
    return [*lines, *_health_lines(workspace, period)]


def _health_lines(workspace: Workspace, period: Period) -> Iterable[tuple[str, str]]:
    days = HealthDay.objects.filter(workspace=workspace, day__range=(period.first_day, period.last_day))
    by_platform: dict[str, list[HealthDay]] = {}
    for day in days.order_by("day"):
        by_platform.setdefault(day.platform, []).append(day)
    for platform, rows in by_platform.items():
        lowest = min((row.lowest for row in rows if row.lowest is not None), default=None)
        if rows[-1].score is not None:
            name = platform_name(platform) if platform else "Signal health"
            yield name, f"{rows[-1].score}" + (f" (lowest {lowest})" if lowest is not None else "")


# The first page


def latest(workspace: Workspace, most: int) -> Sequence[Happening]:
    """What the book says lately."""
    newest = LedgerEntry.objects.filter(workspace=workspace).order_by("-seq")[:most]
    return [Happening(entry.timestamp, _told(entry), reverse("audit_log", args=[entry.pk]), "book") for entry in newest]


def _told(entry: LedgerEntry) -> str:
    if entry.decision:
        return f"{entry.decision}{' (dry run)' if entry.is_dry_run else ''}: {_named(entry)}"
    return entry.reason


HEALTH = Kind(
    "health",
    "Signal health",
    "When a platform's signal health becomes degraded or critical, and when it recovers.",
    collect=health_changes,
    usual=True,
    order=10,
)
DECISIONS_KIND = Kind(
    "decisions",
    "Trust Gate decisions",
    "When the gate holds or blocks an action. Many at once are told together.",
    options=(("HOLD", "Held for review"), ("BLOCK", "Blocked")),
    collect=decisions,
    usual=True,
    order=20,
)
SUMMARY = Section("trust", "Trust", summary, order=20)
