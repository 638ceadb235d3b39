"""Who is told what and when; connecting Slack and letting go of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from stratum.lib import seal
from stratum.lib.refusal import Fault, Invalid, Missing
from stratum.notifications import queries, slack
from stratum.notifications.models import NotificationSettings, SlackConnection, Subscription
from stratum.notifications.registry import SEVERITIES, Kind, kinds
from stratum.reports.calendar import Rhythm
from stratum.workspaces import access, limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Member, Workspace
from stratum.workspaces.services.workspaces import time_zones

FEATURE = "slack_notifications"


@dataclass(frozen=True, slots=True)
class Wanted:
    """`quiet`: hours from and until, or none."""

    minimum_severity: str
    time_zone: str
    quiet: tuple[int, int] | None
    critical_at_once: bool
    summary_hour: int
    report_weekday: int


@dataclass(frozen=True, slots=True)
class WantedKind:
    slack: bool
    members: Sequence[int]
    options: Sequence[str]


@transaction.atomic
def save(
    *, workspace: Workspace, by: Actor, wanted: Wanted, by_kind: Mapping[str, WantedKind], now: datetime
) -> NotificationSettings:
    """Raises Invalid. Kinds that are not named stay as they are."""
    access.demand(by, "connect")
    if faults := [*_faults(wanted), *_kind_faults(workspace, by_kind)]:
        raise Invalid(faults)
    for name, choice in by_kind.items():
        _subscribe(workspace, name, choice)
    row = queries.settings_of(workspace)
    row.minimum_severity, row.time_zone = wanted.minimum_severity, wanted.time_zone
    row.quiet_from, row.quiet_until = wanted.quiet or (None, None)
    row.critical_at_once = wanted.critical_at_once
    row.summary_hour, row.report_weekday = wanted.summary_hour, wanted.report_weekday
    row.next_summary_at = daily(row).next_after(now)
    row.next_report_at = weekly(row).next_after(now)
    row.save()
    return row


def daily(row: NotificationSettings) -> Rhythm:
    return Rhythm("daily", row.summary_hour, ZoneInfo(row.time_zone))


def weekly(row: NotificationSettings) -> Rhythm:
    return Rhythm("weekly", row.summary_hour, ZoneInfo(row.time_zone), row.report_weekday)


@transaction.atomic
def connect_slack(*, workspace: Workspace, by: Actor, url: str, now: datetime) -> SlackConnection:
    """A new address replaces the one before. The first connection switches the usual notifications on."""
    access.demand(by, "connect")
    limits.require_feature(workspace, FEATURE)
    address = url.strip()
    if objection := slack.objection(address):
        raise Invalid([Fault("/url", objection)])
    given = {
        "sealed_url": seal.seal(address),
        "hint": address[-4:],
        "connected_by": by.user,
        "connected_at": now,
        "broken_at": None,
        "broken_reason": "",
    }
    connection, _ = SlackConnection.objects.update_or_create(workspace=workspace, defaults=given)
    for kind in kinds.values():
        _switch_on(workspace, kind)
    row = queries.settings_of(workspace)
    if row.next_summary_at is None:
        row.next_summary_at, row.next_report_at = daily(row).next_after(now), weekly(row).next_after(now)
        row.save()
    return connection


def disconnect_slack(*, workspace: Workspace, by: Actor, now: datetime) -> None:
    """The address is forgotten; what waits for Slack fails and says so."""
    access.demand(by, "connect")
    if not SlackConnection.objects.filter(workspace=workspace).delete()[0]:
        raise Missing("Slack is not connected.")


def _switch_on(workspace: Workspace, kind: Kind) -> None:
    """What nobody has decided about yet."""
    given = {"slack": kind.usual, "options": [value for value, _ in kind.options]}
    Subscription.objects.get_or_create(workspace=workspace, kind=kind.name, defaults=given)


def _subscribe(workspace: Workspace, name: str, choice: WantedKind) -> None:
    given = {"slack": choice.slack, "options": list(choice.options)}
    row, _ = Subscription.objects.update_or_create(workspace=workspace, kind=name, defaults=given)
    row.members.set(Member.objects.filter(workspace=workspace, pk__in=choice.members))


def _faults(wanted: Wanted) -> list[Fault]:
    hours = [*(wanted.quiet or ()), wanted.summary_hour]
    fine = {
        "/minimum_severity": (wanted.minimum_severity in SEVERITIES, f"Choose of {', '.join(SEVERITIES)}."),
        "/time_zone": (wanted.time_zone in time_zones(), "Write a time zone we know, like Europe/Berlin."),
        "/summary_hour": (all(hour in range(24) for hour in hours), "Choose hours from 0 to 23."),
        "/report_weekday": (wanted.report_weekday in range(7), "Choose a weekday from 0 (Monday) to 6 (Sunday)."),
        "/quiet_until": (
            wanted.quiet is None or wanted.quiet[0] != wanted.quiet[1],
            "Quiet hours need an end that differs from their beginning.",
        ),
    }
    return [Fault(pointer, sentence) for pointer, (well, sentence) in fine.items() if not well]


def _kind_faults(workspace: Workspace, by_kind: Mapping[str, WantedKind]) -> list[Fault]:
    team = set(Member.objects.filter(workspace=workspace).values_list("pk", flat=True))
    faults = []
    for name, choice in by_kind.items():
        known = {value for value, _ in kinds[name].options} if name in kinds else set()
        if name not in kinds:
            faults.append(Fault(f"/kinds/{name}", "There is no such kind of notification."))
        elif unknown := set(choice.options) - known:
            faults.append(Fault(f"/kinds/{name}/options", f"“{min(unknown)}” is no option of {kinds[name].label}."))
        elif not team.issuperset(choice.members):
            faults.append(Fault(f"/kinds/{name}/members", "Name members of this workspace by their ids."))
    return faults
