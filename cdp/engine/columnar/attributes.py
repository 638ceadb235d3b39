"""The history of profile attributes: sorted by (profile, name, since), kept like events in a base and runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from cdp.engine.arrays import Ints
from cdp.engine.batches import AttributeBatch
from cdp.engine.columnar.arrow import Array, ArrayFile, write_arrays
from cdp.engine.columnar.columns import encode_texts, to_json


@dataclass(frozen=True, eq=False)
class History:
    """One row per value: `profile` is the one it came with; `name` and `value` are places in the text arrays."""

    profile: Ints
    name: Array
    ts: Ints
    value: Array
    names: pa.Array
    values: pa.Array

    def __len__(self) -> int:
        return len(self.profile)

    def of(self, profile: int) -> list[tuple[str, int, str]]:
        """Name, since when and value (JSON text) of all that came with the profile."""
        low, high = np.searchsorted(self.profile, (profile, profile + 1))
        return [self.row(place) for place in range(int(low), int(high))]

    def row(self, place: int) -> tuple[str, int, str]:
        name, value = self.names[int(self.name[place])].as_py(), self.values[int(self.value[place])].as_py()
        return name, int(self.ts[place]), value


def from_attributes(batch: AttributeBatch) -> History:
    name, names = encode_texts(batch.name)
    value, values = encode_texts([to_json(one) for one in batch.value])
    return sorted_history(batch.profile.astype(np.int64), name, batch.ts.astype(np.int64), value, names, values)


def sorted_history(profile: Ints, name: Array, ts: Ints, value: Array, names: pa.Array, values: pa.Array) -> History:
    order = np.lexsort((ts, name, profile))
    return History(profile[order], name[order], ts[order], value[order], names, values)


def join_histories(parts: Sequence[History], forgotten: Ints) -> History:
    """All parts in one, without the forgotten profiles, whose values leave the dictionary too."""
    keep = [np.flatnonzero(~np.isin(part.profile, forgotten)) for part in parts]
    name, names = joined_texts([(p.name[k], p.names) for p, k in zip(parts, keep, strict=True)])
    value, values = joined_texts([(p.value[k], p.values) for p, k in zip(parts, keep, strict=True)])
    profile = np.concatenate([p.profile[k] for p, k in zip(parts, keep, strict=True)])
    ts = np.concatenate([p.ts[k] for p, k in zip(parts, keep, strict=True)])
    return sorted_history(profile, name, ts, value, names, values)


def joined_texts(parts: Sequence[tuple[Array, pa.Array]]) -> tuple[Array, pa.Array]:
    texts = pa.concat_arrays([texts.take(pa.array(codes)) for codes, texts in parts]).dictionary_encode()
    count = len(texts)
    return (np.frombuffer(texts.indices.buffers()[1], np.int32)[:count] if count else np.empty(0, np.int32)), (
        texts.dictionary
    )


def save_history(path: Path, history: History) -> tuple[int, int]:
    arrays = {"profile": history.profile, "name": history.name, "ts": history.ts, "value": history.value}
    return write_arrays(path, arrays | {"names": history.names, "values": history.values}, {})


def load_history(file: ArrayFile) -> History:
    keys = {which: file.numbers(which) for which in ("profile", "name", "ts", "value")}
    return History(**keys, names=file.texts("names"), values=file.texts("values"))
