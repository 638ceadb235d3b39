"""What the engine holds at one moment: the names of its files and the cursor, replaced as one.

Each state is a file of its own, `manifest-<generation>.json`, and the highest generation counts. A state is made true
by claiming the next generation: a hard link under that name to a complete and synced file, which exactly one of any
number of processes and hosts gets. So locks only spare work; without them a change may be lost to another one and
tried again, but never mixed with it.
"""

import fcntl
import json
import os
import re
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cdp.engine.base import Cursor, Damage, EngineBusy, EngineDamaged, EngineOvertaken
from cdp.engine.columnar.arrow import write_synced

FORMAT = 1
NAME = re.compile(r"manifest-(\d{12})\.json")
DRAFT = "manifest-"  # with a random name, until it is linked
WRITER_LOCK = "writer.lock"
COMPACTION_LOCK = "compaction.lock"
REBUILD_LOCK = "rebuild.lock"

# A file that no state names is what a killed process left, or what somebody is about to name: younger ones are spared.
LEFTOVER_SECONDS = 3_600.0
RETRIES = 20


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

    The first `frozen` runs (of either kind) are being compacted, so writers leave them as they are. A state with
    `damage` was found to be wrong and answers nothing any more.
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
    damage: tuple[Damage, ...] = ()

    @property
    def files(self) -> tuple[Named, ...]:
        single = (self.profiles, self.base_state, self.base_attributes, self.state)
        named = (*self.tables, *self.runs, *self.attribute_runs, *(one for one in single if one is not None))
        return tuple({one.file: one for one in named}.values())

    @property
    def names(self) -> frozenset[str]:
        return frozenset(one.file for one in self.files)

    @property
    def pending(self) -> int:
        return sum(run.rows for run in self.runs)


# Reading


def name_of(generation: int) -> str:
    return f"manifest-{generation:012}.json"


def generations(folder: Path) -> list[int]:
    """Of all states that are there, ascending: usually one."""
    with suppress(FileNotFoundError):
        return sorted(int(found[1]) for found in map(NAME.fullmatch, os.listdir(folder)) if found)
    return []


def newest(folder: Path) -> int:
    return max(generations(folder), default=0)


def read_content(folder: Path) -> tuple[int, bytes]:
    """The newest generation and its bytes; 0 and none in a new folder."""
    for _ in range(RETRIES):
        generation = newest(folder)
        if not generation:
            return 0, b""
        with suppress(FileNotFoundError):  # a newer one has taken its place
            return generation, (folder / name_of(generation)).read_bytes()
    raise EngineBusy("The analytics engine changes too fast to be read.")


def read_manifest(folder: Path) -> Manifest:
    return parse_manifest(*read_content(folder))


def parse_manifest(generation: int, content: bytes) -> Manifest:
    """An empty manifest for generation 0. Raises EngineDamaged."""
    if not generation:
        return Manifest()
    try:
        return replace(manifest_of(json.loads(verified(content))), generation=generation)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EngineDamaged(name_of(generation), f"cannot be read ({error})") from error


def sealed(text: bytes) -> bytes:
    """With its CRC-32 in a line of its own."""
    return text + b"\n%08x\n" % zlib.crc32(text)


def verified(content: bytes) -> bytes:
    text = content[:-10]
    if sealed(text) != content:
        raise ValueError("its checksum is wrong")
    return text


def manifest_of(source: dict[str, Any]) -> Manifest:
    if source.pop("format") != FORMAT:
        raise ValueError("it has another format")
    for field in ("profiles", "base_state", "base_attributes", "state"):
        source[field] = Named(**source[field]) if source[field] else None
    for field in ("tables", "runs", "attribute_runs"):
        source[field] = tuple(Named(**one) for one in source[field])
    source["frozen"] = tuple(source["frozen"])
    source["damage"] = tuple(Damage(**one) for one in source["damage"])
    return Manifest(**source)


# Changing


def swap_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Make it the state that follows the one it was made from, whatever crashes; its files must be on disk.

    Returns it as numbered, and removes what only earlier states named. Raises EngineOvertaken when another change came
    first.
    """
    manifest = replace(manifest, generation=manifest.generation + 1)
    claim(folder, manifest)
    if newest(folder) != manifest.generation:
        # Either somebody went on from our state already, or ours came so late that its number was free again.
        raise EngineOvertaken
    remove_superseded(folder, manifest)
    return manifest


def claim(folder: Path, manifest: Manifest) -> None:
    draft = folder / f"{DRAFT}{uuid.uuid4().hex}.new"
    try:
        write_synced(draft, sealed(json.dumps({"format": FORMAT} | asdict(manifest)).encode()))
        sync_folder(folder)
        link(draft, folder / name_of(manifest.generation))
        sync_folder(folder)
    finally:
        draft.unlink(missing_ok=True)


def link(draft: Path, name: Path) -> None:
    """Over a network a link may be made and yet reported as there before: then the draft has two names."""
    try:
        name.hardlink_to(draft)
    except FileExistsError:
        if draft.stat().st_nlink != 2:
            raise EngineOvertaken from None


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fresh_name(prefix: str) -> str:
    """Never used before: a file that some reader has mapped must not be written again."""
    return f"{prefix}{uuid.uuid4().hex[:16]}.arrow"


# Tidying


def remove_superseded(folder: Path, manifest: Manifest) -> None:
    """Remove earlier states and the files that only they name; readers keep what they have mapped."""
    for generation in generations(folder):
        if generation < manifest.generation:
            path = folder / name_of(generation)
            with suppress(FileNotFoundError, EngineDamaged):
                remove(folder, parse_manifest(generation, path.read_bytes()).names - manifest.names)
            path.unlink(missing_ok=True)


def discard(folder: Path, names: Iterable[str]) -> None:
    """Remove files that were written for a state which did not come to be."""
    with suppress(EngineDamaged):
        remove(folder, set(names) - read_manifest(folder).names)


def remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def sweep(folder: Path, manifest: Manifest) -> None:
    """Remove what killed processes left: old files that the newest state does not name, by the folder's own clock."""
    remove_superseded(folder, manifest)
    with suppress(FileNotFoundError):
        now = (folder / name_of(manifest.generation)).stat().st_mtime
        for path in (*folder.glob("*.arrow"), *folder.glob(f"{DRAFT}*.new")):
            if path.name not in manifest.names and path.stat().st_mtime <= now - LEFTOVER_SECONDS:
                path.unlink(missing_ok=True)


# Locks


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
