"""Rules are made, changed, switched on and off; each change of what they say is a version."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from autopilot.models import Rule, RuleVersion
from autopilot.queries import rules as queries
from autopilot.rules import templates
from autopilot.rules.definitions import Definition, parse
from cdp.queries import segments
from stratum.lib import problems
from stratum.lib.refusal import Fault, Invalid, Missing, Refusal
from stratum.workspaces import access, limits, plans
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer.models import LedgerEntry
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft

CUSTOM_FEATURE = "custom_autopilot_rules"
MOST_RULES = 100
EVERY = {"hourly": timedelta(hours=1), "daily": timedelta(days=1)}


@transaction.atomic
def create(*, workspace: Workspace, by: Actor, name: str, template: str, body: object, now: datetime) -> Rule:
    """Switched off until it was tested. Without a template it needs the feature of free conditions."""
    access.demand(by, "build")
    definition = _allowed(workspace, template, _parsed(body))
    if Rule.objects.filter(workspace=workspace, archived_at=None).count() >= MOST_RULES:
        raise Refusal("limit_reached", f"There are {MOST_RULES} rules already. Archive one first.")
    rule = Rule(workspace=workspace, template=template, created_by=by.user, created_at=now, updated_at=now)
    _name(rule, name)
    rule.definition = definition.to_json()
    _save(rule)
    _keep_version(rule, by, now)
    _tell(rule, by, f"{by.label} made the rule “{rule.name}”", "rule_created", now)
    return rule


@transaction.atomic
def change(
    *, workspace: Workspace, by: Actor, rule_id: UUID, now: datetime, name: str | None = None, body: object = None
) -> Rule:
    """A rule that says something new is a new version, and has to be tested again before it is switched on."""
    access.demand(by, "build")
    rule = queries.get(workspace, rule_id, lock=True)
    if name is not None:
        _name(rule, name)
    if body is not None:
        wanted = _allowed(workspace, rule.template, _parsed(body)).to_json()
        if wanted != rule.definition:
            rule.definition, rule.version = wanted, rule.version + 1
            rule.enabled, rule.next_run_at = False, None
            _keep_version(rule, by, now)
            _tell(rule, by, f"{by.label} changed the rule “{rule.name}” to version {rule.version}", "rule_changed", now)
    rule.updated_at = now
    _save(rule)
    return rule


def _parsed(body: object) -> Definition:
    if faults := list(problems.unstorable(body, "/definition")):
        raise Invalid(faults)
    return parse(body)


def _allowed(workspace: Workspace, template: str, definition: Definition) -> Definition:
    if template and template not in templates.TEMPLATES:
        raise Invalid([Fault("/template", f"Choose a template of {', '.join(templates.TEMPLATES)}.")])
    if not is_in_plan(workspace, template, definition):
        limits.require_feature(workspace, CUSTOM_FEATURE)
    for index, one in enumerate(definition.when):
        if one.segment:
            _segment(workspace, one.segment, index)
    return definition


def is_in_plan(workspace: Workspace, template: str, definition: Definition) -> bool:
    """Whether it keeps to a template, or the plan has conditions of one's own."""
    return templates.follows(definition, template) or CUSTOM_FEATURE in plans.of(workspace).features


def _segment(workspace: Workspace, segment: str, index: int) -> None:
    try:
        segments.get(workspace, UUID(segment))
    except (ValueError, Missing):
        fault = Fault(f"/definition/when/{index}/segment", "There is no such segment in this workspace.")
        raise Invalid([fault]) from None


def _name(rule: Rule, name: str) -> None:
    rule.name = name.strip()
    if not rule.name or len(rule.name) > 120:
        raise Invalid([Fault("/name", "Give the rule a name of at most 120 characters.")])
    if faults := list(problems.unstorable(rule.name, "/name")):
        raise Invalid(faults)


def _save(rule: Rule) -> None:
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError:
        raise Invalid([Fault("/name", f"There is a rule “{rule.name}” already.", "taken")]) from None


def _keep_version(rule: Rule, by: Actor, now: datetime) -> None:
    RuleVersion.objects.create(
        rule=rule,
        version=rule.version,
        name=rule.name,
        definition=rule.definition,
        created_by=by.user,
        created_at=now,
    )


@transaction.atomic
def switch(*, workspace: Workspace, by: Actor, rule_id: UUID, on: bool, now: datetime) -> Rule:
    """On only once this version was tested over history."""
    access.demand(by, "build")
    rule = queries.get(workspace, rule_id, lock=True)
    if on and rule.tested_version != rule.version:
        raise Refusal("not_tested", "Test this version over history first: Test (Dry-Run) shows whom it would touch.")
    if on:
        _allowed(workspace, rule.template, parse(rule.definition))
    if rule.enabled != on:
        rule.enabled, rule.next_run_at, rule.updated_at = on, now if on else None, now
        rule.save(update_fields=["enabled", "next_run_at", "updated_at"])
        word = "on" if on else "off"
        _tell(rule, by, f"{by.label} switched the rule “{rule.name}” {word}", f"rule_{word}", now)
    return rule


@transaction.atomic
def archive(*, workspace: Workspace, by: Actor, rule_id: UUID, now: datetime) -> Rule:
    access.demand(by, "build")
    rule = queries.get(workspace, rule_id, lock=True)
    rule.archived_at, rule.enabled, rule.next_run_at = now, False, None
    rule.save(update_fields=["archived_at", "enabled", "next_run_at"])
    _tell(rule, by, f"{by.label} archived the rule “{rule.name}”", "rule_archived", now)
    return rule


def _tell(rule: Rule, by: Actor, reason: str, code: str, now: datetime) -> None:
    evidence: dict[str, Any] = {"rule": str(rule.pk), "version": rule.version, "definition": rule.definition}
    draft = Draft(
        kind=LedgerEntry.Kind.SETTINGS, reason=reason, reason_code=code, action="rule", by=by, evidence=evidence
    )
    ledger.append(workspace=rule.workspace, drafts=[draft], now=now)
