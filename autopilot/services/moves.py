"""The only way an action changes its state: a conditional update, its line of history, its entry in the book."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from autopilot import changes
from autopilot.models import Action, ActionMove
from autopilot.states import LABELS, State, may_move
from integrations.models import AdAccount, AdEntity
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import Actor
from trustlayer.models import LedgerEntry
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft, Entity

TOLD_FULLY = 600


class MovedOn(Refusal):
    """Somebody else was quicker, or the table of states does not know this move."""

    def __init__(self, action: Action, to: str) -> None:
        now = LABELS[State(action.state)].lower()
        super().__init__(
            "state_changed", f"This action is {now} meanwhile, so it cannot become {LABELS[State(to)].lower()}."
        )


@transaction.atomic
def move(
    action: Action,
    to: State,
    *,
    by: Actor,
    now: datetime,
    sentence: str,
    code: str,
    entry: LedgerEntry | None = None,
    evidence: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Action:
    """`entry`: a decision of the gate that tells of this move already. Raises MovedOn. `fields` are set with it."""
    before = action.state
    if not may_move(before, to):
        raise MovedOn(action, to)
    entry = entry or tell(action, by=by, now=now, sentence=sentence, code=code, evidence=evidence, to=to, **fields)
    written = {"state": to, "changed_at": now, "why": sentence[:TOLD_FULLY], **fields}
    if not Action.objects.filter(pk=action.pk, state=before).update(**written):
        action.refresh_from_db(fields=["state"])
        raise MovedOn(action, to)
    for name, value in written.items():
        setattr(action, name, value)
    note(action, before=before, by=by, now=now, sentence=sentence, entry=entry)
    return action


def note(
    action: Action, *, before: str, by: Actor, now: datetime, sentence: str, entry: LedgerEntry | None
) -> ActionMove:
    return ActionMove.objects.create(
        action=action,
        at=now,
        before=before,
        after=action.state,
        by=by.label,
        sentence=sentence[:TOLD_FULLY],
        entry_id=entry.pk if entry else None,
    )


def tell(
    action: Action,
    *,
    by: Actor,
    now: datetime,
    sentence: str,
    code: str,
    to: str,
    evidence: Mapping[str, Any] | None = None,
    **fields: Any,
) -> LedgerEntry:
    """An entry of the book about what became of the action."""
    draft = Draft(
        kind=LedgerEntry.Kind.ACTION,
        reason=sentence,
        reason_code=code,
        action=action.kind,
        entity=entity_of(action.account, action.entity),
        change=action.said,
        by=by,
        action_id=str(action.pk),
        request_id=fields.get("request_id") or "",
        evidence={
            "change_detail": change_detail(action),
            "from": action.state,
            "to": str(to),
            **(evidence or {}),
        },
    )
    return ledger.append(workspace=action.workspace, drafts=[draft], now=now)[0]


def entity_of(account: AdAccount, entity: AdEntity) -> Entity:
    return Entity(
        changes.KIND_WORDS[entity.kind], entity.external_id, entity.name, account.platform, account.external_id
    )


def change_detail(action: Action) -> dict[str, Any]:
    return {
        "field": action.field,
        "before": action.expected_before.get("value"),
        "after": action.target,
        "currency": action.account.currency if action.field != "status" else None,
    }
