"""Workspaces: made, renamed, set to a zone and a currency, moved between plans."""

import re
import zoneinfo
from datetime import datetime
from functools import lru_cache

import phonenumbers
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from stratum.lib import keys
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.workspaces import plans
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Member, User, Workspace

CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
SLUG_LENGTH = 50


def create_workspace(
    *,
    name: str,
    owner: User | None,
    now: datetime,
    plan: str = "professional",
    time_zone: str = "UTC",
    currency: str = "USD",
    default_country: str = "US",
) -> Workspace:
    """A workspace with its owner (None only from the command line). Its slug is the name's, made unique."""
    fields = checked_settings(name=name, time_zone=time_zone, currency=currency, default_country=default_country)
    check_plan(plan)
    with transaction.atomic():
        workspace = _insert({**fields, "plan": plan})
        if owner is not None:
            Member.objects.create(workspace=workspace, user=owner, role="owner", joined_at=now)
    return workspace


def change_settings(*, workspace: Workspace, by: Actor, now: datetime, **changes: str | int) -> Workspace:
    """Any of name, time_zone, currency, default_country, churn_days."""
    for field, value in checked_settings(**changes).items():
        setattr(workspace, field, value)
    workspace.save(update_fields=list(changes))
    return workspace


def change_plan(*, workspace: Workspace, plan: str, by: Actor, now: datetime) -> Workspace:
    """Nothing is hidden or lost by moving down: what exceeds the new limits stays and only cannot grow."""
    check_plan(plan)
    if not plans.PLANS[plan].available:
        raise Refusal("contact_sales", f"{plans.PLANS[plan].name} starts with a talk: write to sales@stratum.ai.")
    return assign_plan(workspace=workspace, plan=plan, now=now)


def assign_plan(*, workspace: Workspace, plan: str, now: datetime) -> Workspace:
    """What was agreed, also a plan that nobody can choose; and remember until when it had what the plan lacks."""
    had = {**workspace.features_until, **dict.fromkeys(sorted(plans.of(workspace).features), now.isoformat())}
    kept = plans.PLANS[plan].features
    workspace.features_until = {feature: until for feature, until in had.items() if feature not in kept}
    workspace.plan = plan
    workspace.save(update_fields=["plan", "features_until"])
    return workspace


def check_plan(plan: str) -> None:
    if plan not in plans.PLANS:
        known = ", ".join(plans.PLANS)
        raise Invalid([Fault("/plan", f"There is no plan “{plan}”. The plans are {known}.", "unknown_plan")])


def checked_settings(**given: str | int) -> dict[str, str | int]:
    """The settings tidied, or Invalid with a pointer per setting."""
    tidy = {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}
    faults = [Fault(f"/{name}", sentence) for name, value in tidy.items() if (sentence := _objection(name, value))]
    if faults:
        raise Invalid(faults)
    return tidy


@lru_cache
def time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _objection(name: str, value: str | int) -> str:
    """What is wrong with a setting, or nothing."""
    match name:
        case "name" if not 0 < len(str(value)) <= 120:
            return "A workspace needs a name of at most 120 characters."
        case "time_zone" if value not in time_zones():
            return "This is not a time zone we know. Write it like Europe/Berlin or UTC."
        case "currency" if not CURRENCY.fullmatch(str(value)):
            return "Write the currency as three capital letters, like EUR or USD."
        case "default_country" if value not in phonenumbers.SUPPORTED_REGIONS:
            return "Write the country as two capital letters, like DE or US."
        case "churn_days" if not (isinstance(value, int) and 1 <= value <= 3650):
            return "Choose between 1 and 3,650 days."
    return ""


def _insert(fields: dict[str, str | int]) -> Workspace:
    """Two teams may choose one name at one instant: the database decides, and the other gets a suffix."""
    slug = slugify(str(fields["name"]))[:SLUG_LENGTH].strip("-") or "workspace"
    for candidate in (slug, f"{slug}-{keys.random_text(4).lower()}"):
        try:
            with transaction.atomic():
                return Workspace.objects.create(**{**fields, "slug": candidate})
        except IntegrityError:
            continue
    return Workspace.objects.create(**{**fields, "slug": f"{slug[:40]}-{keys.random_text(16).lower()}"})
