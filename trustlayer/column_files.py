"""Columns of long books as files, so that a new process reads what is new instead of the whole book.

A file is only a memory: whoever loads it compares the hash of its last entry with the book, and reads anew where they
differ. What cannot be read is as if it were not there.
"""

import logging
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from django.conf import settings

from trustlayer.columns import Columns

FORMAT = 1  # of the file; another one is not read
log = logging.getLogger(__name__)


def place(workspace_id: int) -> Path:
    return Path(settings.HOME) / "audit" / f"{workspace_id}.npz"


def save(workspace_id: int, columns: Columns, entry_hash: str) -> None:
    """Beside its place first, then moved there: nobody reads half of one. A full disk costs time, never an answer."""
    parts, meanings = columns.to_parts()
    note = orjson.dumps({"format": FORMAT, "entry_hash": entry_hash, "meanings": meanings})
    file = place(workspace_id)
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with unfinished.open("wb") as out:
            np.savez(out, note=np.frombuffer(note, np.uint8), **parts)  # type: ignore[arg-type]
        unfinished.replace(file)
    except OSError as error:
        log.warning("The columns of an audit log could not be kept: %s", error)
    finally:
        unfinished.unlink(missing_ok=True)


def load(workspace_id: int) -> tuple[Columns, str]:
    """The columns, and the hash of the last entry they hold; empty ones without a file."""
    try:
        with place(workspace_id).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            note = orjson.loads(file["note"].tobytes())
            if note["format"] == FORMAT:
                return Columns.of_parts(file, note["meanings"]), note["entry_hash"]
    except FileNotFoundError:
        pass
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        log.warning("The columns kept of an audit log are not readable and are left: %s", error)
    return Columns(), ""


def discard(workspace_id: int) -> None:
    place(workspace_id).unlink(missing_ok=True)


def forget(**signal: Any) -> None:
    """A book goes with its workspace, and so does its file."""
    discard(signal["instance"].pk)
