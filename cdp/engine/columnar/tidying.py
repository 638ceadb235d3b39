"""Removing files that no state needs any more; readers keep what they have mapped."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from cdp.engine.columnar.manifest import Manifest, parse_manifest
from cdp.engine.columnar.states import FOLDER, generations, path_of, read_manifest
from cdp.engine.errors import EngineDamaged

DRAFT = "manifest-"  # with a random name, until it is linked

# A file that no state names is what a killed process left, or what somebody is about to name: younger ones are spared.
LEFTOVER_SECONDS = 3_600.0


def remove_superseded(folder: Path, manifest: Manifest) -> None:
    """Remove earlier states and the files that only they name."""
    for generation in generations(folder):
        if generation < manifest.generation:
            path = path_of(folder, generation)
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
        now = path_of(folder, manifest.generation).stat().st_mtime
        for path in unnamed(folder, manifest):
            if path.stat().st_mtime <= now - LEFTOVER_SECONDS:
                path.unlink(missing_ok=True)


def unnamed(folder: Path, manifest: Manifest) -> Iterator[Path]:
    yield from (folder / FOLDER).glob(f"{DRAFT}*.new")
    for path in (*folder.glob("*.arrow"), *folder.glob(f"{DRAFT}*")):  # states once lay beside the files they name
        if path.name not in manifest.names:
            yield path
