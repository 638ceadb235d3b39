"""Rules read: the list, one with its last words, whom it is about, who gets in its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from autopilot.models import Rule, RuleEvaluation, RuleRun
from autopilot.rules import definitions
from autopilot.rules.definitions import Definition, Scope, parse
from integrations.models import AdAccount, AdEntity
from stratum.lib.refusal import Missing
from stratum.workspaces.models import Workspace
from trustlayer.actions import ACTIONS


@dataclass(frozen=True, slots=True)
class Card:
    """A rule with its definition read, its sentence and its last run. `conflicts`: enabled rules in its way."""

    rule: Rule
    definition: Definition
    sentence: str
    last: RuleRun | None
    open_actions: int
    conflicts: int


def names(workspace: Workspace) -> list[tuple[str, str]]:
    """Id and name of every rule that there is."""
    rows = Rule.objects.filter(workspace=workspace, archived_at=None).order_by("name").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]


def get(workspace: Workspace, rule_id: UUID, *, lock: bool = False) -> Rule:
    """Raises Missing."""
    rows = Rule.objects.filter(workspace=workspace, pk=rule_id, archived_at=None)
    found = (rows.select_for_update(of=("self",)) if lock else rows).select_related("workspace", "created_by").first()
    if found is None:
        raise Missing("There is no rule with that address in this workspace.")
    return found


def find(workspace: Workspace) -> QuerySet[Rule]:
    return Rule.objects.filter(workspace=workspace, archived_at=None).select_related("created_by")


def cards(rules: Sequence[Rule]) -> list[Card]:
    live = Q(actions__state__in=["pending_review", "approved", "executing", "unknown", "blocked"])
    counted = Rule.objects.filter(pk__in=[rule.pk for rule in rules]).annotate(n=Count("actions", filter=live))
    open_actions = dict(counted.values_list("pk", "n"))
    read = {rule.pk: parse(rule.definition) for rule in rules}
    last = {run.rule_id: run for run in _runs(rules).order_by("rule", "-at", "-pk").distinct("rule")}
    return [
        _card(
            rule, last.get(rule.pk), open_actions.get(rule.pk, 0), sum(_collide(rule, other, read) for other in rules)
        )
        for rule in rules
    ]


def _collide(rule: Rule, other: Rule, read: Mapping[UUID, Definition]) -> bool:
    return other.enabled and other.pk != rule.pk and bool(definitions.collide(read[rule.pk], read[other.pk]))


def card(rule: Rule) -> Card:
    return _card(rule, _runs([rule]).order_by("-at", "-pk").first())


def _runs(rules: Sequence[Rule]) -> QuerySet[RuleRun]:
    return RuleRun.objects.filter(rule__in=rules, is_dry_run=False)


def _card(rule: Rule, last: RuleRun | None, open_actions: int = 0, conflicts: int = 0) -> Card:
    definition = parse(rule.definition)
    return Card(rule, definition, definitions.sentence(definition), last, open_actions, conflicts)


def in_scope(workspace: Workspace, scope: Scope) -> QuerySet[AdEntity]:
    rows = AdEntity.objects.filter(workspace=workspace, account__chosen=True, kind=scope.kind)
    if scope.status:
        rows = rows.filter(status=scope.status)
    if scope.platforms:
        rows = rows.filter(account__platform__in=scope.platforms)
    if scope.accounts:
        rows = rows.filter(account__external_id__in=scope.accounts)
    if scope.name_contains:
        rows = rows.filter(name__icontains=scope.name_contains)
    return rows.exclude(status="removed").select_related("account__connection", "workspace").order_by("pk")


def evaluations(rule: Rule) -> QuerySet[RuleEvaluation]:
    """What it proposed first, then what it would have, then why not."""
    return rule.evaluations.select_related("entity").order_by("-at", "-outcome", "entity__name", "pk")


def currencies_of(workspace: Workspace) -> int:
    """How many the accounts that rules may be about have."""
    chosen = AdAccount.objects.filter(workspace=workspace, chosen=True)
    return chosen.values("currency").distinct().count()


def currencies(rule: Rule) -> str:
    """What to know where a rule's amounts mean something else in every account; else nothing."""
    definition = parse(rule.definition)
    if definition.value is None and not any(one.of.unit == "money" for one in definition.when):
        return ""
    accounts = AdAccount.objects.filter(entities__in=in_scope(rule.workspace, definition.scope)).distinct()
    found: dict[str, list[str]] = {}
    for name, currency in accounts.order_by("name", "pk").values_list("name", "currency"):
        found.setdefault(currency, []).append(name)
    if len(found) < 2:
        return ""
    told = ", ".join(f"{currency} in {' and '.join(names)}" for currency, names in sorted(found.items()))
    return f"Its amounts mean {told}. Limit its scope to accounts of one currency."


def enabled(workspace_id: int) -> list[Rule]:
    return list(Rule.objects.filter(workspace=workspace_id, archived_at=None, enabled=True))


def conflicts(rule: Rule, running: Sequence[Rule] | None = None) -> list[str]:
    """Other rules whose scope meets this one's and that write the same field. `running`: the enabled ones, if known."""
    mine = parse(rule.definition)
    others = [other for other in (enabled(rule.workspace_id) if running is None else running) if other.pk != rule.pk]
    found = ((other, definitions.collide(mine, parse(other.definition))) for other in others)
    return [
        f"“{other.name}” {how} ({ACTIONS[other.definition['then']['action']].label.lower()})."
        for other, how in found
        if how
    ]
