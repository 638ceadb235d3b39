"""The values of traits as every reader sees them: a page, the API, a breakdown, another trait's filter."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from cdp.definitions.traits import TraitDefinition, parse_stored
from cdp.engine.arrays import Ints
from cdp.engine.funnels import ByGroups
from cdp.models import Trait, TraitVersion
from cdp.queries import arrays
from cdp.traits.shown import shown
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace

GROUPS_KEPT = 16  # breakdowns by traits that a process remembers
TYPED = 50  # values of a trait that are looked at for their types


@dataclass(frozen=True, slots=True)
class Served:
    """A live trait by the version that serves. `stamp` is another one after every change of its values."""

    id: UUID
    name: str
    label: str
    version_id: int
    number: int
    definition: TraitDefinition
    is_system: bool
    as_of: datetime | None
    stamp: int

    def value(self, stored: Any, *, has_row: bool, now: datetime, zone: ZoneInfo) -> Any:
        """JSON. Who has no row has nothing counted, or does not satisfy the filter."""
        is_kept_out = not has_row and self.definition.profile_filter is not None
        return None if is_kept_out else shown(self.definition, stored, now=now, zone=zone)


@dataclass(frozen=True, slots=True)
class Value:
    """What a trait says of a profile. `changed_at` is None where nothing was counted yet."""

    trait: Served
    value: Any
    changed_at: datetime | None


def serving(workspace: Workspace, names: Iterable[str] | None = None) -> list[Served]:
    """The live traits, or those of them with these names, by name; one query."""
    return _found(_SERVING, workspace, [workspace.pk, None if names is None else sorted(names)])


def with_coming(workspace: Workspace) -> list[Served]:
    """The live traits and those whose first values are being computed, by name: what may be chosen for later."""
    return _found(_WITH_COMING, workspace, [workspace.pk])


def _found(query: str, workspace: Workspace, parameters: list[Any]) -> list[Served]:
    with raw_cursor() as cursor:
        cursor.execute(query, parameters, prepare=True)
        rows = cursor.fetchall()
    zone = workspace.time_zone
    return [
        Served(pk, name, label, version, number, _parsed(definition, zone, currency), is_system, as_of, stamp)
        for pk, name, label, version, number, definition, currency, is_system, as_of, stamp in rows
    ]


_SAID = "t.id, t.name, t.label, v.id, v.number, v.definition::text, v.currency, t.is_system, t.as_of, t.stamp"
_SERVING = f"""
SELECT {_SAID}
FROM cdp_trait t JOIN cdp_traitversion v ON v.trait_id = t.id AND v.number = t.version
WHERE t.workspace_id = %s AND t.deleted_at IS NULL AND t.status = '{Trait.Status.LIVE}'
    AND t.name = ANY (coalesce(%s::text[], ARRAY[t.name::text]))
ORDER BY t.name
"""
_WITH_COMING = f"""
SELECT {_SAID}
FROM cdp_trait t JOIN cdp_traitversion v ON v.trait_id = t.id AND v.number = coalesce(t.version, t.next_version)
WHERE t.workspace_id = %s AND t.deleted_at IS NULL
    AND t.status IN ('{Trait.Status.LIVE}', '{Trait.Status.PREPARING}', '{Trait.Status.COMPUTING}')
ORDER BY t.name
"""


def definition_of(version: TraitVersion, zone: str) -> TraitDefinition:
    """What the version computes. Versions never change, so that each is read once in a process."""
    return _parsed(json.dumps(version.definition, sort_keys=True), zone, version.currency)


@lru_cache(1_000)
def _parsed(definition: str, zone: str, currency: str) -> TraitDefinition:
    written = json.loads(definition)
    return parse_stored({**written, "currency": currency} if currency else written, ZoneInfo(zone))


def require(workspace: Workspace, name: str) -> Served:
    """Raises a Refusal that says what there is instead."""
    found = serving(workspace, [name])
    if not found:
        sentence = f"There is no live computed trait “{name}” in this workspace."
        raise Refusal("unknown_trait", sentence, status=422)
    return found[0]


def values_of(workspace: Workspace, profile_id: int, *, now: datetime) -> list[Value]:
    """Of one live profile, every trait by name."""
    traits = serving(workspace)
    zone = ZoneInfo(workspace.time_zone)
    rows = {version: rest for version, _, *rest in _rows(traits, [profile_id])}
    return [_value(trait, rows.get(trait.version_id), now, zone) for trait in traits]


def _value(trait: Served, row: Sequence[Any] | None, now: datetime, zone: ZoneInfo) -> Value:
    stored, changed_at = row or (None, None)
    return Value(trait, trait.value(stored, has_row=row is not None, now=now, zone=zone), changed_at)


def current(
    workspace: Workspace, profiles: Sequence[int], *, now: datetime, names: Iterable[str] | None = None
) -> dict[int, dict[str, Any]]:
    """The values of these live profiles by number and name; traits without a value for somebody are left out of his."""
    traits = serving(workspace, names)
    zone = ZoneInfo(workspace.time_zone)
    stored = {(version, profile): value for version, profile, value, _ in _rows(traits, profiles)}
    found: dict[int, dict[str, Any]] = {}
    for profile in profiles:
        told = (
            (trait.name, trait.value(stored.get(key), has_row=key in stored, now=now, zone=zone))
            for trait, key in ((trait, (trait.version_id, profile)) for trait in traits)
        )
        found[profile] = {name: value for name, value in told if value is not None}
    return found


def _rows(traits: Sequence[Served], profiles: Sequence[int]) -> list[tuple[Any, ...]]:
    """Probes the primary key once per version and profile."""
    if not traits or not profiles:
        return []
    with raw_cursor() as cursor:
        cursor.execute(_ROWS, [[trait.version_id for trait in traits], list(profiles)], prepare=True)
        return [(version, profile, text and json.loads(text), at) for version, profile, text, at in cursor.fetchall()]


_ROWS = """
SELECT version_id, profile_id, value::text, changed_at FROM cdp_traitvalue
WHERE version_id = ANY (%s::bigint[]) AND profile_id = ANY (%s::bigint[])
"""


def value_types(versions: Iterable[int]) -> dict[int, set[str]]:
    """By version, the JSON types of some of its values: what other systems' fields have to hold."""
    with raw_cursor() as cursor:
        cursor.execute(_VALUE_TYPES, [list(versions), TYPED])
        return {version: set(types) for version, types in cursor.fetchall()}


_VALUE_TYPES = """
SELECT asked.version, array_agg(DISTINCT jsonb_typeof(found.value)) FROM unnest(%s::bigint[]) AS asked(version)
CROSS JOIN LATERAL (
    SELECT value FROM cdp_traitvalue WHERE version_id = asked.version AND value IS NOT NULL LIMIT %s
) found GROUP BY 1
"""


# Everybody's


def groups(workspace: Workspace, name: str, *, now: datetime) -> ByGroups:
    """The values that are stored, for a breakdown: who is not named has nothing counted. Kept until they change. Raises
    Refusal."""
    trait = require(workspace, name)
    key = (
        trait.version_id,
        trait.stamp,
        workspace.time_zone,
        f"{now:%Y%m%d%H}",
    )  # days since something grow by the hour
    if key not in _kept:
        while len(_kept) >= GROUPS_KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = _groups(trait, ZoneInfo(workspace.time_zone), now)
    return _kept[key]


_kept: dict[tuple[object, ...], ByGroups] = {}


def _groups(trait: Served, zone: ZoneInfo, now: datetime) -> ByGroups:
    profile, texts = stored(trait.version_id)
    labels = {
        text: trait.value(None if text is None else json.loads(text), has_row=True, now=now, zone=zone)
        for text in set(texts)
    }
    return ByGroups(profile, [labels[text] for text in texts])


def stored(version_id: int) -> tuple[Ints, list[str | None]]:
    """Ascending profiles, and the JSON text that is stored for each."""
    with raw_cursor() as cursor:
        cursor.execute(_STORED, [version_id], binary=True)
        sent, texts = cursor.fetchone() or (None, None)
    return arrays.received(sent), texts or []


_STORED = """
SELECT array_send(array_agg(profile_id ORDER BY profile_id)), array_agg(value::text ORDER BY profile_id)
FROM cdp_traitvalue WHERE version_id = %s
"""


def profiles_with_rows(version_id: int) -> Ints:
    with raw_cursor() as cursor:
        cursor.execute(_WITH_ROWS, [version_id], binary=True)
        return np.sort(arrays.received((cursor.fetchone() or (None,))[0]))


_WITH_ROWS = "SELECT array_send(array_agg(profile_id)) FROM cdp_traitvalue WHERE version_id = %s"
