"""A new state built beside the old one, which answers until the new one takes its place."""

import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cdp.engine.columnar.claims import swap_manifest, sync_folder
from cdp.engine.columnar.locks import REBUILD_LOCK, WRITER_LOCK, locked
from cdp.engine.columnar.states import RETRIES, newest, read_manifest
from cdp.engine.errors import EngineBusy, EngineOvertaken

DRAFTS = "rebuild-"
LOCK_SECONDS = 30.0


def draft_folder(folder: Path) -> Path:
    """A new folder inside; under the rebuild lock all others are what killed rebuilds left."""
    remove_drafts(folder)
    return folder / f"{DRAFTS}{uuid.uuid4().hex[:16]}"


def remove_drafts(folder: Path) -> None:
    for draft in folder.glob(f"{DRAFTS}*"):
        shutil.rmtree(draft, ignore_errors=True)


def remove_abandoned_drafts(folder: Path) -> None:
    if any(folder.glob(f"{DRAFTS}*")):
        with suppress(EngineBusy), locked(folder, REBUILD_LOCK, timeout=0):
            remove_drafts(folder)


def adopt(folder: Path, draft: Path, catch_up: Callable[[], None]) -> None:
    """Make the draft's state the one of the folder, whatever is there now. `catch_up`: what the draft still needs once
    nobody writes to the folder any more."""
    with locked(folder, WRITER_LOCK, LOCK_SECONDS):
        catch_up()
        made = read_manifest(draft)
        for named in made.files:
            (draft / named.file).touch()  # young again: nobody takes it for a leftover before it is named
            (draft / named.file).rename(folder / named.file)
        sync_folder(folder)
        for _ in range(RETRIES):
            with suppress(EngineOvertaken):
                swap_manifest(folder, replace(made, generation=newest(folder)))
                return
            if not all((folder / named.file).exists() for named in made.files):
                return  # somebody without this lock went on from our state already
    raise EngineBusy("The analytics engine changes too fast to be replaced.")
