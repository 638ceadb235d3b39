"""The embedded engine: one folder per workspace, shared by all processes of a machine."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cdp.engine.base import (
    Activity,
    Aggregate,
    AggregateSpec,
    AttributeValue,
    Bucket,
    Catalog,
    Condition,
    Cursor,
    Daily,
    Damage,
    EngineBusy,
    EngineDamaged,
    FunnelAnswer,
    FunnelPeople,
    FunnelSpec,
    Ints,
    Members,
    Position,
    Stored,
    TimelineEvent,
)
from cdp.engine.columnar import aggregate, conditions, funnel, history, overview
from cdp.engine.columnar.arrow import checksum
from cdp.engine.columnar.compaction import compact
from cdp.engine.columnar.manifest import (
    COMPACTION_LOCK,
    WRITER_LOCK,
    Manifest,
    locked,
    parse_manifest,
    read_content,
    read_manifest,
    swap_manifest,
    sweep,
)
from cdp.engine.columnar.snapshot import Snapshot
from cdp.engine.columnar.writer import ColumnarWriter

# The first question after a change looks at all events of the profiles that pending rows touch, so there are few of
# these; but they may grow with the base up to a limit, because a compaction writes most of it.
PENDING_ROWS = 20_000
MOST_PENDING_ROWS = 50_000
RETRIES = 20
DROP_SECONDS = 30.0


class ColumnarEngine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.known: tuple[bytes, Snapshot] | None = None

    def snapshot(self) -> Snapshot:
        """The present state. A file that is gone belonged to a manifest that has moved on."""
        with self.lock:
            for _ in range(RETRIES):
                content = read_content(self.folder)
                if self.known and self.known[0] == content:
                    return self.known[1]
                manifest = parse_manifest(content)
                try:
                    self.known = content, Snapshot(self.folder, manifest, self.known[1] if self.known else None)
                except FileNotFoundError as error:
                    self.refuse_missing(manifest, error)
            raise EngineBusy("The analytics engine changes too fast to be read.")

    def refuse_missing(self, manifest: Manifest, error: FileNotFoundError) -> None:
        if read_manifest(self.folder).generation == manifest.generation:
            raise EngineDamaged(f"The engine file {Path(str(error.filename)).name} is missing.") from error

    @contextmanager
    def writing(self, timeout: float) -> Iterator[ColumnarWriter]:
        with locked(self.folder, WRITER_LOCK, timeout):
            writer = ColumnarWriter(self.folder, self.snapshot())
            yield writer
        if is_due(writer.manifest):
            self.compact()

    def cursor(self) -> Cursor | None:
        return read_manifest(self.folder).cursor

    def drop(self) -> None:
        with locked(self.folder, WRITER_LOCK, DROP_SECONDS):
            empty = swap_manifest(self.folder, Manifest(generation=self.generation()))
            sweep(self.folder, empty, compacted=False)
        try:
            with locked(self.folder, COMPACTION_LOCK, timeout=0):
                sweep(self.folder, empty, compacted=True)
        except EngineBusy:
            # A compaction is at work: it will find its base gone and sweep.
            return

    def generation(self) -> int:
        try:
            return read_manifest(self.folder).generation
        except EngineDamaged:
            return 0

    def check(self) -> list[Damage]:
        """Read every byte; what is found can be healed by `drop` and a rebuild from the truth."""
        try:
            manifest = read_manifest(self.folder)
        except EngineDamaged as error:
            return [Damage("manifest.json", str(error))]
        found = []
        for named in manifest.files:
            path = self.folder / named.file
            if not path.exists():
                found.append(Damage(named.file, "is missing"))
            elif path.stat().st_size != named.length:
                found.append(Damage(named.file, f"has {path.stat().st_size} bytes instead of {named.length}"))
            elif checksum(path) != named.crc:
                found.append(Damage(named.file, "was altered: its checksum is wrong"))
        return found

    def compact(self) -> bool:
        return compact(self.folder)

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


def is_due(manifest: Manifest) -> bool:
    base_rows = sum(table.rows for table in manifest.tables)
    return manifest.pending >= max(PENDING_ROWS, min(base_rows // 16, MOST_PENDING_ROWS))
