"""Changing the engine's state: everything is gathered, then written, then made true by one rename."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.base import Cursor
from cdp.engine.batches import AttributeBatch, EventBatch
from cdp.engine.columnar.arrow import ArrayFile
from cdp.engine.columnar.attributes import History, from_attributes, join_histories, load_history, save_history
from cdp.engine.columnar.claims import swap_manifest
from cdp.engine.columnar.files import NewFiles, new_files, require_sound
from cdp.engine.columnar.manifest import Manifest, Named
from cdp.engine.columnar.snapshot import Snapshot
from cdp.engine.columnar.state import NO_IDS, relink, save_state, unique_ids
from cdp.engine.columnar.table import Part, Table, from_batch, join_tables, load, save
from cdp.engine.errors import EngineOvertaken, EngineUnwritable


class ColumnarWriter:
    """Made under the writer lock, and good for one commit."""

    def __init__(self, folder: Path, snapshot: Snapshot) -> None:
        self.folder = folder
        self.snapshot = snapshot
        self.manifest = snapshot.manifest
        self.state = snapshot.state
        self.batches: list[Table] = []
        self.histories: list[History] = []
        self.links: dict[int, int] | None = None
        self.voided: set[int] = set()
        self.purged_before = self.manifest.purged_before

    @property
    def cursor(self) -> Cursor | None:
        return self.manifest.cursor

    def append(self, batch: EventBatch) -> None:
        if len(batch):
            self.batches.append(from_batch(batch))

    def retract(self, seqs: Iterable[int]) -> None:
        self.voided.update(seqs)

    def relink(self, links: Mapping[int, int]) -> None:
        if links:
            self.links = self.state.links() if self.links is None else self.links
            relink(self.links, links)

    def forget(self, profiles: Iterable[int]) -> None:
        self.apply_links()
        self.state = self.state.forgetting(unique_ids(profiles))

    def apply_links(self) -> None:
        """Links are gathered, because following thousands of them takes as long as following one."""
        if self.links is not None:
            self.state = self.state.linked(self.links)
            self.links = None

    def apply_voids(self) -> None:
        if self.voided:
            seqs = unique_ids(self.voided)
            self.state = self.state.without(seqs, self.origins(seqs))

    def origins(self, seqs: Ints) -> Ints:
        """The profiles with which stored events came, -1 where an event is not stored."""
        found = np.full(len(seqs), -1, np.int64)
        ids = self.snapshot.profiles.ids
        for table in self.snapshot.base:
            rows = np.flatnonzero(np.isin(table.seq, seqs))
            found[np.searchsorted(seqs, table.seq[rows])] = ids[table.origin[rows]]
        for run in (*self.snapshot.runs, *self.batches):
            rows = np.flatnonzero(np.isin(run.seq, seqs))
            found[np.searchsorted(seqs, run.seq[rows])] = run.origin[rows]
        return found

    def purge(self, before_ts: int) -> None:
        self.purged_before = before_ts if self.purged_before is None else max(before_ts, self.purged_before)

    def set_attributes(self, batch: AttributeBatch) -> None:
        if len(batch):
            self.histories.append(from_attributes(batch))

    def commit(self, cursor: Cursor) -> None:
        try:
            with new_files(self.folder) as files:
                self.store(files, cursor)
        except FileNotFoundError as error:  # a run that was to be folded: its state has passed
            raise EngineOvertaken from error
        except OSError as error:
            raise EngineUnwritable(f"The analytics engine cannot store changes: {error.strerror or error}.") from error

    def store(self, files: NewFiles, cursor: Cursor) -> None:
        manifest = replace(
            self.manifest,
            cursor=cursor,
            purged_before=self.purged_before,
            runs=self.new_runs(files),
            attribute_runs=self.new_attribute_runs(files),
            state=self.new_state(files),
        )
        self.manifest = swap_manifest(self.folder, manifest)

    def new_state(self, files: NewFiles) -> Named | None:
        self.apply_links()
        self.apply_voids()
        if self.state is self.snapshot.state:
            return self.manifest.state
        return files.write("state-", 0, lambda path: save_state(path, self.state))

    def new_runs(self, files: NewFiles) -> tuple[Named, ...]:
        if not self.batches:
            return self.manifest.runs
        kept, folded = self.fold(self.manifest.runs, sum(map(len, self.batches)))
        tables = [load(self.file(run)) for run in folded] + self.batches
        table = tables[0] if len(tables) == 1 else join_tables([whole(one) for one in tables])
        return (*kept, files.write("run-", len(table), lambda path: save(path, table)))

    def new_attribute_runs(self, files: NewFiles) -> tuple[Named, ...]:
        if not self.histories:
            return self.manifest.attribute_runs
        kept, folded = self.fold(self.manifest.attribute_runs, sum(map(len, self.histories)))
        old = [load_history(self.file(run)) for run in folded]
        history = join_histories([*old, *self.histories], NO_IDS)
        return (*kept, files.write("attr-", len(history), lambda path: save_history(path, history)))

    def fold(self, runs: tuple[Named, ...], rows: int) -> tuple[tuple[Named, ...], tuple[Named, ...]]:
        kept, folded = fold(self.manifest, runs, rows)
        require_sound(self.folder, folded)
        return kept, folded

    def file(self, named: Named) -> ArrayFile:
        return ArrayFile(self.folder / named.file, named.length)


def whole(table: Table) -> Part:
    return Part(table, np.ones(len(table), np.bool_), table.profile, table.origin)


def fold(manifest: Manifest, runs: tuple[Named, ...], rows: int) -> tuple[tuple[Named, ...], tuple[Named, ...]]:
    """Runs to keep, and the last ones to write again together with `rows` new rows: so few runs are kept, each row
    is written again only a few times, and what a compaction is reading stays."""
    kept = len(runs)
    while kept and runs[kept - 1].file not in manifest.frozen and runs[kept - 1].rows <= 2 * rows:
        kept -= 1
        rows += runs[kept].rows
    return runs[:kept], runs[kept:]
