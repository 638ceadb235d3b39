"""Computed traits read: the list, one with its versions and users, and the values of profiles."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from cdp.definitions.traits import TraitDefinition, parse_stored
from cdp.models import Trait, TraitVersion
from stratum.lib.refusal import Missing
from stratum.workspaces import registry
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Dependent

NAME_OF_KIND = "trait"  # in the registry of dependents
REFERENCE = "traits."  # how a condition names one
UNCOUNTED = (Trait.Status.DRAFT, Trait.Status.DISABLED)
UNDER_WAY = (Trait.Status.PREPARING, Trait.Status.COMPUTING)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """`uses`: the traits its filter asks. `used_by`: everything that asks for it."""

    uses: tuple[Trait, ...]
    used_by: tuple[Dependent, ...]


@dataclass(frozen=True, slots=True)
class TraitCard:
    """A line of the list."""

    trait: Trait
    used_by: int


def listed(workspace: Workspace, *, search: str = "", status: str = "") -> QuerySet[Trait]:
    """Traits whose name or label contains `search`; the team's before the ready-made, each by name."""
    found = _all(workspace)
    if search:
        found = found.filter(Q(name__icontains=search) | Q(label__icontains=search))
    if status:
        found = found.filter(status=status)
    return found.order_by("is_system", "name")


def cards(workspace: Workspace, traits: Iterable[Trait]) -> list[TraitCard]:
    shown = list(traits)
    users = used_by_each(workspace, shown)
    return [TraitCard(trait, len(users[trait.name])) for trait in shown]


def get(workspace: Workspace, trait_id: UUID) -> Trait:
    """Raises Missing, also for a deleted one."""
    found = _all(workspace).filter(pk=trait_id).first()
    if found is None:
        raise Missing("There is no computed trait with that address in this workspace.")
    return found


def named(workspace: Workspace, name: str) -> Trait | None:
    return _all(workspace).filter(name=name).first()


def _all(workspace: Workspace) -> QuerySet[Trait]:
    return workspace.traits.select_related("created_by", "job").filter(deleted_at=None)


def counted(workspace: Workspace) -> int:
    """What the plan limits: those that are active."""
    return workspace.traits.filter(deleted_at=None, is_system=False).exclude(status__in=UNCOUNTED).count()


def versions(trait: Trait) -> QuerySet[TraitVersion]:
    """Newest first."""
    return trait.versions.select_related("created_by").order_by("-number")


def version(trait: Trait, number: int) -> TraitVersion:
    found = versions(trait).filter(number=number).first()
    if found is None:
        raise Missing(f"The trait has no version {number}.")
    return found


def tag(trait: Trait) -> str:
    """Changes whenever the trait's definition or status does: its ETag."""
    return f'"{trait.version or 0}-{trait.updated_at:%Y%m%d%H%M%S%f}-{trait.status}"'


def zone_of(workspace: Workspace) -> ZoneInfo:
    return ZoneInfo(workspace.time_zone)


def definition_of(trait: Trait, workspace: Workspace) -> TraitDefinition:
    return parse_stored(trait.definition, zone_of(workspace))


# Who uses whom


def newest_definitions(traits: Sequence[Trait]) -> dict[UUID, dict[str, Any]]:
    """What was saved last, by trait: it may still be computed while an older version serves."""
    coming = {trait.pk: trait.next_version for trait in traits if trait.next_version is not None}
    rows = TraitVersion.objects.filter(trait__in=coming).values_list("trait_id", "number", "definition")
    found = {trait: definition for trait, number, definition in rows if number == coming[trait]} if coming else {}
    return {trait.pk: found.get(trait.pk, trait.definition) for trait in traits}


def used_by(workspace: Workspace, trait: Trait) -> list[Dependent]:
    return registry.dependents(workspace, NAME_OF_KIND, trait.name)


def used_by_each(workspace: Workspace, traits: Iterable[Trait]) -> dict[str, list[Dependent]]:
    """By name."""
    return registry.dependents_of_each(workspace, NAME_OF_KIND, [trait.name for trait in traits])


def dependencies(workspace: Workspace, trait: Trait) -> Dependencies:
    uses = _all(workspace).filter(name__in=names_in(trait.definition)).order_by("name")
    return Dependencies(tuple(uses), tuple(used_by(workspace, trait)))


def traits_naming(workspace: Workspace, names: frozenset[str]) -> Iterator[tuple[str, Dependent]]:
    """Traits whose filter asks for a trait of these names."""
    for trait in _all(workspace).order_by("name"):
        for name in names & names_in(trait.definition):
            address = f"/dashboard/cdp/computed-traits/{trait.pk}"
            yield name, Dependent("Computed trait", trait.label or trait.name, address)


def names_in(condition: object) -> set[str]:
    """The traits that a condition names anywhere, as field or as what it is compared with."""
    if isinstance(condition, Mapping):
        own = {
            value.removeprefix(REFERENCE)
            for key, value in condition.items()
            if key in ("field", "ref") and isinstance(value, str) and value.startswith(REFERENCE)
        }
        return own.union(*(names_in(value) for value in condition.values()))
    if isinstance(condition, list):
        return set().union(*map(names_in, condition))
    return set()


def path_back(workspace: Workspace, name: str, uses: Iterable[str]) -> list[str] | None:
    """`[a, b, a]` when `a` comes to depend on itself by using these."""
    graph = {trait.name: sorted(names_in(trait.definition)) for trait in workspace.traits.filter(deleted_at=None)}
    graph[name] = sorted(uses)
    return _walk(graph, name, (name,), set())


def _walk(graph: Mapping[str, Sequence[str]], goal: str, path: tuple[str, ...], seen: set[str]) -> list[str] | None:
    for following in graph.get(path[-1], ()):
        if following == goal:
            return [*path, goal]
        if following not in seen:
            seen.add(following)
            if found := _walk(graph, goal, (*path, following), seen):
                return found
    return None
