"""The states of a folder: `states/manifest-<generation>.json` each, of which the highest generation counts.

They have a folder of their own because a long listing is read in pieces: between two of these a new state may come and
the old one go, and neither be seen. Few names are listed at once, and as quickly as ever beside thousands of files.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from cdp.engine.columnar.manifest import Manifest, name_of, parse_manifest
from cdp.engine.errors import EngineBusy

FOLDER = "states"
NAME = re.compile(r"manifest-(\d{12})\.json")
RETRIES = 20


def path_of(folder: Path, generation: int) -> Path:
    return folder / FOLDER / name_of(generation)


def generations(folder: Path) -> list[int]:
    """Of all states that are there, ascending: usually one.

    A signal can interrupt even a short listing between two names, so there are two: one has what the other missed.
    """
    return sorted(listed(folder) | listed(folder))


def listed(folder: Path) -> set[int]:
    with suppress(FileNotFoundError):
        return {int(found[1]) for found in map(NAME.fullmatch, os.listdir(folder / FOLDER)) if found}
    return set()


def newest(folder: Path) -> int:
    return max(generations(folder), default=0)


def read_content(folder: Path) -> tuple[int, bytes]:
    """The newest generation and its bytes; 0 and none in a new folder."""
    for _ in range(RETRIES):
        generation = newest(folder)
        if not generation:
            return 0, b""
        with suppress(FileNotFoundError):  # a newer one has taken its place
            return generation, path_of(folder, generation).read_bytes()
    raise EngineBusy("The analytics engine changes too fast to be read.")


def read_manifest(folder: Path) -> Manifest:
    return parse_manifest(*read_content(folder))
