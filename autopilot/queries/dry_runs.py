"""Tests read: one, a filtered history, and how well they predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from autopilot import scoring
from autopilot.models import DryRun
from autopilot.scoring import Scored, Scores
from stratum.lib.refusal import Missing
from stratum.workspaces.models import Workspace

FILTERS = ("verdict", "rule", "platform", "action", "outcome", "q")
OUTCOMES: Mapping[str, tuple[str, Q]] = {
    "executed": ("Executed", Q(executed=True)),
    "not_executed": ("Not executed", Q(executed=False)),
    "resolved": ("Predicted vs. actual known", Q(actual_14__isnull=False)),
    "open": ("Waiting for its days", Q(actual_14=None, unresolvable="")),
}

FAILING = """
    SELECT rule_id, label, count(*) FROM autopilot_dryrun, jsonb_array_elements_text(failed_checks) AS label
    WHERE workspace_id = %s GROUP BY rule_id, label ORDER BY count(*) DESC LIMIT 100
"""


@dataclass(frozen=True, slots=True)
class Failing:
    """How often a check failed in tests of a rule's actions (or of those nobody's rule proposed)."""

    rule: str
    check: str
    failed: int
    tests: int


def get(workspace: Workspace, dry_run_id: UUID) -> DryRun:
    """Raises Missing."""
    rows = DryRun.objects.filter(workspace=workspace, pk=dry_run_id)
    found = rows.select_related("action__account", "action__entity", "action__rule", "entity", "rule").first()
    if found is None:
        raise Missing("There is no dry-run with that address in this workspace.")
    return found


def find(workspace: Workspace, filters: Mapping[str, str]) -> QuerySet[DryRun]:
    """The newest first."""
    together = ("action__account", "action__entity", "entity", "rule")
    rows = DryRun.objects.filter(workspace=workspace).select_related(*together)
    for name, column in (("verdict", "verdict"), ("platform", "action__account__platform"), ("action", "action__kind")):
        if value := filters.get(name):
            rows = rows.filter(**{column: value})
    if rule := filters.get("rule"):
        rows = rows.filter(rule=_uuid(rule))
    if outcome := OUTCOMES.get(filters.get("outcome", "")):
        rows = rows.filter(outcome[1])
    if text := filters.get("q", "").strip():
        rows = rows.filter(Q(entity__name__icontains=text) | Q(by__icontains=text))
    return rows.order_by("-at", "-pk")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Missing("There is no rule with that address in this workspace.") from None


def scores(workspace: Workspace) -> list[Scores]:
    """By method version and by whether the change was made; of executed actions the newest test counts, once."""
    resolved = DryRun.objects.filter(workspace=workspace, actual_14__isnull=False).defer("result")
    return scoring.by_version([scored for one in resolved.iterator() if (scored := _scored(one))])


def _scored(one: DryRun) -> Scored | None:
    """What was not executed checks the noise alone."""
    low, high = (one.observed_low, one.observed_high) if one.executed else (one.noise_low, one.noise_high)
    actual = one.actual_14 if one.actual_28 is None else one.actual_28
    if low is None or high is None or actual is None:
        return None
    return Scored(one.method_version or 0, one.executed, low, high, actual)


def failing(workspace: Workspace) -> list[Failing]:
    """Most often first."""
    tests = _tests_by_rule(workspace)
    names = {rule: name for rule, (name, _) in tests.items()}
    with connection.cursor() as cursor:
        cursor.execute(FAILING, [workspace.pk])
        rows: Sequence[tuple[UUID | None, str, int]] = cursor.fetchall()
    return [Failing(names.get(rule, ""), label, count, tests[rule][1]) for rule, label, count in rows if rule in tests]


def _tests_by_rule(workspace: Workspace) -> dict[UUID | None, tuple[str, int]]:
    found: dict[UUID | None, tuple[str, int]] = {}
    for rule, name in DryRun.objects.filter(workspace=workspace).values_list("rule", "rule__name"):
        known = found.get(rule, (name or "No rule: proposed by hand", 0))
        found[rule] = known[0], known[1] + 1
    return found
