"""How a state becomes true: by claiming the next generation.

That is a hard link under its name to a complete and synced file, which exactly one of any number of processes and hosts
gets. So locks only spare work; without them a change may be lost to another one and tried again, but never mixed with
it.
"""

import os
import uuid
from dataclasses import replace
from pathlib import Path

from cdp.engine.columnar.arrow import write_synced
from cdp.engine.columnar.manifest import Manifest, written
from cdp.engine.columnar.states import FOLDER, newest, path_of
from cdp.engine.columnar.tidying import DRAFT, remove_superseded
from cdp.engine.errors import EngineOvertaken


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
    states = folder / FOLDER
    states.mkdir(exist_ok=True)
    draft = states / f"{DRAFT}{uuid.uuid4().hex}.new"
    try:
        write_synced(draft, written(manifest))
        sync_folder(folder)
        link(draft, path_of(folder, manifest.generation))
        sync_folder(states)
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
