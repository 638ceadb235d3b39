"""What a breakdown groups by: a small number per event or profile for each distinct value, MISSING for none."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.columns import JSON, TEXT, Column, decode_one
from cdp.engine.columnar.snapshot import Snapshot, Stream
from cdp.engine.columnar.table import REST, View
from cdp.engine.predicates import exact, is_missing, is_number, look_up

Codes = NDArray[np.int32]
Read = Callable[[Any], Any]
MISSING = -1


class Labels:
    """The distinct values met so far, and their codes."""

    def __init__(self) -> None:
        self.keys: dict[str, int] = {}
        self.values: list[Any] = []

    def code(self, value: Any) -> int:
        if is_missing(value):
            return MISSING
        code = self.keys.setdefault(key_of(value), len(self.values))
        if code == len(self.values):
            self.values.append(value)
        return code

    def codes(self, values: Iterable[Any]) -> Codes:
        return np.fromiter(map(self.code, values), np.int32)

    def ranked(self, sizes: Ints) -> list[int]:
        """The codes by falling size, without those of size 0."""
        names = list(self.keys)
        found: list[int] = np.flatnonzero(sizes).tolist()
        return sorted(found, key=lambda code: (-int(sizes[code]), names[code]))


def key_of(value: Any) -> str:
    """Equal for values that are one, such as 1 and 1.0."""
    number = exact(value) if is_number(value) else None
    if number is not None:
        return f"number {number.normalize() + 0}"
    return f"{type(value).__name__} {json.dumps(value, sort_keys=True)}"


def event_codes(stream: Stream, name: str, labels: Labels) -> Codes:
    """Per event of the stream the code of its property."""
    return stream.gather(lambda view: row_codes(view, name, labels))


def only_column(view: View, name: str) -> Column | None:
    """The column that alone can have the property, if there is such a one."""
    columns = view.table.columns
    head, _, tail = name.partition(".")
    is_elsewhere = columns.get(REST) is not None or (tail and columns.get(head) is not None)
    return None if is_elsewhere else columns.get(name)


def row_codes(view: View, name: str, labels: Labels) -> Codes:
    codes = np.full(len(view), MISSING, np.int32)
    columns = view.table.columns
    head, _, tail = name.partition(".")
    exact_column, outer, rest = columns.get(name), columns.get(head) if tail else None, columns.get(REST)
    if rest is not None or (exact_column is not None and outer is not None):
        code_by_row(codes, view, name, {head: outer, name: exact_column, REST: rest}, labels)
    elif exact_column is not None:
        code_column(codes, view, exact_column, labels, lambda value: value)
    elif outer is not None:
        code_column(codes, view, outer, labels, lambda value: look_up({head: value}, name))
    return codes


def code_by_row(codes: Codes, view: View, name: str, columns: dict[str, Column | None], labels: Labels) -> None:
    """The slow way, for a property that may be found in more than one column."""
    found: dict[int, dict[str, Any]] = {}
    for source, column in columns.items():
        rows, places = column.places(view.start, view.stop) if column else ((), ())
        for row, value in zip(rows, column.decode(places) if column else (), strict=True):
            found.setdefault(row, {}).update(value if source == REST else {source: value})
    for row, properties in found.items():
        codes[row] = labels.code(look_up(properties, name))


def code_column(codes: Codes, view: View, column: Column, labels: Labels, read: Read) -> None:
    rows, kind, value = column.within(view.start, view.stop)
    found = value_codes(column, kind, value, labels, read)
    if len(rows) == len(codes):
        codes[:] = found
    else:
        codes[rows] = found


def value_codes(column: Column, kind: NDArray[np.uint8], value: Array, labels: Labels, read: Read) -> Codes:
    """Of values of the column."""
    sizes = np.bincount(kind, minlength=JSON + 1)
    if sizes[TEXT] + sizes[JSON] == len(kind):
        return text_codes(column, shifted(value, kind, len(column.texts)) if sizes[JSON] else value, labels, read)
    found = np.empty(len(kind), np.int32)
    for one in np.flatnonzero(sizes).tolist():
        where = kind == one
        found[where] = kind_codes(column, one, value[where], labels, read)
    return found


def shifted(value: Array, kind: NDArray[np.uint8], size: int) -> Ints:
    places = value.astype(np.int64)
    places += (kind == JSON) * np.int64(size)
    return places


def kind_codes(column: Column, kind: int, value: Array, labels: Labels, read: Read) -> Codes:
    """Every distinct value is looked at once."""
    if kind in (TEXT, JSON):
        return text_codes(column, value.astype(np.int64) + (len(column.texts) if kind == JSON else 0), labels, read)
    distinct, places = np.unique(value, return_inverse=True)
    return labels.codes(read(decode_one(kind, one, column.texts)) for one in distinct.tolist())[places]


def text_codes(column: Column, places: Array, labels: Labels, read: Read) -> Codes:
    """places: in the dictionary of texts, and behind its end once more for those that are JSON."""
    size = len(column.texts)
    occurs = np.zeros(2 * size, np.bool_)
    occurs[places] = True
    distinct = np.flatnonzero(occurs)
    table = np.empty(2 * size, np.int32)
    table[distinct] = labels.codes(
        read(decode_one(JSON if one >= size else TEXT, one % size, column.texts)) for one in distinct.tolist()
    )
    return table[places]


def attribute_codes(snapshot: Snapshot, name: str, profiles: Ints, as_of: int, labels: Labels) -> Codes:
    """The attribute of each profile as it was last set, by it or by those merged into it."""
    owner, ts, text = [], [], []
    for history in snapshot.histories:
        for code in np.flatnonzero(np.array(history.names.to_pylist(), object) == name).tolist():
            rows = np.flatnonzero((history.name == code) & (history.ts <= as_of))
            rows = rows[~np.isin(history.profile[rows], snapshot.state.forgotten)]
            owner += snapshot.state.owner(history.profile[rows]).tolist()
            ts += history.ts[rows].tolist()
            text += history.values.take(history.value[rows]).to_pylist()
    latest: dict[int, tuple[int, str]] = {}
    for one in zip(owner, ts, text, strict=True):
        latest[one[0]] = max(latest.get(one[0], one[1:]), one[1:])
    decoded = {written: labels.code(json.loads(written)) for written in {text for _, text in latest.values()}}
    known = np.fromiter((decoded[written] for _, written in latest.values()), np.int32, len(latest))
    return codes_by_profile(np.fromiter(latest, np.int64, len(latest)), known, profiles)


def codes_by_profile(known: Ints, codes: Codes, profiles: Ints) -> Codes:
    """Per profile its code; the last one where it is `known` more than once."""
    if not len(known):
        return np.full(len(profiles), MISSING, np.int32)
    order = np.argsort(known, kind="stable")
    place = order[np.searchsorted(known, profiles, side="right", sorter=order) - 1]
    return np.where(known[place] == profiles, codes[place], np.int32(MISSING))
