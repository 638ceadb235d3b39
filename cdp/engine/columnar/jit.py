"""How kernels are compiled: without the interpreter lock, and kept on disk for the next process."""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba

KEPT_SECONDS = 7 * 86_400.0  # another version on this machine may still be starting from its own


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


def sources() -> str:
    """Changes with any source of kernels. numba looks only at the file of the outermost kernel, and would go on with
    what it once compiled of the others."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        content = path.read_bytes()
        if b"columnar.jit import" in content or b"numba" in content:
            digest.update(path.name.encode() + content)
    return digest.hexdigest()[:16]


CACHE = Path(cache_folder()) / sources()
vars(numba.config)["CACHE_DIR"] = str(CACHE)


def sweep(cache: Path = CACHE) -> None:
    """Remove kernels of sources that are gone: those that were written long before these."""
    with suppress(FileNotFoundError):
        before = cache.stat().st_mtime - KEPT_SECONDS
        for folder in cache.parent.glob("[0-9a-f]" * 16):
            if folder != cache and folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)


# Kernels divide by nothing that may be 0; a check would keep loops from being done several elements at a time.
LOOSE: dict[str, Any] = {"nogil": True, "boundscheck": False, "error_model": "numpy"}
WITHIN: dict[str, Any] = {**LOOSE, "forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = numba.njit(cache=True, **LOOSE)(function)
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """For what kernels call in their innermost loops, and nobody else: it becomes part of them."""
    compiled: Callable[..., Any] = numba.njit(**WITHIN)(function)
    return compiled
