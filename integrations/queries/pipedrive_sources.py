"""What Stratum has to offer a CRM about a profile: own fields, attributes and computed traits, each with its kind."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cdp.definitions.traits import TraitDefinition
from cdp.engine.events import TIMESTAMP
from cdp.queries import profiles, served_traits
from cdp.queries.served_traits import Served
from cdp.queries.trait_currencies import NO_MONEY
from integrations.pipedrive.fields import ATTRIBUTES, OWN, TRAITS, Kind, label_of
from stratum.workspaces.models import Workspace

GROUPS = {"own": "Profile", "trait": "Computed traits", "attribute": "Attributes"}
OF_JSON: dict[str, Kind] = {"number": "number", "boolean": "flag", "array": "list", "object": "text", "string": "text"}
NAMED_APART = frozenset({"email", "phone", "first_name", "last_name"})  # own fields, not attributes


@dataclass(frozen=True, slots=True)
class Source:
    """`group` is a key of GROUPS."""

    local: str
    label: str
    kind: Kind
    group: str


def sources(workspace: Workspace) -> list[Source]:
    """Everything that can be mapped now, own fields first."""
    return [*_own(), *_traits(workspace), *_attributes(workspace)]


def by_name(workspace: Workspace) -> dict[str, Source]:
    return {source.local: source for source in sources(workspace)}


def kinds(workspace: Workspace, names: Iterable[str]) -> dict[str, Kind]:
    """Of these fields; groups in which none of them is are not looked at."""
    asked = set(names)
    groups = [_own()]
    if any(name.startswith(TRAITS) for name in asked):
        groups.append(_traits(workspace))
    if any(name.startswith(ATTRIBUTES) for name in asked):
        groups.append(_attributes(workspace))
    return {source.local: source.kind for group in groups for source in group if source.local in asked}


def _own() -> Iterator[Source]:
    for local, (label, kind) in OWN.items():
        yield Source(local, label, kind, "own")


def _traits(workspace: Workspace) -> Iterator[Source]:
    """Also those whose first values are being computed: mapped now, they are told once they serve."""
    found = served_traits.with_coming(workspace)
    open_kinds = [trait.version_id for trait in found if _settled_kind(trait.definition) is None]
    types = served_traits.value_types(open_kinds) if open_kinds else {}
    for trait in found:
        yield Source(TRAITS + trait.name, trait.label or trait.name, kind_of(trait, types), "trait")


def kind_of(trait: Served, types: dict[int, set[str]]) -> Kind:
    """By its definition; where that leaves it open, by the values it has."""
    return _settled_kind(trait.definition) or _of_types(types.get(trait.version_id, set()))


def _settled_kind(definition: TraitDefinition) -> Kind | None:
    if definition.calculation is not None or definition.kind in ("ratio", "unique_count"):
        return "number"
    if definition.kind == "unique_list":
        return "list"
    if definition.property_name == TIMESTAMP and definition.fn != "count":
        return "date"
    if definition.kind == "aggregation":
        is_money = definition.is_money and definition.property_name not in NO_MONEY
        return "money" if is_money else "number"
    return None


def _of_types(types: set[str]) -> Kind:
    """Several types in one place can only be written as text."""
    return OF_JSON.get(next(iter(types)), "text") if len(types) == 1 else "text"


def _attributes(workspace: Workspace) -> Iterator[Source]:
    for name, types in profiles.attribute_types(workspace).items():
        if name not in NAMED_APART:
            local = ATTRIBUTES + name
            yield Source(local, label_of(local), _of_types(types - {"null"}), "attribute")
