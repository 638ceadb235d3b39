"""What one profile did and was."""

import heapq
import json
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.beginnings import rows_of_spans, sought
from cdp.engine.columnar.snapshot import Snapshot
from cdp.engine.columnar.table import Table
from cdp.engine.timeline import AttributeValue, Position, TimelineEvent

FEW_NAMES = 8
Found = tuple[Position, Table, int]


def timeline(
    snapshot: Snapshot, profile: int, as_of: int, limit: int, before: Position | None
) -> tuple[TimelineEvent, ...]:
    owner = owner_of(snapshot, profile)
    found = heapq.nlargest(limit, events_of(snapshot, owner, as_of, before), key=lambda one: one[0])
    return tuple(table.event(row, owner) for _, table, row in found)


def owner_of(snapshot: Snapshot, profile: int) -> int:
    return int(snapshot.state.owner(np.array([profile]))[0])


def events_of(snapshot: Snapshot, owner: int, as_of: int, before: Position | None) -> Iterator[Found]:
    for table, rows in (*base_rows(snapshot, owner), *run_rows(snapshot, owner)):
        ts = table.ts[rows]
        rows = rows[(ts >= snapshot.floor) & (ts <= as_of)]
        keys = (table.ts[rows].tolist(), table.received[rows].tolist(), table.seq[rows].tolist())
        for row, position in zip(rows.tolist(), zip(*keys, strict=True), strict=True):
            if before is None or position < before:
                yield position, table, row


def base_rows(snapshot: Snapshot, owner: int) -> Iterator[tuple[Table, Ints]]:
    """Rows of the base that belong to the owner now; they are stored under whom they belonged to then."""
    members = snapshot.state.members(np.array([owner]))
    numbers = snapshot.profiles.find(np.unique(snapshot.base_state.owner(members)))
    numbers = np.sort(numbers[numbers >= 0])
    for table in snapshot.base if len(numbers) else ():
        rows = owned_rows(table, numbers)
        origin = snapshot.profiles.ids[table.origin[rows]]
        is_owned = snapshot.state.owner(origin) == owner
        yield table, rows[is_owned & snapshot.state.counts(table.seq[rows], origin)]


def owned_rows(table: Table, numbers: NDArray[np.int32]) -> Ints:
    """Inside each name rows are sorted by profile; with many names a look at every row is quicker."""
    if len(table.names) > FEW_NAMES:
        return np.flatnonzero(np.isin(table.profile, numbers))
    slices = [rows_of_spans(*sought(table.profile[a:b], numbers)) + a for a, b in pairwise(table.starts.tolist())]
    return np.concatenate(slices)


def run_rows(snapshot: Snapshot, owner: int) -> Iterator[tuple[Table, Ints]]:
    for run, (rows, owners) in zip(snapshot.runs, snapshot.live_run_rows, strict=True):
        yield run, rows[owners == owner]


def attributes(snapshot: Snapshot, profile: int) -> dict[str, tuple[AttributeValue, ...]]:
    """By name, oldest first; what a profile merged into this one was counts too."""
    members = snapshot.state.members(np.array([owner_of(snapshot, profile)]))
    members = np.setdiff1d(members, snapshot.state.forgotten)
    found: dict[str, list[AttributeValue]] = {}
    for history in snapshot.histories:
        for member in members.tolist():
            for name, ts, text in history.of(member):
                found.setdefault(name, []).append(AttributeValue(ts, json.loads(text)))
    return {name: tuple(sorted(found[name], key=lambda one: one.ts)) for name in sorted(found)}
