"""Whom the profile filters of traits let through: decided on what the truth says of each profile now."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from cdp.definitions.profile_filters import PREFIXES, fields_of
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.events import ANY_EVENT, TIMESTAMP, Events
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Not, Predicate, Test, holds
from cdp.queries import arrays
from cdp.queries.profiles import PURCHASE, lifecycle_stage
from stratum.lib import clock
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

AT_ONCE = 20_000  # profiles whose facts are in memory
STAGE, SEEN = "lifecycle_stage", "last_seen_at"
ATTRIBUTES, TRAITS = PREFIXES
ABOUT_EVENTS = {STAGE, SEEN}
BY_TIME = {"within_last", "within_next", "older_than", "later_than"}

Document = dict[str, Any]
ValuesOf = Callable[[set[str], Ints], dict[int, dict[str, Any]]]  # of the traits of these names, by profile


def turns_by_itself(predicate: Predicate) -> bool:
    """Whether it may come true or cease to be true with no event and no attribute: with time alone."""
    match predicate:
        case AllOf(children) | AnyOf(children):
            return any(map(turns_by_itself, children))
        case Not(child):
            return turns_by_itself(child)
        case AnyItem(_, where):
            return turns_by_itself(where)
        case Test(name, op):
            return name == STAGE or op in BY_TIME


def let_through(
    workspace: Workspace,
    engine: Engine,
    filters: Sequence[Predicate | None],
    *,
    as_of: int,
    profiles: Ints | None = None,
    values: ValuesOf,
) -> list[Ints | None]:
    """Per filter the ascending profiles, of these or of all, that satisfy it; None where there is no filter."""
    asked = [one for one in filters if one is not None]
    if not asked:
        return [None] * len(filters)
    wanted = {field for one in asked for field in fields_of(one)}
    found: list[list[int]] = [[] for _ in filters]
    for documents in documents_of(workspace, engine, wanted, as_of, profiles, values):
        for one, passing in zip(filters, found, strict=True):
            if one is not None:
                passing += [key for key, document in documents.items() if holds(one, document, as_of)]
    return [None if one is None else np.array(passing, np.int64) for one, passing in zip(filters, found, strict=True)]


def documents_of(
    workspace: Workspace, engine: Engine, wanted: set[str], as_of: int, profiles: Ints | None, values: ValuesOf
) -> Iterator[dict[int, Document]]:
    """What is asked about the live profiles, by number, ascending, so many at a time."""
    traits = {name.removeprefix(TRAITS) for name in wanted if name.startswith(TRAITS)}
    for rows in _rows(workspace, profiles):
        keys = np.array([row[0] for row in rows], np.int64)
        documents = {row[0]: _document(*row) for row in rows}
        if wanted & ABOUT_EVENTS:
            _add_events(workspace, engine, documents, keys, as_of)
        if traits:
            for key, those in values(traits, keys).items():
                documents[key]["traits"] = those
        yield documents


def _rows(workspace: Workspace, profiles: Ints | None) -> Iterator[list[tuple[Any, ...]]]:
    if profiles is not None:
        for start in range(0, len(profiles), AT_ONCE):
            with raw_cursor() as cursor:
                cursor.execute(_THESE, [arrays.literal(profiles[start : start + AT_ONCE]), workspace.pk])
                yield cursor.fetchall()
        return
    after = -1
    while True:
        with raw_cursor() as cursor:
            cursor.execute(_ALL, [workspace.pk, after, AT_ONCE])
            rows = cursor.fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield rows


def _document(
    key: int, told: str, user_id: str | None, created_at: str, email: str | None, phone: str | None
) -> Document:
    attributes = orjson.loads(told)
    return {
        "id": str(key),
        "attributes": attributes,
        "user_id": user_id,
        "created_at": created_at,
        "email": email,
        "phone": phone,
        "first_name": attributes.get("first_name"),
        "last_name": attributes.get("last_name"),
    }


def _add_events(workspace: Workspace, engine: Engine, documents: dict[int, Document], keys: Ints, as_of: int) -> None:
    specs = [AggregateSpec(Events((name,)), "max", TIMESTAMP) for name in (ANY_EVENT, PURCHASE)]
    seen, bought = (
        dict(zip(one.profile.tolist(), one.value.tolist(), strict=True))
        for one in engine.aggregates(specs, as_of, keys)
    )
    now = clock.from_micros(as_of)
    for key, document in documents.items():
        last = bought.get(key)
        document[SEEN] = clock.from_micros(seen[key]).isoformat() if key in seen else None
        document[STAGE] = lifecycle_stage(
            known=any(document[kind] for kind in ("user_id", "email", "phone")),
            last_purchase_at=None if last is None else clock.from_micros(last),
            now=now,
            churn_days=workspace.churn_days,
        )


_COLUMNS = """
SELECT p.id, p.attributes::text, p.user_id, to_char(p.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    (SELECT value FROM cdp_identifier i WHERE i.profile_id = p.id AND i.kind = 'email'
        ORDER BY i.created_at, i.id LIMIT 1),
    (SELECT value FROM cdp_identifier i WHERE i.profile_id = p.id AND i.kind = 'phone'
        ORDER BY i.created_at, i.id LIMIT 1)
FROM cdp_profile p WHERE p.merged_into IS NULL AND p.erased_at IS NULL"""
_THESE = f"{_COLUMNS} AND p.id = ANY (%s::bigint[]) AND p.workspace_id = %s ORDER BY p.id"
_ALL = f"{_COLUMNS} AND p.workspace_id = %s AND p.id > %s ORDER BY p.id LIMIT %s"
