"""Changes of the autopilot's settings, each told in the book; emergency stop and its end."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from autopilot import rails
from autopilot.models import Action, AutopilotSettings
from autopilot.queries.settings import Standing, standing
from autopilot.rails import LEVELS, Rails
from autopilot.services.moves import move
from autopilot.states import State
from integrations.models import AdAccount
from stratum.lib import problems
from stratum.lib.refusal import Fault, Invalid, Missing, Refusal
from stratum.workspaces import access
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer.models import LedgerEntry
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft

FIELDS = ("dry_run", "level", "guard_rails", "accounts")


def change(*, workspace: Workspace, by: Actor, body: object, now: datetime) -> Standing:
    """What `body` names, the rest stays. `accounts` maps an account's own id to the rails that differ there, or to null
    to take them back. Raises Invalid, Missing.
    """
    access.demand(by, "connect")
    if not isinstance(body, Mapping):
        raise Invalid([Fault("", "Send the settings as an object.")])
    faults = [*problems.unknown_fields(body, FIELDS), *problems.unstorable(body)]
    if faults:
        raise Invalid(faults)
    with transaction.atomic():
        row = _row(workspace, now)
        before = _told(workspace)
        _apply(row, body)
        _apply_accounts(workspace, body.get("accounts", {}), row, by, now)
        if _differs(row, workspace, before):
            _write(row, by, now)
            _tell(workspace, by, before, now)
    return standing(workspace)


def _row(workspace: Workspace, now: datetime) -> AutopilotSettings:
    AutopilotSettings.objects.bulk_create(
        [AutopilotSettings(workspace=workspace, rails=Rails().to_json(), updated_at=now)], ignore_conflicts=True
    )
    return AutopilotSettings.objects.select_for_update().get(workspace=workspace, account=None)


def _apply(row: AutopilotSettings, body: Mapping[str, Any]) -> None:
    faults = []
    if "dry_run" in body:
        if isinstance(body["dry_run"], bool):
            row.dry_run = body["dry_run"]
        else:
            faults.append(Fault("/dry_run", "Give true or false."))
    if "level" in body:
        if isinstance(body["level"], str) and body["level"] in LEVELS:
            row.level = body["level"]
        else:
            faults.append(Fault("/level", f"Choose one of {', '.join(LEVELS)}."))
    if "guard_rails" in body:
        try:
            base = rails.read(row.rails)
            row.rails = rails.parse(body["guard_rails"], base=base, pointer="/guard_rails").to_json()
        except Invalid as refused:
            faults += refused.faults
    if faults:
        raise Invalid(faults)


def _apply_accounts(workspace: Workspace, given: object, row: AutopilotSettings, by: Actor, now: datetime) -> None:
    if not isinstance(given, Mapping):
        raise Invalid([Fault("/accounts", "Send accounts as an object: an account's id, and its own guard rails.")])
    for external_id, own in given.items():
        account = AdAccount.objects.filter(workspace=workspace, external_id=str(external_id)).first()
        if account is None:
            raise Missing(f"There is no ad account {external_id} in this workspace.")
        known = {"rails": dict(own) if isinstance(own, Mapping) else {}, "updated_by": by.user, "updated_at": now}
        if own is not None:
            rails.parse(own, base=rails.read(row.rails), pointer=f"/accounts/{external_id}")
        AutopilotSettings.objects.update_or_create(workspace=workspace, account=account, defaults=known)


def _told(workspace: Workspace) -> dict[str, Any]:
    rows = AutopilotSettings.objects.filter(workspace=workspace).select_related("account")
    found: dict[str, Any] = {}
    for row in rows:
        if row.account is None:
            found |= {"dry_run": row.dry_run, "level": row.level, "guard_rails": row.rails}
        elif row.rails:
            found[f"account {row.account.external_id}"] = row.rails
    return found


def _differs(row: AutopilotSettings, workspace: Workspace, before: Mapping[str, Any]) -> bool:
    after = {**_told(workspace), "dry_run": row.dry_run, "level": row.level, "guard_rails": row.rails}
    return after != before


def _write(row: AutopilotSettings, by: Actor, now: datetime) -> None:
    row.version += 1
    row.updated_by, row.updated_at = by.user, now
    row.save()


def _tell(workspace: Workspace, by: Actor, before: Mapping[str, Any], now: datetime) -> None:
    after = _told(workspace)
    names = sorted({*before, *after})
    changed = {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in names
        if before.get(name) != after.get(name)
    }
    reason = f"{by.label} changed the autopilot's settings: {', '.join(changed)}"
    draft = Draft(
        kind=LedgerEntry.Kind.SETTINGS,
        reason=reason,
        reason_code="settings_changed",
        action="autopilot_settings",
        by=by,
        evidence={"changed": changed},
    )
    ledger.append(workspace=workspace, drafts=[draft], now=now)


def stop(*, workspace: Workspace, by: Actor, now: datetime) -> int:
    """Emergency stop, never refused by the gate: nothing is executed any more, what was approved is cancelled. How many
    actions that were; writes that are on their way are read back.
    """
    access.demand(by, "execute")
    with transaction.atomic():
        row = _row(workspace, now)
        row.stopped_at, row.stopped_by = row.stopped_at or now, row.stopped_by or by.label
        _write(row, by, now)
        _tell_stop(workspace, by, now, on=True)
    approved = Action.objects.filter(workspace=workspace, state=State.APPROVED)
    cancelled = 0
    for action in approved.select_related("workspace", "account", "entity"):
        sentence = f"{by.label} pulled the emergency stop."
        try:
            move(action, State.CANCELLED, by=by, now=now, sentence=sentence, code="stopped", try_at=None)
            cancelled += 1
        except Refusal:
            continue  # a worker claimed it in this very moment; what it did is read back
    return cancelled


def resume(*, workspace: Workspace, by: Actor, now: datetime) -> None:
    access.demand(by, "execute")
    with transaction.atomic():
        row = _row(workspace, now)
        if row.stopped_at is None:
            return
        row.stopped_at, row.stopped_by = None, ""
        _write(row, by, now)
        _tell_stop(workspace, by, now, on=False)


def _tell_stop(workspace: Workspace, by: Actor, now: datetime, *, on: bool) -> None:
    pulled, lifted = "Emergency stop is never refused: {} pulled it", "{} lifted the emergency stop"
    draft = Draft(
        decision="PASS" if on else "",
        kind=LedgerEntry.Kind.DECISION if on else LedgerEntry.Kind.SETTINGS,
        reason=(pulled if on else lifted).format(by.label),
        reason_code="safety" if on else "resumed",
        action="emergency_stop",
        by=by,
    )
    ledger.append(workspace=workspace, drafts=[draft], now=now)
