"""Rules at work: whom they are about now, what they propose and why not; and what they would have done over history."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from autopilot.changes import Wish
from autopilot.models import Action, Rule, RuleEvaluation, RuleRun
from autopilot.queries import rules as queries
from autopilot.rules import evaluation
from autopilot.rules.definitions import Definition, parse
from autopilot.rules.evaluation import NAMES, Days, Found, Given
from autopilot.services.attempts import attempt
from autopilot.services.facts import as_seen, rule_conflicts
from autopilot.services.proposals import Asked, place
from autopilot.services.rules import EVERY, is_in_plan
from autopilot.services.stage import Stage
from autopilot.states import LIVE
from cdp.queries import segments
from cdp.queries.segment_members import size
from integrations.models import AdEntity
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Missing, Refusal
from stratum.workspaces import access, limits
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace
from trustlayer.queries import health
from trustlayer.services import policies

TASK = "autopilot.run_rule"
HISTORY_DAYS = 30
MOST_LISTED = 50
KEPT_RUNS = 200
Outcome = RuleEvaluation.Outcome

# Columns as bytes, which numpy reads as they are: half a million rows as Python objects would cost seconds.
COLUMNS = """
    SELECT string_agg(int8send(entity_id), ''), string_agg(int4send(day - %s::date), ''),
           string_agg(float8send(spend::float8), ''), string_agg(float8send(impressions::float8), ''),
           string_agg(float8send(clicks::float8), ''), string_agg(float8send(conversions::float8), ''),
           string_agg(float8send(revenue::float8), '')
    FROM integrations_adday WHERE entity_id = ANY(%s) AND day BETWEEN %s AND %s
"""
TYPES = (">i8", ">i4", *[">f8"] * len(NAMES))


@dataclass(frozen=True, slots=True)
class Field:
    """Entities in scope, with their days and what else the conditions look at."""

    entities: Sequence[AdEntity]
    days: Days
    given: Given


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick."""
    due = Rule.objects.filter(enabled=True, next_run_at__lte=now).select_for_update(skip_locked=True)
    claimed = []
    for rule in due:
        rule.next_run_at = now + EVERY[parse(rule.definition).every]
        rule.save(update_fields=["next_run_at"])
        claimed.append({"rule_id": str(rule.pk)})
    return claimed


def run_by_id(*, rule_id: str, now: datetime) -> None:
    """Nothing where the plan lacks such rules any more: it goes on with a larger plan."""
    for rule in Rule.objects.filter(pk=rule_id, enabled=True).select_related("workspace"):
        if is_in_plan(rule.workspace, rule.template, parse(rule.definition)):
            run(rule=rule, now=now)


def run(*, rule: Rule, now: datetime) -> RuleRun:
    """Look at everything in scope, propose where the conditions hold, and keep the last word on each entity."""
    began = time.perf_counter()
    stage = Stage(rule.workspace, now)
    definition = parse(rule.definition)
    field = _field(rule.workspace, definition, stage, now, definition.look_back)
    found = evaluation.evaluate(definition, field.days, field.given)
    met = np.flatnonzero(evaluation.all_met(found)) if field.entities else np.zeros(0, int)
    told = dict(_propose(rule, definition, field, found, met, stage))
    _keep(rule, field, found, told, now)
    proposed = sum(outcome == Outcome.PROPOSED for outcome, _ in told.values())
    Rule.objects.filter(pk=rule.pk).update(last_run_at=now)
    old = list(rule.runs.filter(is_dry_run=False).order_by("-at").values_list("pk", flat=True)[KEPT_RUNS:])
    RuleRun.objects.filter(pk__in=old).delete()
    return RuleRun.objects.create(
        workspace=rule.workspace,
        rule=rule,
        version=rule.version,
        at=now,
        by=SYSTEM.label,
        looked_at=len(field.entities),
        met=len(met),
        proposed=proposed,
        milliseconds=round((time.perf_counter() - began) * 1_000),
        problem=_problem(field, definition),
    )


def _problem(field: Field, definition: Definition) -> str:
    """A source that could not be read is named."""
    if not field.entities:
        return "No entity is in scope."
    if any(one.metric == "signal_health" for one in definition.when) and np.isnan(field.given.health).all():
        return "Signal health is not known."
    missing = [one.segment for one in definition.when if one.segment and one.segment not in field.given.sizes]
    return "A segment of the conditions is gone or not computed." if missing else ""


def _propose(
    rule: Rule, definition: Definition, field: Field, found: Sequence[Found], met: Any, stage: Stage
) -> Iterable[tuple[int, tuple[str, str]]]:
    """For each that meets the conditions its outcome; no more proposals than the guard rails let a run make."""
    waiting = _waiting([field.entities[row].pk for row in met], definition.field)
    left = stage.settings.rails.max_per_run
    for row in met.tolist():
        entity = field.entities[row]
        if entity.pk in waiting:
            yield row, (Outcome.WAITING, "An action on this field is open already.")
            continue
        if left <= 0:
            yield row, (Outcome.LIMITED, f"The run has proposed its {stage.settings.rails.max_per_run} already.")
            continue
        outcome, told = _ask(rule, definition, entity, evaluation.seen(found, row), stage)
        left -= outcome == Outcome.PROPOSED
        yield row, (outcome, told)


def _waiting(entities: Sequence[int], field: str) -> set[int]:
    live = Action.objects.filter(entity__in=entities, field=field, state__in=LIVE)
    return set(live.values_list("entity_id", flat=True))


def _ask(
    rule: Rule, definition: Definition, entity: AdEntity, evidence: Sequence[Mapping[str, Any]], stage: Stage
) -> tuple[str, str]:
    conflict = next(rule_conflicts(rule, entity, definition.field, definition.action), "")
    wish = Wish(definition.action, definition.value, definition.percent)
    try:
        asked = Asked(entity, wish, note=f"Rule “{rule.name}”", rule=rule, evidence=evidence)
        action = place(stage=stage, by=SYSTEM, asked=asked, live=as_seen(entity))
    except Refusal as refused:
        return Outcome.IMPOSSIBLE, refused.sentence
    if stage.settings.dry_run:
        attempt(action=action, stage=stage, dry_run=True)
    if conflict:
        return Outcome.CONFLICT, f"Proposed {action.said}, held: {conflict}."
    return Outcome.PROPOSED, f"Proposed {action.said}: {action.get_state_display().lower()}."


def _keep(rule: Rule, field: Field, found: Sequence[Found], told: Mapping[int, tuple[str, str]], now: datetime) -> None:
    rows = []
    for row, entity in enumerate(field.entities):
        outcome, sentence = told.get(row) or _unmet(found, row)
        rows.append(
            RuleEvaluation(
                rule=rule,
                entity=entity,
                version=rule.version,
                at=now,
                outcome=outcome,
                sentence=sentence[:400],
                values=evaluation.seen(found, row),
            )
        )
    RuleEvaluation.objects.bulk_create(
        rows,
        batch_size=1_000,
        update_conflicts=True,
        unique_fields=["rule", "entity"],
        update_fields=["version", "at", "outcome", "sentence", "values"],
    )


def _unmet(found: Sequence[Found], row: int) -> tuple[str, str]:
    missing, sentence = evaluation.why_not(found, row)
    return (Outcome.NO_DATA if missing else Outcome.NOT_MET), sentence


def _field(workspace: Workspace, definition: Definition, stage: Stage, now: datetime, days: int) -> Field:
    entities = list(queries.in_scope(workspace, definition.scope))
    health_now = _health(workspace, entities, definition, now)
    budgets = np.array([float(one.budget) if one.budget else np.nan for one in entities])
    matrix = Days(len(entities), days)
    _read(matrix, entities, days, stage)
    return Field(entities, matrix, Given(budgets, health_now, _sizes(workspace, definition)))


def _read(matrix: Days, entities: Sequence[AdEntity], days: int, stage: Stage) -> None:
    """An account's yesterday ends its days."""
    if not entities:
        return
    ids = np.array([one.pk for one in entities])  # in their order: the scope is read by it
    last = {one.account_id: stage.today(one.account) - timedelta(days=1) for one in entities}
    first, until = min(last.values()) - timedelta(days=days - 1), max(last.values())
    with raw_cursor() as cursor:
        cursor.execute(COLUMNS, [first, ids.tolist(), first, until], binary=True)
        told = cursor.fetchone()
    entity, day, *values = (np.frombuffer(of or b"", kind) for of, kind in zip(told or (), TYPES, strict=True))
    rows = np.searchsorted(ids, entity)
    ends = np.array([(last[one.account_id] - first).days for one in entities])
    columns = days - 1 - (ends[rows] - day)
    inside = (columns >= 0) & (columns < days)
    read = {name: column[inside].astype(float) for name, column in zip(NAMES, values, strict=True)}
    matrix.put(rows[inside], columns[inside], read)


def _health(workspace: Workspace, entities: Sequence[AdEntity], definition: Definition, now: datetime) -> Any:
    if not any(one.metric == "signal_health" for one in definition.when):
        return np.full(len(entities), np.nan)
    policy = policies.current(workspace)
    platforms = {one.account.platform for one in entities}
    known = {one: health.health_of(workspace, one, policy, now=now).score for one in platforms}
    return np.array([np.nan if (score := known[one.account.platform]) is None else score for one in entities], float)


def _sizes(workspace: Workspace, definition: Definition) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in definition.when:
        if one.segment and one.segment not in found:
            try:
                found[one.segment] = float(size(workspace, segments.get(workspace, UUID(one.segment))))
            except (Missing, ValueError):
                continue
    return found


def over_history(*, workspace: Workspace, by: Actor, rule_id: UUID, now: datetime) -> RuleRun:
    """Test (Dry-Run) of a rule: whom it would have touched on each of the last 30 days. Nothing is proposed."""
    access.demand(by, "build")
    limits.require_feature(workspace, "action_dry_run")
    began = time.perf_counter()
    rule = queries.get(workspace, rule_id)
    stage, definition = Stage(workspace, now), parse(rule.definition)
    field = _field(workspace, definition, stage, now, definition.look_back + HISTORY_DAYS)
    history = _history(definition, field, stage)
    made = RuleRun.objects.create(
        workspace=workspace,
        rule=rule,
        version=rule.version,
        at=now,
        by=by.label,
        is_dry_run=True,
        looked_at=len(field.entities),
        met=history["today"],
        proposed=history["total"],
        milliseconds=round((time.perf_counter() - began) * 1_000),
        problem=_problem(field, definition),
        history=history,
    )
    Rule.objects.filter(pk=rule.pk).update(tested_version=rule.version)
    return made


def _history(definition: Definition, field: Field, stage: Stage) -> dict[str, Any]:
    """Once proposed, an entity is left alone for its cooldown. Consequences of a change are not simulated."""
    if not field.entities:
        return {"days": [], "total": 0, "today": 0, "entities": [], "assumes": []}
    cooldown = -(-stage.settings.rails.cooldown_hours(definition.field) // 24)
    ready = np.zeros(len(field.entities), int)
    counts = np.zeros(len(field.entities), int)
    days = []
    for step in range(HISTORY_DAYS):
        back = HISTORY_DAYS - 1 - step
        met = evaluation.all_met(evaluation.evaluate(definition, field.days, field.given, back=back))
        fires = met & (ready <= step)
        ready[fires] = step + max(cooldown, 1)
        counts += fires
        days.append({"day": str(_day(stage, back)), "met": int(met.sum()), "proposed": int(fires.sum())})
    order = np.argsort(-counts, kind="stable")[:MOST_LISTED]
    listed = [(field.entities[row], int(counts[row])) for row in order if counts[row]]
    return {
        "days": days,
        "total": int(counts.sum()),
        "today": days[-1]["met"],
        "entities": [{"id": one.pk, "name": one.name, "times": times} for one, times in listed],
        "assumes": _assumes(definition),
    }


def _day(stage: Stage, back: int) -> date:
    return stage.now.astimezone(stage.zone).date() - timedelta(days=back)


def _assumes(definition: Definition) -> list[str]:
    told = ["What a change would have done to the days after it is not simulated."]
    metrics = {one.metric for one in definition.when}
    if "spend_pace" in metrics:
        told.append("Past budgets are not kept: the present ones are compared with.")
    if metrics & {"signal_health", "segment_size"}:
        told.append("Signal health and segment sizes are those of now.")
    return told
