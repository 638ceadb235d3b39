"""Schedules written: made, changed, paused, deleted. What they send is delivered by services.deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from stratum.lib import problems
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.reports import queries
from stratum.reports.calendar import FREQUENCIES, WEEKDAYS
from stratum.reports.models import ExportSchedule
from stratum.reports.registry import exporters
from stratum.reports.services import exports
from stratum.workspaces import access, limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from stratum.workspaces.services.workspaces import time_zones

MOST_SCHEDULES, MOST_RECIPIENTS, LONGEST_NAME = 50, 20, 120


@dataclass(frozen=True, slots=True)
class Wanted:
    """A schedule as somebody described it. `weekday` counts from Monday, 0; `day` is of the month."""

    name: str
    exporter: str
    parameters: Mapping[str, str]
    format: str
    frequency: str
    hour: int
    time_zone: str
    recipients: tuple[str, ...]
    weekday: int = 0
    day: int = 1
    enabled: bool = True


def wanted_of(schedule: ExportSchedule) -> Wanted:
    fields = {name: getattr(schedule, name) for name in Wanted.__slots__}
    return Wanted(**{**fields, "recipients": tuple(schedule.recipients)})


@transaction.atomic
def create(*, workspace: Workspace, by: Actor, wanted: Wanted, now: datetime) -> ExportSchedule:
    """First due after `now`. Raises Invalid, and what the exporter refuses."""
    wanted = _checked(workspace, by, wanted, now)
    Workspace.objects.select_for_update(no_key=True).only("pk").get(pk=workspace.pk)
    if workspace.export_schedules.count() >= MOST_SCHEDULES:
        raise Refusal("too_many", f"A workspace has at most {MOST_SCHEDULES} schedules. Delete one first.")
    schedule = ExportSchedule(workspace=workspace, created_by=by.user, api_key=by.api_key, created_at=now)
    return _write(schedule, wanted, now)


@transaction.atomic
def change(
    *, workspace: Workspace, by: Actor, schedule_id: UUID, changes: Mapping[str, Any], now: datetime
) -> ExportSchedule:
    """Fields of Wanted. Deliveries under way keep what they began with. Raises Invalid."""
    schedule = queries.schedule(workspace, schedule_id, for_update=True)
    wanted = _checked(workspace, by, replace(wanted_of(schedule), **changes), now)
    schedule.created_by, schedule.api_key = by.user, by.api_key  # whose rights it runs under from here on
    return _write(schedule, wanted, now)


@transaction.atomic
def switch(*, workspace: Workspace, by: Actor, schedule_id: UUID, enabled: bool, now: datetime) -> ExportSchedule:
    """Pause it, or let it run again from the next time on."""
    access.demand(by, "export")
    schedule = queries.schedule(workspace, schedule_id, for_update=True)
    if schedule.enabled != enabled:
        schedule.enabled, schedule.next_run_at = enabled, schedule.rhythm.next_after(now)
        schedule.save(update_fields=["enabled", "next_run_at"])
    return schedule


def delete(*, workspace: Workspace, by: Actor, schedule_id: UUID, now: datetime) -> str:
    """Its name. What it has not sent yet is not sent."""
    access.demand(by, "export")
    schedule = queries.schedule(workspace, schedule_id)
    schedule.delete()
    return schedule.name


def _write(schedule: ExportSchedule, wanted: Wanted, now: datetime) -> ExportSchedule:
    for name in Wanted.__slots__:
        setattr(schedule, name, getattr(wanted, name))
    schedule.parameters, schedule.recipients = dict(wanted.parameters), list(wanted.recipients)
    schedule.next_run_at = schedule.rhythm.next_after(now)
    schedule.save()
    return schedule


def _checked(workspace: Workspace, by: Actor, wanted: Wanted, now: datetime) -> Wanted:
    """Tidied. The exporter itself says whether it can read the filters."""
    people = tuple(dict.fromkeys(address for one in wanted.recipients if (address := one.strip().lower())))
    tidy = replace(wanted, name=wanted.name.strip(), recipients=people, time_zone=wanted.time_zone.strip())
    if faults := [*_faults(tidy), *_address_faults(people), *problems.unstorable(dict(wanted.parameters))]:
        raise Invalid(faults)
    if tidy.exporter in exporters and (feature := exporters[tidy.exporter].feature):
        limits.require_feature(workspace, feature)
    exports.prepare(
        workspace=workspace,
        by=by,
        exporter=tidy.exporter,
        parameters=tidy.parameters,
        file_format=tidy.format,
        now=now,
    )
    return tidy


def _faults(wanted: Wanted) -> list[Fault]:
    whole = {
        "/name": (0 < len(wanted.name) <= LONGEST_NAME, f"Give it a name of at most {LONGEST_NAME} characters."),
        "/frequency": (wanted.frequency in FREQUENCIES, f"Choose of {', '.join(FREQUENCIES)}."),
        "/hour": (wanted.hour in range(24), "Choose an hour from 0 to 23."),
        "/weekday": (wanted.weekday in range(len(WEEKDAYS)), "Choose a weekday from 0 (Monday) to 6 (Sunday)."),
        "/day": (wanted.day in range(1, 32), "Choose a day from 1 to 31; shorter months use their last day."),
        "/time_zone": (
            wanted.time_zone in time_zones(),
            "Write a time zone we know, like Europe/Berlin.",
        ),
    }
    faults = [Fault(pointer, sentence) for pointer, (fine, sentence) in whole.items() if not fine]
    one_line = wanted.name.isprintable() or not wanted.name
    return faults if one_line else [*faults, Fault("/name", "Write the name in one line.")]


def _address_faults(people: tuple[str, ...]) -> list[Fault]:
    if not people:
        return [Fault("/recipients", "Name at least one e-mail address.", "required")]
    if len(people) > MOST_RECIPIENTS:
        return [Fault("/recipients", f"At most {MOST_RECIPIENTS} addresses get it.", "too_many")]
    return [
        Fault(f"/recipients/{index}", f"“{address[:80]}” is not an e-mail address.")
        for index, address in enumerate(people)
        if not _is_address(address)
    ]


def _is_address(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return len(address) <= 254
