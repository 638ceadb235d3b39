"""What the engine holds at one moment: the names of its files and the cursor, swapped as one by atomic rename."""

import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cdp.engine.base import Cursor, EngineBusy, EngineDamaged

FORMAT = 1
NAME = "manifest.json"
WRITER_LOCK = "writer.lock"
COMPACTION_LOCK = "compaction.lock"
# Files of compactions are swept by compactions only: a writer cannot know which of them are being written.
COMPACTED = "base-"


@dataclass(frozen=True)
class Named:
    """A file with its length in bytes, its CRC-32 and its rows."""

    file: str
    length: int
    crc: int
    rows: int


@dataclass(frozen=True)
class Manifest:
    """Base: `profiles`, `tables`, `base_state` and `base_attributes`. Since then: `runs`, `attribute_runs`, `state`.

    The first `frozen` runs (of either kind) are being compacted, so writers leave them as they are.
    """

    generation: int = 0
    cursor: Cursor | None = None
    purged_before: int | None = None
    profiles: Named | None = None
    tables: tuple[Named, ...] = ()
    base_state: Named | None = None
    base_attributes: Named | None = None
    runs: tuple[Named, ...] = ()
    attribute_runs: tuple[Named, ...] = ()
    state: Named | None = None
    frozen: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Named, ...]:
        single = (self.profiles, self.base_state, self.base_attributes, self.state)
        named = (*self.tables, *self.runs, *self.attribute_runs, *(one for one in single if one is not None))
        return tuple({one.file: one for one in named}.values())

    @property
    def pending(self) -> int:
        return sum(run.rows for run in self.runs)


def read_content(folder: Path) -> bytes:
    """The manifest's bytes: every change changes them."""
    try:
        return (folder / NAME).read_bytes()
    except FileNotFoundError:
        return b""


def read_manifest(folder: Path) -> Manifest:
    return parse_manifest(read_content(folder))


def parse_manifest(content: bytes) -> Manifest:
    """An empty manifest for no content. Raises EngineDamaged."""
    if not content:
        return Manifest()
    try:
        return manifest_of(json.loads(content))
    except (ValueError, TypeError, KeyError) as error:
        raise EngineDamaged(f"The engine file {NAME} cannot be read: {error}") from error


def manifest_of(source: dict[str, Any]) -> Manifest:
    if source.pop("format") != FORMAT:
        raise ValueError("it has another format")
    for field in ("profiles", "base_state", "base_attributes", "state"):
        source[field] = Named(**source[field]) if source[field] else None
    for field in ("tables", "runs", "attribute_runs"):
        source[field] = tuple(Named(**one) for one in source[field])
    return Manifest(**source | {"frozen": tuple(source["frozen"])})


def swap_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Make it the state of the engine, whatever crashes; its files must be on disk. Returns it as numbered."""
    manifest = replace(manifest, generation=manifest.generation + 1)
    fresh = folder / f"{NAME}.new"
    with fresh.open("wb") as file:
        file.write(json.dumps({"format": FORMAT} | asdict(manifest)).encode())
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)
    fresh.rename(folder / NAME)
    sync_folder(folder)
    return manifest


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fresh_name(prefix: str) -> str:
    """Never used before: a file that some reader has mapped must not be written again."""
    return f"{prefix}{uuid.uuid4().hex[:16]}.arrow"


def sweep(folder: Path, manifest: Manifest, compacted: bool) -> None:
    """Remove what no manifest names any more; readers keep what they have mapped. Needs the lock of that kind."""
    wanted = {one.file for one in manifest.files}
    for path in folder.glob("*.arrow"):
        if path.name.startswith(COMPACTED) == compacted and path.name not in wanted:
            path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, name: str, timeout: float) -> Iterator[None]:
    """Hold a lock of the folder, against threads, processes and, where the file system passes it on, hosts."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        acquire(descriptor, timeout)
        yield
    finally:
        os.close(descriptor)


def acquire(descriptor: int, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise EngineBusy("The analytics engine is busy with another change of this workspace.") from None
            time.sleep(0.005)
