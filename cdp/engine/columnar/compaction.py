"""Folding runs, merges, voids, erasures and retention into a new base, while others go on reading and writing."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import write_arrays
from cdp.engine.columnar.attributes import join_histories, save_history
from cdp.engine.columnar.claims import swap_manifest
from cdp.engine.columnar.files import NewFiles, new_files, require_sound
from cdp.engine.columnar.locks import COMPACTION_LOCK, WRITER_LOCK, locked
from cdp.engine.columnar.manifest import Manifest, Named
from cdp.engine.columnar.snapshot import Profiles, Snapshot
from cdp.engine.columnar.state import save_state
from cdp.engine.columnar.states import read_manifest
from cdp.engine.columnar.table import Part, Table, join_tables, save
from cdp.engine.errors import EngineBusy

# Names with fewer rows share a table, so that thousands of names do not need thousands of files.
OWN_TABLE_ROWS = 4_096
LOCK_SECONDS = 10.0
BASE = "base-"

log = logging.getLogger(__name__)


def compact(folder: Path) -> bool:
    """False when another compaction is at work, the folder changed in a way that makes this one useless, or there is
    no room. Raises EngineDamaged when what is to be written again was altered."""
    try:
        with locked(folder, COMPACTION_LOCK, timeout=0), new_files(folder) as files:
            frozen = freeze(folder)
            snapshot = Snapshot(folder, frozen)
            return not is_worthwhile(snapshot) or put_in_place(files, frozen, new_base(files, snapshot))
    except EngineBusy:
        return False
    except OSError as error:
        log.warning("The engine in %s cannot be compacted: %s", folder, error.strerror or error)
        return False


def freeze(folder: Path) -> Manifest:
    """Ask writers to leave the present runs as they are."""
    with locked(folder, WRITER_LOCK, LOCK_SECONDS):
        manifest = read_manifest(folder)
        names = tuple(run.file for run in (*manifest.runs, *manifest.attribute_runs))
        if names == manifest.frozen:
            return manifest
        return swap_manifest(folder, replace(manifest, frozen=names))


def is_worthwhile(snapshot: Snapshot) -> bool:
    manifest = snapshot.manifest
    changed = manifest.runs or manifest.attribute_runs or manifest.state != manifest.base_state
    return bool(changed) or any(has_purged_rows(table, snapshot.floor) for table in snapshot.base)


def has_purged_rows(table: Table, floor: int) -> bool:
    return bool(len(table)) and bool(table.ts.min() < floor)


def put_in_place(files: NewFiles, frozen: Manifest, base: Manifest) -> bool:
    """Swap the base if it still stands for what it was made of; what came since stays as runs and state."""
    with locked(files.folder, WRITER_LOCK, LOCK_SECONDS):
        now = read_manifest(files.folder)
        if not goes_on_from(frozen, now):
            files.discard()
            return False
        swap_manifest(files.folder, on_top_of(base, frozen, now))
        return True


def goes_on_from(frozen: Manifest, now: Manifest) -> bool:
    """Whether nothing but new runs and another state came since."""
    return frozen == replace(
        frozen,
        profiles=now.profiles,
        tables=now.tables,
        base_state=now.base_state,
        base_attributes=now.base_attributes,
        runs=now.runs[: len(frozen.runs)],
        attribute_runs=now.attribute_runs[: len(frozen.attribute_runs)],
    )


def on_top_of(base: Manifest, frozen: Manifest, now: Manifest) -> Manifest:
    return replace(
        now,
        profiles=base.profiles,
        tables=base.tables,
        base_state=base.base_state,
        base_attributes=base.base_attributes,
        runs=now.runs[len(frozen.runs) :],
        attribute_runs=now.attribute_runs[len(frozen.attribute_runs) :],
        state=base.base_state if now.state == frozen.state else now.state,
        frozen=(),
    )


def new_base(files: NewFiles, snapshot: Snapshot) -> Manifest:
    profiles = extended(snapshot)
    own = own_names(snapshot)
    shared_names = frozenset(all_names(snapshot)) - own
    groups = [frozenset([name]) for name in sorted(own)] + ([shared_names] if shared_names else [])
    require_sound(files.folder, (one for one in snapshot.manifest.files if one not in snapshot.manifest.tables))
    return Manifest(
        profiles=write_profiles(files, snapshot, profiles),
        tables=tuple(named for names in groups if (named := base_table(files, snapshot, profiles, names))),
        base_state=write_base_state(files, snapshot),
        base_attributes=write_attributes(files, snapshot),
    )


def all_names(snapshot: Snapshot) -> set[str]:
    return {name for table in (*snapshot.base, *snapshot.runs) for name in table.names}


def own_names(snapshot: Snapshot) -> frozenset[str]:
    rows: dict[str, int] = {}
    for table in (*snapshot.base, *snapshot.runs):
        for name, count in zip(table.names, np.diff(table.starts).tolist(), strict=True):
            rows[name] = rows.get(name, 0) + count
    return frozenset(name for name, count in rows.items() if count >= OWN_TABLE_ROWS)


def extended(snapshot: Snapshot) -> Profiles:
    """The base's profiles with the new ones behind them, so that unchanged tables stay good."""
    seen = [run.origin for run in snapshot.runs]
    ids = np.unique(np.concatenate([*seen, *(snapshot.state.owner(one) for one in seen), snapshot.state.roots]))
    fresh = ids[snapshot.profiles.find(ids) < 0]
    every = np.concatenate([snapshot.profiles.ids, fresh])
    order = np.argsort(every)
    return Profiles(every, every[order], order.astype(np.int32))


def write_profiles(files: NewFiles, snapshot: Snapshot, profiles: Profiles) -> Named | None:
    if len(profiles.ids) == len(snapshot.profiles.ids):
        return snapshot.manifest.profiles
    arrays = {"ids": profiles.ids, "ordered": profiles.ordered, "numbers": profiles.numbers}
    return files.write(f"{BASE}profiles-", len(profiles.ids), lambda path: write_arrays(path, arrays, {}))


def write_base_state(files: NewFiles, snapshot: Snapshot) -> Named | None:
    """In a file of its own: the next change of the state removes the one that it replaces."""
    if snapshot.manifest.state == snapshot.manifest.base_state:
        return snapshot.manifest.base_state
    return files.write(f"{BASE}state-", 0, lambda path: save_state(path, snapshot.state))


def write_attributes(files: NewFiles, snapshot: Snapshot) -> Named | None:
    if not snapshot.histories:
        return None
    history = join_histories(snapshot.histories, snapshot.state.forgotten)
    return files.write(f"{BASE}attributes-", len(history), lambda path: save_history(path, history))


def base_table(files: NewFiles, snapshot: Snapshot, profiles: Profiles, names: frozenset[str]) -> Named | None:
    """The file of these names: the old one when nothing in it changed, None when no row is left."""
    parts = list(table_parts(snapshot, profiles, names))
    if len(parts) == 1 and (unchanged := unchanged_file(snapshot, parts[0])):
        return unchanged
    if not any(part.keep.any() for part in parts):
        return None
    require_sound(files.folder, stored_tables(snapshot, parts))
    table = join_tables(parts)
    return files.write(f"{BASE}table-", len(table), lambda path: save(path, table))


def unchanged_file(snapshot: Snapshot, part: Part) -> Named | None:
    if not part.keep.all() or not np.array_equal(part.profile, part.table.profile):
        return None
    return next(stored_tables(snapshot, [part]), None)


def stored_tables(snapshot: Snapshot, parts: Sequence[Part]) -> Iterator[Named]:
    """The files of the base tables among the parts."""
    asked = [part.table for part in parts]
    for table, named in zip(snapshot.base, snapshot.manifest.tables, strict=True):
        if any(table is one for one in asked):
            yield named


def table_parts(snapshot: Snapshot, profiles: Profiles, names: frozenset[str]) -> Iterator[Part]:
    for table in snapshot.base:
        if names & set(table.names):
            keep = rows_named(table, names) & (table.ts >= snapshot.floor)
            yield Part(
                table, keep & base_counts(snapshot, table), present_owners(snapshot, profiles, table), table.origin
            )
    for run in snapshot.runs:
        if names & set(run.names):
            keep = rows_named(run, names) & (run.ts >= snapshot.floor) & snapshot.state.counts(run.seq, run.origin)
            owner = profiles.find(snapshot.state.owner(run.origin))
            yield Part(run, keep, owner, profiles.find(run.origin))


def rows_named(table: Table, names: frozenset[str]) -> NDArray[np.bool_]:
    wanted = np.array([name in names for name in table.names])
    return np.repeat(wanted, np.diff(table.starts))


def base_counts(snapshot: Snapshot, table: Table) -> NDArray[np.bool_]:
    """Only what was voided or erased since the base was made can be in it."""
    state, old = snapshot.state, snapshot.base_state
    voided = np.setdiff1d(state.retracted[state.retracted_from >= 0], old.retracted)
    erased = numbers_of(snapshot, np.setdiff1d(state.forgotten, old.forgotten))
    keep = np.ones(len(table), np.bool_)
    if len(voided):
        keep &= ~np.isin(table.seq, voided)
    if len(erased):
        keep &= ~np.isin(table.origin, erased)
    return keep


def numbers_of(snapshot: Snapshot, ids: Ints) -> NDArray[np.int32]:
    numbers = snapshot.profiles.find(ids)
    return numbers[numbers >= 0]


def present_owners(snapshot: Snapshot, profiles: Profiles, table: Table) -> NDArray[np.int32]:
    """Per row of a base table the dense number of its owner, changed where links changed."""
    state = snapshot.state
    numbers = numbers_of(snapshot, state.moved_since(snapshot.base_state))
    if not len(numbers):
        return table.profile
    rows = np.flatnonzero(np.isin(table.origin, numbers))
    owner = table.profile.copy()
    owner[rows] = profiles.find(state.owner(snapshot.profiles.ids[table.origin[rows]]))
    return owner
