"""How kernels are compiled: without the interpreter lock, and kept on disk for the next process."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba


def cache_folder() -> str:
    """NUMBA_CACHE_DIR, else beside this code, else (read-only, another user's) a private temporary folder."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return chosen
    beside = Path(__file__).parent / "__pycache__"
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return str(beside)
    return private_folder(Path(tempfile.gettempdir()) / f"stratum-kernels-{os.getuid()}")


def private_folder(folder: Path) -> str:
    """The folder, if it is ours alone: whoever could write there could have us run his code. Else a fresh one."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
    return str(folder) if is_ours else tempfile.mkdtemp(prefix="stratum-kernels-")


vars(numba.config)["CACHE_DIR"] = cache_folder()


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = numba.njit(cache=True, nogil=True, boundscheck=False)(function)
    return compiled
