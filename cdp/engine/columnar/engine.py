"""The embedded engine: one folder per workspace, shared by all processes of a machine."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from cdp.engine.aggregates import Aggregate, AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import CatchUp, Cursor
from cdp.engine.columnar import aggregate, conditions, funnel, history, overview
from cdp.engine.columnar.claims import swap_manifest
from cdp.engine.columnar.compaction import compact
from cdp.engine.columnar.files import examine, turn
from cdp.engine.columnar.locks import REBUILD_LOCK, WRITER_LOCK, locked
from cdp.engine.columnar.manifest import Manifest, parse_manifest
from cdp.engine.columnar.rebuild import adopt, draft_folder, remove_abandoned_drafts
from cdp.engine.columnar.snapshot import Snapshot
from cdp.engine.columnar.states import RETRIES, newest, read_content, read_manifest
from cdp.engine.columnar.tidying import sweep
from cdp.engine.columnar.writer import ColumnarWriter
from cdp.engine.conditions import Condition, Members
from cdp.engine.errors import Damage, EngineBusy, EngineDamaged, EngineUnwritable
from cdp.engine.funnels import Bucket, FunnelAnswer, FunnelPeople, FunnelSpec
from cdp.engine.overviews import Activity, Catalog, Census, Daily, Stored
from cdp.engine.timeline import AttributeValue, Position, TimelineEvent

# The first question after a change looks at all events of the profiles that pending rows touch, so there are few of
# these; but they may grow with the base up to a limit, because a compaction writes most of it.
PENDING_ROWS = 20_000
MOST_PENDING_ROWS = 50_000
CONDEMN_SECONDS = 10.0


class ColumnarEngine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.known: tuple[tuple[int, bytes], Snapshot] | None = None
        self.checked = ""

    def snapshot(self) -> Snapshot:
        """The present state. A file that is gone belonged to a state that has passed."""
        with self.lock:
            for _ in range(RETRIES):
                content = read_content(self.folder)
                if self.known and self.known[0] == content:
                    return self.known[1]
                manifest = parse_manifest(*content)
                refuse_condemned(manifest)
                try:
                    self.known = content, Snapshot(self.folder, manifest, self.known[1] if self.known else None)
                except FileNotFoundError as error:
                    self.refuse_missing(manifest, error)
            raise EngineBusy("The analytics engine changes too fast to be read.")

    def refuse_missing(self, manifest: Manifest, error: FileNotFoundError) -> None:
        if newest(self.folder) == manifest.generation:
            raise EngineDamaged(Path(str(error.filename)).name, "is missing") from error

    def open(self) -> None:
        self.snapshot()

    @contextmanager
    def writing(self, timeout: float) -> Iterator[ColumnarWriter]:
        with locked(self.folder, WRITER_LOCK, timeout):
            yield ColumnarWriter(self.folder, self.snapshot())

    def cursor(self) -> Cursor | None:
        return read_manifest(self.folder).cursor

    @contextmanager
    def rebuilding(self, timeout: float, catch_up: CatchUp | None = None) -> Iterator["ColumnarEngine"]:
        with locked(self.folder, REBUILD_LOCK, timeout):
            draft = ColumnarEngine(draft_folder(self.folder))
            try:
                yield draft
                adopt(self.folder, draft.folder, lambda: catch_up(draft) if catch_up else None)
            except OSError as error:
                raise EngineUnwritable(f"The analytics engine cannot be rebuilt: {error.strerror or error}.") from error
            finally:
                shutil.rmtree(draft.folder, ignore_errors=True)

    def check(self, most_bytes: int | None = None) -> list[Damage]:
        try:
            manifest = read_manifest(self.folder)
            asked = turn(manifest.files, self.checked, most_bytes)
            found = [damage for one in asked if (damage := examine(self.folder, one))]
            self.checked = asked[-1].file if asked else ""
            named = read_manifest(self.folder).names  # a file that is gone may belong to a state that has passed
        except EngineDamaged as error:
            return [error.damage]
        return [*manifest.damage, *(one for one in found if one.file in named and one not in manifest.damage)]

    def condemn(self, damage: Damage) -> None:
        # A broken manifest answers nobody anyway; where no mark can be stored, each process meets the damage itself.
        with suppress(EngineDamaged, OSError), locked(self.folder, WRITER_LOCK, CONDEMN_SECONDS):
            manifest = read_manifest(self.folder)
            if damage.file in manifest.names and damage not in manifest.damage:
                swap_manifest(self.folder, replace(manifest, damage=(*manifest.damage, damage)))

    def compact(self) -> bool:
        return compact(self.folder)

    def maintain(self) -> None:
        if is_due(read_manifest(self.folder)):
            self.compact()
        sweep(self.folder, read_manifest(self.folder))
        remove_abandoned_drafts(self.folder)

    def remove(self) -> None:
        try:
            shutil.rmtree(self.folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise EngineUnwritable(f"The engine's folder cannot be removed: {error}") from error

    def stored(self) -> Stored:
        manifest = read_manifest(self.folder)
        return Stored(
            events=sum(table.rows for table in manifest.tables) + manifest.pending,
            files=len(manifest.files),
            bytes=sum(named.length for named in manifest.files),
            pending=manifest.pending,
        )

    def funnel(self, spec: FunnelSpec, as_of: int) -> FunnelAnswer:
        return funnel.funnel(self.snapshot(), spec, as_of)

    def funnel_people(self, spec: FunnelSpec, as_of: int) -> FunnelPeople:
        return funnel.funnel_people(self.snapshot(), spec, as_of)

    def trend(self, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> tuple[Bucket, ...]:
        return funnel.trend(self.snapshot(), spec, edges, as_of)

    def aggregates(
        self, specs: Sequence[AggregateSpec], as_of: int, profiles: Ints | None = None
    ) -> tuple[Aggregate, ...]:
        return aggregate.aggregates(self.snapshot(), specs, as_of, profiles)

    def members(self, condition: Condition, as_of: int, profiles: Ints | None = None) -> Members:
        return conditions.members(self.snapshot(), condition, as_of, profiles)

    def timeline(
        self, profile: int, as_of: int, limit: int, before: Position | None = None
    ) -> tuple[TimelineEvent, ...]:
        return history.timeline(self.snapshot(), profile, as_of, limit, before)

    def attributes(self, profile: int) -> dict[str, tuple[AttributeValue, ...]]:
        return history.attributes(self.snapshot(), profile)

    def catalog(self, since: int, as_of: int) -> Catalog:
        return overview.catalog(self.snapshot(), since, as_of)

    def activity(self, as_of: int) -> Activity:
        return overview.activity(self.snapshot(), as_of)

    def daily(self, start: int, end: int, as_of: int, offset: int = 0) -> Daily:
        return overview.daily(self.snapshot(), start, end, as_of, offset)

    def census(self, as_of: int) -> Census:
        return overview.census(self.snapshot(), as_of)


def refuse_condemned(manifest: Manifest) -> None:
    if manifest.damage:
        raise EngineDamaged(manifest.damage[0].file, manifest.damage[0].reason)


def is_due(manifest: Manifest) -> bool:
    base_rows = sum(table.rows for table in manifest.tables)
    return manifest.pending >= max(PENDING_ROWS, min(base_rows // 16, MOST_PENDING_ROWS))
