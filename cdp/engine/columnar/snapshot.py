"""One state of the engine to be asked: the base, and beside it everything that changed since.

Profiles touched by a run, a merge, a void or an erasure are answered from the recent side: their rows of the base
together with those of the runs, by their present owner. The base side skips them. So every question is asked twice
and the answers, being per profile, are put together.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array, ArrayFile
from cdp.engine.columnar.attributes import History, load_history
from cdp.engine.columnar.beginnings import rows_of_spans, spans_of
from cdp.engine.columnar.manifest import Manifest, Named
from cdp.engine.columnar.ordering import order_by
from cdp.engine.columnar.state import State, load_state
from cdp.engine.columnar.table import Table, View, load
from cdp.engine.overviews import Daily

Flags = NDArray[np.uint8]
BEGINNING = -(2**62)


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of a view: all of them when `rows` is None."""

    view: View
    rows: Ints | None

    def take(self, array: Array) -> Array:
        return array if self.rows is None else array[self.rows]


@dataclass(frozen=True, eq=False)
class Stream:
    """The events of one name, by (profile, time). `profile` is a place in the ids of the side."""

    name: str
    profile: NDArray[np.int32]
    ts: Ints
    pieces: Sequence[Piece]
    order: Ints | None

    @property
    def base(self) -> View | None:
        """Where it is a whole stream of the base: its places stay as they are while the table does. Rows that were
        picked for few profiles, or sent by ClickHouse, have places of their own."""
        view = self.pieces[0].view
        return view if self.order is None and type(view) is View else None

    def gather(self, per_row: Callable[[View], Array]) -> Array:
        """What the function gives for each row, in the order of the stream."""
        if self.order is None:
            return per_row(self.pieces[0].view)
        return np.concatenate([piece.take(per_row(piece.view)) for piece in self.pieces])[self.order]


@dataclass(frozen=True, eq=False)
class Side:
    """`ids`: profile ids, by place. `skip`: 1 for those that the other side answers."""

    ids: Ints
    skip: Flags
    streams: Callable[[str], Stream | None]
    names: frozenset[str]

    def all_streams(self) -> Iterator[Stream]:
        for name in sorted(self.names):
            if (stream := self.streams(name)) is not None:
                yield stream


@dataclass(frozen=True, eq=False)
class Profiles:
    """The profiles of the base: `ids` by dense number, which never changes; `ordered` ascending, with their numbers."""

    ids: Ints
    ordered: Ints
    numbers: NDArray[np.int32]

    @cached_property
    def is_ascending(self) -> bool:
        return np.array_equal(self.ids, self.ordered)

    def find(self, ids: Ints) -> NDArray[np.int32]:
        """Dense numbers, -1 for the unknown."""
        if not len(self.ordered):
            return np.full(len(ids), -1, np.int32)
        place = np.searchsorted(self.ordered, ids).clip(max=len(self.ordered) - 1)
        return np.where(self.ordered[place] == ids, self.numbers[place], np.int32(-1))


NOBODY = Profiles(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32))


def load_profiles(file: ArrayFile) -> Profiles:
    return Profiles(file.numbers("ids"), file.numbers("ordered"), file.numbers("numbers"))


class Snapshot:
    def __init__(self, folder: Path, manifest: Manifest, known: "Snapshot | None" = None) -> None:
        """Maps all files, so that it stays valid whatever is swept. Raises FileNotFoundError and EngineDamaged."""
        self.manifest = manifest
        self.folder = folder
        self.known: dict[str, Table] = known.tables if known else {}
        self.states: dict[str, State] = dict(known.states) if known else {}
        self.profiles = self.read_profiles(manifest.profiles, known)
        self.base = [self.table(one) for one in manifest.tables]
        self.runs = [self.table(one) for one in manifest.runs]
        self.state = self.read_state(manifest.state)
        self.base_state = self.read_state(manifest.base_state)
        self.histories = [self.history(one) for one in (manifest.base_attributes, *manifest.attribute_runs) if one]
        self.tables: dict[str, Table] = dict(zip(self.table_names, (*self.base, *self.runs), strict=True))
        self.known, self.states = {}, {one.file: self.read_state(one) for one in (manifest.state,) if one}
        self.cached_streams: dict[str, Stream | None] = {}
        self.cached_days: dict[tuple[int, int, int, int], Daily] = {}

    @property
    def table_names(self) -> list[str]:
        return [one.file for one in (*self.manifest.tables, *self.manifest.runs)]

    @property
    def floor(self) -> int:
        """Events before it are purged."""
        floor = self.manifest.purged_before
        return BEGINNING if floor is None else floor

    def file(self, named: Named) -> ArrayFile:
        return ArrayFile(self.folder / named.file, named.length)

    def table(self, named: Named) -> Table:
        return self.known.get(named.file) or load(self.file(named))

    def read_state(self, named: Named | None) -> State:
        if named is None:
            return State()
        if named.file not in self.states:
            self.states[named.file] = load_state(self.file(named))
        return self.states[named.file]

    def read_profiles(self, named: Named | None, known: "Snapshot | None") -> Profiles:
        if named is None:
            return NOBODY
        is_known = known is not None and known.manifest.profiles == named
        return known.profiles if known is not None and is_known else load_profiles(self.file(named))

    def history(self, named: Named) -> History:
        return load_history(self.file(named))

    @cached_property
    def live_run_rows(self) -> list[tuple[Ints, Ints]]:
        """Per run the rows that count, and their present owners."""
        live = []
        for run in self.runs:
            rows = np.flatnonzero(self.state.counts(run.seq, run.origin))
            live.append((rows, self.state.owner(run.origin[rows])))
        return live

    @cached_property
    def touched_ordered(self) -> Ints:
        """The ids that the recent side answers, ascending."""
        owners = [owners for _, owners in self.live_run_rows]
        return np.unique(np.concatenate([*owners, self.state.touched_since(self.base_state)]))

    @cached_property
    def touched_in_base(self) -> NDArray[np.int32]:
        """The dense number of each of `touched_ordered`, -1 for the unknown."""
        return self.profiles.find(self.touched_ordered)

    @cached_property
    def touched_order(self) -> Ints:
        """Sorts `touched_ordered` as the base sorts its rows, so that these arrive in order; unknown ids come last."""
        numbers = self.touched_in_base.astype(np.int64)
        return np.argsort(np.where(numbers < 0, len(self.profiles.ids), numbers), kind="stable")

    @cached_property
    def touched(self) -> Ints:
        """The ids of the recent side by place."""
        return self.touched_ordered[self.touched_order]

    @cached_property
    def touched_places(self) -> NDArray[np.int32]:
        """The place of each of `touched_ordered`."""
        places = np.empty(len(self.touched_order), np.int32)
        places[self.touched_order] = np.arange(len(places), dtype=np.int32)
        return places

    @cached_property
    def touched_numbers(self) -> NDArray[np.int32]:
        """The dense numbers of those that the base knows, ascending."""
        numbers = self.touched_in_base[self.touched_order]
        return numbers[numbers >= 0]

    @cached_property
    def base_side(self) -> Side:
        skip = np.zeros(len(self.profiles.ids), np.uint8)
        skip[self.touched_numbers] = 1
        return Side(self.profiles.ids, skip, self.base_stream, frozenset(self.base_names))

    @cached_property
    def recent_side(self) -> Side:
        names = {name for run in self.runs for name in run.names} | set(self.base_names)
        skip = np.zeros(len(self.touched), np.uint8)
        return Side(self.touched, skip, self.recent_stream, frozenset(names if len(self.touched) else ()))

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.base_side, self.recent_side

    @cached_property
    def base_names(self) -> dict[str, Table]:
        return {name: table for table in self.base for name in table.names}

    def base_stream(self, name: str) -> Stream | None:
        table = self.base_names.get(name)
        view = table.view(name) if table else None
        if view is None:
            return None
        return Stream(name, view.key("profile"), view.key("ts"), [Piece(view, None)], None)

    def recent_stream(self, name: str) -> Stream | None:
        if name not in self.cached_streams:
            self.cached_streams[name] = self.build_recent_stream(name)
        return self.cached_streams[name]

    def build_recent_stream(self, name: str) -> Stream | None:
        found = [*self.touched_base_rows(name), *self.run_rows(name)]
        if not found:
            return None
        pieces = [piece for piece, _ in found]
        ts = np.concatenate([piece.take(piece.view.key("ts")) for piece in pieces])
        place = np.concatenate([places for _, places in found])
        order = order_by(place, ts)
        return Stream(name, place[order], ts[order], pieces, order)

    def places_of(self, owners: Ints) -> NDArray[np.int32]:
        """In the recent side, of profiles that are in it."""
        return self.touched_places[np.searchsorted(self.touched_ordered, owners)]

    @cached_property
    def is_only_appended(self) -> bool:
        """Whether all events of the base count and belong to whom the base sorts them by."""
        return all(state.is_plain for state in (self.state, self.base_state))

    def touched_base_rows(self, name: str) -> Iterator[tuple[Piece, NDArray[np.int32]]]:
        """The rows of touched profiles in the base, and the places of their present owners."""
        base = self.base_stream(name)
        if base is None or not len(self.touched_numbers):
            return
        view = base.pieces[0].view
        first, count = spans_of(view, name, self.touched_numbers, len(self.profiles.ids))
        rows = rows_of_spans(first, count)
        if self.is_only_appended:
            if len(rows):
                # Places of the recent side are in the order of the base's numbers.
                yield Piece(view, rows), np.repeat(np.arange(len(count), dtype=np.int32), count)
            return
        origin = self.profiles.ids[view.key("origin")[rows]]
        keep = self.state.counts(view.key("seq")[rows], origin)
        if keep.any():
            yield Piece(view, rows[keep]), self.places_of(self.state.owner(origin[keep]))

    def run_rows(self, name: str) -> Iterator[tuple[Piece, NDArray[np.int32]]]:
        for run, (rows, owners) in zip(self.runs, self.live_run_rows, strict=True):
            view = run.view(name)
            if view is not None:
                low, high = np.searchsorted(rows, (view.start, view.stop))
                if low < high:
                    yield Piece(view, rows[low:high] - view.start), self.places_of(owners[low:high])
