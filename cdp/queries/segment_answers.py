"""The leaves of segment conditions answered: by the engine, by what the truth says of profiles, by other segments."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import ge, gt, le, lt
from typing import Any
from uuid import UUID

import numpy as np

from cdp.definitions.conditions import (
    Condition,
    Held,
    InSegment,
    Leaf,
    OfEvents,
    ProfileCondition,
    StaticList,
    profile_refs,
)
from cdp.definitions.profile_filters import PREFIXES
from cdp.engine.arrays import Ints, Mask
from cdp.engine.base import Engine
from cdp.engine.predicates import OfProfile, Predicate, Test, holds, look_up
from cdp.engine.sets import is_in
from cdp.engine.timeline import AttributeValue
from cdp.queries import arrays, segments
from cdp.queries.fast_conditions import FastConditions
from cdp.queries.rfm import Standing, TraitValues
from cdp.queries.segment_members import members_among, members_of
from cdp.queries.survivors import survivors
from cdp.queries.trait_filters import ValuesOf, documents_of, let_through
from cdp.queries.traits import zone_of
from cdp.queries.universe import Universe, universe
from cdp.segments.evaluation import asked, decide
from cdp.segments.questions import question
from stratum.lib import clock
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

COMPARE = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
ATTRIBUTES = PREFIXES[0]


def answers(
    workspace: Workspace,
    engine: Engine,
    conditions: Sequence[Condition],
    those: Universe,
    *,
    now: datetime,
    is_everybody: bool,
    values: ValuesOf | None = None,
    standing: Standing | None = None,
) -> dict[Leaf, Mask]:
    """Each leaf once, over the universe. Where that is not everybody, the cost grows with it and not with what is
    stored. `values` of traits are those that serve now, and the `standing` of RFM is that of now, if nothing else is
    given."""
    found: dict[Leaf, Mask] = {}
    of_profiles: list[ProfileCondition | Held] = []
    as_of, zone = clock.to_micros(now), zone_of(workspace)
    fast = FastConditions(workspace, engine, those, as_of, standing) if is_everybody and values is None else None
    values = values or TraitValues(workspace, engine, now, standing)
    known = _beside_events(workspace, engine, asked(conditions), those.profile, as_of, values, fast)
    for leaf in asked(conditions):
        match leaf:
            case ProfileCondition() | Held():
                of_profiles.append(leaf)
            case StaticList(ids=ids):
                keys = survivors(workspace, np.array(ids, np.int64))
                found[leaf] = is_in(those.profile, keys)
            case InSegment(segment=key):
                segment = segments.get(workspace, key)
                among = members_of if is_everybody else partial(members_among, keys=those.profile)
                found[leaf] = is_in(those.profile, among(workspace, segment))
            case _:
                only = None if is_everybody else those.profile
                asked_for = question(_of_events(leaf), as_of, zone, known)
                members = engine.members(asked_for, as_of, only)
                found[leaf] = is_in(those.profile, members.profile) != members.is_complement
    if fast is not None:
        found |= _of_columns(fast, of_profiles)
    rest = [leaf for leaf in of_profiles if leaf not in found]
    return found | _of_profiles(workspace, engine, rest, those.profile, now, values)


def members(
    workspace: Workspace,
    engine: Engine,
    condition: Condition,
    *,
    include_anonymous: bool,
    now: datetime,
    profiles: Ints | None = None,
) -> Ints:
    """Who satisfies the condition now, ascending; of everybody or of these."""
    those = universe(workspace, profiles)
    found = answers(workspace, engine, [condition], those, now=now, is_everybody=profiles is None)
    mask = decide(condition, found, len(those.profile)) & those.counted(include_anonymous)
    chosen: Ints = those.profile[mask]
    return chosen


def _of_events(leaf: Leaf) -> OfEvents:
    assert isinstance(leaf, OfEvents)
    return leaf


def _of_columns(fast: FastConditions, leaves: Sequence[ProfileCondition | Held]) -> dict[Leaf, Mask]:
    found: dict[Leaf, Mask] = {}
    for leaf in leaves:
        mask = fast.mask(leaf) if isinstance(leaf, ProfileCondition) else None
        if mask is not None:
            found[leaf] = mask
    return found


def _beside_events(
    workspace: Workspace,
    engine: Engine,
    leaves: Sequence[Leaf],
    profiles: Ints,
    as_of: int,
    values: ValuesOf,
    fast: FastConditions | None,
) -> dict[str, OfProfile]:
    """The fields of profiles that events are compared with: from columns, else from one reading of the profiles."""
    wanted = {field for leaf in leaves for field in profile_refs(leaf)}
    told = {field: fast.of_field(field) for field in wanted} if fast else {}
    found = {field: known for field, known in told.items() if known is not None}
    rest = sorted(wanted - found.keys())
    if rest:
        labels: dict[str, list[Any]] = {field: [] for field in rest}
        for documents in documents_of(workspace, engine, set(rest), as_of, profiles, values):
            for field in rest:
                labels[field] += [look_up(document, field) for document in documents.values()]
        places = np.arange(len(profiles))
        found |= {field: OfProfile(profiles, places, labels[field]) for field in rest}
    return found


def _of_profiles(
    workspace: Workspace,
    engine: Engine,
    leaves: Sequence[ProfileCondition | Held],
    profiles: Ints,
    now: datetime,
    values: ValuesOf,
) -> dict[Leaf, Mask]:
    """All of them over one reading of the profiles."""
    as_of = clock.to_micros(now)
    filters: list[Predicate] = [leaf.test if isinstance(leaf, Held) else leaf.predicate for leaf in leaves]
    passing = let_through(workspace, engine, filters, as_of=as_of, profiles=profiles, values=values)
    found: dict[Leaf, Mask] = {}
    for leaf, keys in zip(leaves, passing, strict=True):
        assert keys is not None
        if isinstance(leaf, Held):
            keys = held(workspace, engine, leaf, keys, as_of)
        found[leaf] = is_in(profiles, keys)
    return found


def held(workspace: Workspace, engine: Engine, leaf: Held, satisfying: Ints, as_of: int) -> Ints:
    """Those of whose attribute the value has satisfied the test for as long as the leaf says."""
    born = _born(workspace, satisfying)
    is_long = COMPARE[leaf.op]
    kept = [
        key
        for key in satisfying.tolist()
        if is_long(as_of - held_since(leaf.test, engine.attributes(key), born[key], as_of), leaf.duration)
    ]
    return np.array(kept, np.int64)


def held_since(test: Test, history: Mapping[str, Sequence[AttributeValue]], born: int, as_of: int) -> int:
    """When the test began to hold for good. Before its first value an attribute is missing, from the profile's birth
    on; a repeat of what satisfies restarts nothing."""
    path = test.property.removeprefix(ATTRIBUTES)
    name = path if path in history or "." not in path else path.split(".", 1)[0]
    since: int | None = born if holds(test, {}, as_of) else None
    for value in history.get(name, ()):
        if value.ts > as_of:
            break
        if not holds(test, {"attributes": {name: value.value}}, as_of):
            since = None
        elif since is None:
            since = value.ts
    return as_of if since is None else since


def _born(workspace: Workspace, keys: Ints) -> dict[int, int]:
    with raw_cursor() as cursor:
        cursor.execute(_BORN, [arrays.literal(keys), workspace.pk])
        return {key: clock.to_micros(at) for key, at in cursor.fetchall()}


_BORN = "SELECT id, created_at FROM cdp_profile WHERE id = ANY (%s::bigint[]) AND workspace_id = %s"


def named_segments(conditions: Iterable[Condition]) -> set[UUID]:
    return {leaf.segment for leaf in asked(list(conditions)) if isinstance(leaf, InSegment)}
