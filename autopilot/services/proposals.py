"""New actions: proposed by people, programs and rules, judged at once, and put where they belong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from autopilot import changes
from autopilot.changes import Absurd, Wish
from autopilot.models import Action, Rule
from autopilot.services import dry_runs
from autopilot.services.examination import Weighed, glance, reason_of, weigh
from autopilot.services.facts import Subject, value_of
from autopilot.services.moves import move, note
from autopilot.services.settling import seen_json
from autopilot.services.stage import Stage
from autopilot.states import UNDECIDED, State
from autopilot.verdicts import Verdict
from integrations.base import Entity
from integrations.models import AdEntity
from stratum.lib import jobs, problems
from stratum.lib.http import Failure, Gone
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.workspaces import access
from stratum.workspaces.access import Actor

EXPIRES = timedelta(hours=72)
BIDS_EXPIRE = timedelta(hours=24)
LONGEST_NOTE = 1_000
EXECUTE = "autopilot.execute"


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposal before it is judged. `undoes`: the action whose change it takes back."""

    entity: AdEntity
    wish: Wish
    note: str = ""
    rule: Rule | None = None
    evidence: Sequence[Mapping[str, Any]] = ()
    undoes: Action | None = None


def propose(*, stage: Stage, by: Actor, asked: Asked) -> Action:
    """By a person or a program: from what is live on the platform now. Raises Invalid, Refusal."""
    access.demand(by, "build")
    if len(asked.note) > LONGEST_NOTE:
        raise Invalid([Fault("/note", f"Write at most {LONGEST_NOTE:,} characters.")])
    if faults := list(problems.unstorable(asked.note, "/note")):
        raise Invalid(faults)
    return place(stage=stage, by=by, asked=asked, live=live_of(asked.entity, stage))


def live_of(entity: AdEntity, stage: Stage) -> Entity:
    """Raises Refusal with the platform's own words."""
    kind: Any = entity.kind
    account = entity.account
    try:
        return stage.platform(account).read(account.external_id, kind, entity.external_id)
    except Gone as gone:
        sentence = f"{entity.get_kind_display()} “{entity.name}” is not on the platform any more. {gone.sentence}"
        raise Refusal("entity_gone", sentence) from gone
    except Failure as failure:
        sentence = f"The platform could not be read, so nothing was proposed. {failure.sentence}"
        raise Refusal("platform_unavailable", sentence, status=503) from failure


def place(*, stage: Stage, by: Actor, asked: Asked, live: Entity) -> Action:
    """Judge it and write it down. Raises Invalid for a wish that makes no sense here."""
    subject = _subject(asked, live)
    seen = glance(subject, live, stage)
    with transaction.atomic():
        action = _write(subject, asked, live, stage, by)
        for old in _superseded(asked, subject.aim.field).exclude(pk=action.pk):
            sentence = "A newer proposal for the same field took its place."
            move(
                old, State.SUPERSEDED, by=by, now=stage.now, sentence=sentence, code="superseded", superseded_by=action
            )
        weighed = weigh(seen, stage=stage, by=by, dry_run=False, action=action)
        dry_runs.remember(action, weighed)
        note(action, before="", by=by, now=stage.now, sentence=f"Proposed: {action.said}.", entry=weighed.entry)
        _put(action, weighed, stage, by)
        return action


def _subject(asked: Asked, live: Entity) -> Subject:
    entity, account, wish = asked.entity, asked.entity.account, asked.wish
    wanted = changes.entity_kind_of(wish.action)
    if wanted and wanted != entity.kind:
        what = changes.KIND_WORDS[entity.kind].lower()
        raise Invalid([Fault("/action", f"“{wish.action}” is for a {wanted}, and this is a {what}.")])
    if live.status == "removed":
        raise Invalid([Fault("/entity_ref", "This was removed on the platform; nothing of it can be changed.")])
    try:
        aim = changes.aim(wish, value_of(live, changes.field_of(wish.action)), account.currency)
    except Absurd as absurd:
        raise Invalid([Fault(absurd.pointer, absurd.sentence)]) from absurd
    old = tuple(_superseded(asked, aim.field).values_list("pk", flat=True))
    return Subject(wish.action, account, entity, aim, None, asked.rule, asked.undoes, old)


def _superseded(asked: Asked, field: str) -> Any:
    """What is stale on that field, and what the same rule proposed and nobody has decided."""
    same = Action.objects.filter(entity=asked.entity, field=field).select_related("account", "entity", "workspace")
    stale = same.filter(state=State.STALE)
    if asked.rule is None:
        return stale
    return stale | same.filter(rule=asked.rule, state__in=UNDECIDED)


def _write(subject: Subject, asked: Asked, live: Entity, stage: Stage, by: Actor) -> Action:
    field = subject.aim.field
    return Action.objects.create(
        workspace=stage.workspace,
        account=subject.account,
        entity=subject.entity,
        kind=subject.kind,
        field=field,
        target=changes.to_json(subject.aim.after),
        expected_before=seen_json(live, field),
        said=subject.aim.said,
        note=asked.note,
        evidence=list(asked.evidence),
        rule=asked.rule,
        rule_version=asked.rule.version if asked.rule else None,
        proposed_by=asked.rule.name if asked.rule else by.label,
        proposed_by_user=by.user,
        created_at=stage.now,
        changed_at=stage.now,
        expires_at=stage.now + (BIDS_EXPIRE if field == "bid" else EXPIRES),
        undoes=asked.undoes,
    )


def _put(action: Action, weighed: Weighed, stage: Stage, by: Actor) -> None:
    """From proposed to where it belongs: the gate first, then guard rails, then the level."""
    outcome = weighed.outcome
    told: dict[str, Any] = {"by": by, "now": stage.now, "entry": weighed.entry, "code": "judged"}
    if outcome.verdict is Verdict.BLOCK:
        move(action, State.BLOCKED, sentence="; ".join(outcome.reasons), **told)
    elif _may_go_alone(outcome.verdict, stage):
        told |= {"approved_by": "Stratum", "approved_at": stage.now, "try_at": stage.now}
        move(action, State.APPROVED, sentence=f"Approved by itself: {reason_of(weighed.entry)}.", **told)
        jobs.after_commit(EXECUTE, action_id=str(action.pk))
    else:
        held = weighed.entry.decision == "HOLD"
        waits = Action.Waits.HOLD if held else Action.Waits.APPROVAL
        move(action, State.PENDING_REVIEW, sentence=_why_it_waits(weighed, stage), waits_for=waits, **told)


def _may_go_alone(verdict: Verdict, stage: Stage) -> bool:
    settings = stage.settings
    return verdict is Verdict.EXECUTE and settings.level == "guarded" and not settings.dry_run and not settings.stopped


def _why_it_waits(weighed: Weighed, stage: Stage) -> str:
    if weighed.outcome.verdict is Verdict.HOLD:
        return "; ".join(weighed.outcome.reasons)
    if stage.settings.dry_run:
        return "Dry-Run Mode is on: everything is simulated only"
    level = "only suggests" if stage.settings.level == "suggest" else "asks for approval"
    return f"Every check passed; the autopilot {level}"
