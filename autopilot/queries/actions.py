"""The queue read: tabs with counts, filters, pages, one action with its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from autopilot.models import Action
from autopilot.states import State
from integrations.models import AdEntity
from stratum.lib.refusal import Missing
from stratum.workspaces.models import Workspace

TABS: Mapping[str, tuple[str, Q]] = {
    "waiting": ("Waiting", Q(state__in=[State.PENDING_REVIEW, State.PROPOSED]) & ~Q(waits_for="hold")),
    "held": ("Held", Q(state=State.PENDING_REVIEW, waits_for="hold")),
    "approved": ("Approved", Q(state__in=[State.APPROVED, State.EXECUTING, State.UNKNOWN])),
    "executed": ("Executed", Q(state__in=[State.SUCCEEDED, State.REVERTED])),
    "blocked": ("Blocked", Q(state=State.BLOCKED)),
    "closed": (
        "Closed",
        Q(
            state__in=[
                State.REJECTED,
                State.EXPIRED,
                State.CANCELLED,
                State.SUPERSEDED,
                State.FAILED,
                State.STALE,
            ]
        ),
    ),
}
FILTERS = ("tab", "state", "platform", "account", "action", "rule", "entity", "q")


@dataclass(frozen=True, slots=True)
class Queue:
    """`counts` by tab, of everything in the workspace."""

    tab: str
    rows: QuerySet[Action]
    counts: Mapping[str, int]


def get(workspace: Workspace, action_id: UUID) -> Action:
    """Raises Missing."""
    found = _joined(Action.objects.filter(workspace=workspace, pk=action_id)).first()
    if found is None:
        raise Missing("There is no action with that address in this workspace.")
    return found


def queue(workspace: Workspace, *, tab: str, filters: Mapping[str, str]) -> Queue:
    tab = tab if tab in TABS else "waiting"
    rows = find(workspace, {**filters, "tab": tab})
    return Queue(tab, rows, counts(workspace))


def counts(workspace: Workspace) -> dict[str, int]:
    """By tab: one pass over the states."""
    grouped = Action.objects.filter(workspace=workspace).values("state", "waits_for").annotate(n=Count("pk"))
    totals = dict.fromkeys(TABS, 0)
    for row in grouped:
        totals[tab_of(row["state"], row["waits_for"])] += row["n"]
    return totals


def tab_of(state: str, waits_for: str) -> str:
    if state in (State.PENDING_REVIEW, State.PROPOSED):
        return "held" if waits_for == "hold" else "waiting"
    if state in (State.APPROVED, State.EXECUTING, State.UNKNOWN):
        return "approved"
    if state in (State.SUCCEEDED, State.REVERTED):
        return "executed"
    return "blocked" if state == State.BLOCKED else "closed"


def find(workspace: Workspace, filters: Mapping[str, str]) -> QuerySet[Action]:
    """The newest first. Unknown names are left alone: surfaces refuse them."""
    rows = _joined(Action.objects.filter(workspace=workspace)).order_by("-created_at", "-pk")
    if tab := TABS.get(filters.get("tab", "")):
        rows = rows.filter(tab[1])
    exact = {
        "state": "state",
        "platform": "account__platform",
        "account": "account__external_id",
        "action": "kind",
        "entity": "entity__external_id",
    }
    for name, column in exact.items():
        if value := filters.get(name):
            rows = rows.filter(**{column: value})
    if rule := filters.get("rule"):
        rows = rows.filter(rule=_uuid(rule))
    if text := filters.get("q", "").strip():
        rows = rows.filter(Q(entity__name__icontains=text) | Q(note__icontains=text) | Q(proposed_by__icontains=text))
    return rows


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Missing("There is no rule with that address in this workspace.") from None


def _joined(rows: QuerySet[Action]) -> QuerySet[Action]:
    return rows.select_related(
        "account__connection", "entity", "rule", "workspace", "undoes__account", "undoes__entity"
    )


def waiting(workspace: Workspace) -> int:
    return Action.objects.filter(workspace=workspace, state=State.PENDING_REVIEW).count()


def entity_at(workspace: Workspace, reference: Mapping[str, str]) -> AdEntity:
    """By platform, kind and id as the platform names them. Raises Missing."""
    rows = AdEntity.objects.filter(workspace=workspace, account__chosen=True, external_id=reference.get("id", ""))
    for name, column in (("platform", "account__platform"), ("account", "account__external_id"), ("type", "kind")):
        if value := reference.get(name):
            rows = rows.filter(**{column: _kind(value) if name == "type" else value})
    found = list(rows.select_related("account__connection", "workspace")[:2])
    if not found:
        raise Missing("There is no such entity in the connected ad accounts. The next sync may bring it.")
    if len(found) > 1:
        raise Missing("Several entities have this id. Name platform, account and type too.")
    return found[0]


def _kind(value: str) -> str:
    """`Ad Set`, `ad_set`, `adset`."""
    return value.casefold().replace(" ", "").replace("_", "")


def entity(workspace: Workspace, entity_id: int) -> AdEntity:
    """Raises Missing."""
    rows = AdEntity.objects.filter(workspace=workspace, pk=entity_id, account__chosen=True)
    found = rows.select_related("account__connection", "workspace").first()
    if found is None:
        raise Missing("There is no such entity in the connected ad accounts of this workspace.")
    return found
