"""Pause all: every campaign in scope is paused at once, and neither the gate nor a guard rail keeps anybody from it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from autopilot.models import Action
from autopilot.queries.settings import standing
from autopilot.services import executor
from autopilot.services.facts import as_seen
from autopilot.services.moves import move, note
from autopilot.services.proposals import EXPIRES
from autopilot.services.settling import seen_json
from autopilot.states import LIVE, State
from integrations.models import AdAccount, AdEntity
from stratum.lib import jobs
from stratum.lib.refusal import Missing
from stratum.workspaces import access
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer.actions import PAUSE_ALL
from trustlayer.models import LedgerEntry
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft, Entity


@dataclass(frozen=True, slots=True)
class Paused:
    """`actions`: what was begun by this call. `already`: campaigns whose pause was on its way. With `simulated` they
    wait in the queue, because Dry-Run Mode keeps its word.
    """

    actions: list[Action]
    already: int
    simulated: bool


@transaction.atomic
def pause_all(*, workspace: Workspace, by: Actor, now: datetime, account: str = "") -> Paused:
    """Every active campaign of the chosen ad accounts, or of one of them (as its platform names it), as actions that
    are approved already. Raises Missing.
    """
    access.demand(by, "execute")
    scope = _scope(workspace, account)
    campaigns = _campaigns(workspace, scope)
    entry = _tell(workspace, by, now, scope, campaigns)
    simulated = standing(workspace).dry_run
    known = _known(workspace)
    begun = []
    for campaign in campaigns:
        action = known.get(campaign.pk) or _write(campaign, by, now, entry)
        if action.state == State.PROPOSED and simulated:
            sentence = "Dry-Run Mode is on: everything is simulated only"
            begun.append(_move(action, State.PENDING_REVIEW, sentence, by, now, entry, waits_for=Action.Waits.APPROVAL))
        elif action.state in (State.PROPOSED, State.PENDING_REVIEW) and not simulated:
            begun.append(_approve(action, by, now, entry))
    if begun and not simulated:
        jobs.after_commit(executor.TASK, workspace_id=workspace.pk)
    return Paused(begun, len(campaigns) - len(begun), simulated)


def _scope(workspace: Workspace, account: str) -> AdAccount | None:
    if not account:
        return None
    found = AdAccount.objects.filter(workspace=workspace, chosen=True, external_id=account).first()
    if found is None:
        raise Missing(f"There is no ad account {account[:64]} in this workspace.")
    return found


def _campaigns(workspace: Workspace, scope: AdAccount | None) -> list[AdEntity]:
    rows = AdEntity.objects.filter(workspace=workspace, account__chosen=True, kind="campaign", status="active")
    if scope is not None:
        rows = rows.filter(account=scope)
    return list(rows.select_related("account__connection", "workspace").order_by("account", "name", "pk"))


def _known(workspace: Workspace) -> dict[int, Action]:
    """By campaign: what this was pulled for before and is not over."""
    rows = Action.objects.filter(workspace=workspace, never_refused=True, state__in=LIVE)
    return {one.entity_id: one for one in rows.select_related("workspace", "account", "entity")}


def _tell(
    workspace: Workspace, by: Actor, now: datetime, scope: AdAccount | None, campaigns: list[AdEntity]
) -> LedgerEntry:
    """One decision for all of them."""
    where = f"of {scope.name}" if scope else "of every ad account"
    about = Entity("Account", scope.external_id, scope.name, scope.platform, scope.external_id) if scope else Entity()
    count = f"{len(campaigns):,} active {'campaign' if len(campaigns) == 1 else 'campaigns'}"
    draft = Draft(
        decision="PASS",
        kind=LedgerEntry.Kind.DECISION,
        reason=f"Pause all is never refused: {by.label} paused {count} {where}",
        reason_code="safety",
        action=PAUSE_ALL,
        entity=about,
        by=by,
        evidence={"campaigns": [one.external_id for one in campaigns]},
    )
    return ledger.append(workspace=workspace, drafts=[draft], now=now)[0]


def _write(campaign: AdEntity, by: Actor, now: datetime, entry: LedgerEntry) -> Action:
    action = Action.objects.create(
        workspace=campaign.workspace,
        account=campaign.account,
        entity=campaign,
        kind="pause_campaign",
        field="status",
        target="paused",
        expected_before=seen_json(as_seen(campaign), "status"),
        said="Pause",
        note="Pause all",
        never_refused=True,
        proposed_by=by.label,
        proposed_by_user=by.user,
        created_at=now,
        changed_at=now,
        expires_at=now + EXPIRES,
    )
    note(action, before="", by=by, now=now, sentence="Proposed: Pause.", entry=entry)
    return action


def _approve(action: Action, by: Actor, now: datetime, entry: LedgerEntry) -> Action:
    approved: dict[str, Any] = {"approved_by": by.label, "approved_by_user": by.user, "approved_at": now}
    # Nor is it held because the platform could not be asked beforehand.
    approved |= {"approved_despite": ["platform"], "waits_for": "", "try_at": now}
    return _move(action, State.APPROVED, f"{by.label} paused all campaigns.", by, now, entry, **approved)


def _move(
    action: Action, to: State, sentence: str, by: Actor, now: datetime, entry: LedgerEntry, **fields: Any
) -> Action:
    return move(action, to, by=by, now=now, sentence=sentence, code="pause_all", entry=entry, **fields)
