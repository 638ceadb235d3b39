"""Immutable files of named arrays: Arrow IPC with one record batch of one row, each array a list in its cell.

So arrays of different lengths share a file, any Arrow tool can read it, and a reader maps it without copying.
"""

import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdp.engine.errors import EngineDamaged

Array = NDArray[Any]
CHUNK = 1 << 20


def write_arrays(path: Path, arrays: dict[str, Array | pa.Array], about: dict[str, Any]) -> tuple[int, int]:
    """Write and fsync; returns length and CRC-32 of the file. `about` is JSON kept in the schema's metadata."""
    cells = {name: one_cell(array) for name, array in arrays.items()}
    schema = pa.schema([(name, cell.type) for name, cell in cells.items()], {"about": json.dumps(about)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch(list(cells.values()), schema=schema))
    content = sink.getvalue()
    try:
        write_synced(path, content)
    except OSError:
        path.unlink(missing_ok=True)  # a full disk needs the room
        raise
    return content.size, zlib.crc32(content)


def write_synced(path: Path, content: pa.Buffer | bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def one_cell(array: Array | pa.Array) -> pa.Array:
    values = array if isinstance(array, pa.Array) else pa.array(np.ascontiguousarray(array))
    return pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), values)


class ArrayFile:
    """A mapped file. Arrays are read-only views of the mapping; it stays valid when the file is unlinked."""

    def __init__(self, path: Path, length: int) -> None:
        """Raises FileNotFoundError, and EngineDamaged when the length is not the expected one."""
        size = path.stat().st_size
        if size != length:
            raise EngineDamaged(path.name, wrong_size(size, length))
        self.name = path.name
        try:
            self.batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
            self.places = {name: place for place, name in enumerate(self.batch.schema.names)}
            self.about: dict[str, Any] = json.loads(self.batch.schema.metadata[b"about"])
        except FileNotFoundError:
            raise
        except (pa.ArrowException, ValueError, KeyError, TypeError, OSError) as error:
            raise EngineDamaged(path.name, f"cannot be read ({error})") from error

    def __contains__(self, name: str) -> bool:
        return name in self.places

    def texts(self, name: str) -> pa.Array:
        return self.batch.column(self.places[name]).values

    def numbers(self, name: str) -> Array:
        values = self.texts(name)
        dtype = np.dtype(str(values.type).replace("double", "float64"))
        if not len(values):
            return np.empty(0, dtype)
        return np.frombuffer(values.buffers()[1], dtype)[values.offset : values.offset + len(values)]


def wrong_size(size: int, length: int) -> str:
    return f"has {size} bytes instead of {length}"


def checksum(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc


def smallest(values: Array) -> Array:
    """The same whole numbers in the narrowest signed type that holds them."""
    if not len(values):
        return values.astype(np.int8)
    low, high = int(values.min()), int(values.max())
    for dtype in (np.int8, np.int16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return values.astype(dtype)
    return values.astype(np.int64, copy=False)
