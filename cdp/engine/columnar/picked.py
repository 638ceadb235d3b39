"""Some rows of a snapshot, so that a question about few profiles costs what their rows cost, not what is stored."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.beginnings import rows_of_spans, sought, spans_of
from cdp.engine.columnar.columns import JSON, TEXT, Column, used_places
from cdp.engine.columnar.ordering import has_ties
from cdp.engine.columnar.snapshot import Piece, Side, Snapshot, Stream
from cdp.engine.columnar.table import EMPTY, Columns, View
from cdp.engine.events import ANY_EVENT, EventName, Prefix

Places = NDArray[np.int32]


class PickedColumns(Columns):
    """The columns of a table in some of its rows (ascending or not), each picked when first asked for."""

    def __init__(self, source: Columns, rows: Ints, table_rows: int) -> None:
        super().__init__({})
        self.source = source
        self.picked_rows = rows
        self.table_rows = table_rows

    def get(self, name: str) -> Column | None:
        if name not in self.opened and (column := self.source.get(name)) is not None:
            self.opened[name] = picked_column(column, self.picked_rows, self.table_rows)
        return self.opened.get(name)


def picked_column(column: Column, rows: Ints, table_rows: int) -> Column:
    if len(column) == table_rows:
        return with_texts(column, np.arange(len(rows)), rows)
    place = np.searchsorted(column.rows, rows)
    found = np.flatnonzero(column.rows[place.clip(max=max(len(column) - 1, 0))] == rows) if len(column) else place[:0]
    return with_texts(column, found, place[found])


def with_texts(column: Column, rows: Ints, places: Ints) -> Column:
    """What was decided about its texts is known of the same dictionary, unless JSON, of which only the used ones are
    looked at. A long dictionary would take longer than the rows."""
    kind, value = column.kind[places], column.value[places]
    if len(column.texts) <= len(rows) and not (kind == JSON).any():
        return Column(rows, kind, value, column.texts, column.verdicts)
    is_text = (kind == TEXT) | (kind == JSON)
    value = value.astype(np.int64)
    used, value[is_text] = used_places(value[is_text], len(column.texts))
    return Column(rows, kind, value, column.texts.take(used))


@dataclass(frozen=True, eq=False)
class PickedView(View):
    source: View
    rows: Ints

    def key(self, which: str) -> Array:
        return self.source.key(which)[self.rows]


def picked_view(view: View, rows: Ints) -> PickedView:
    if isinstance(view, PickedView):
        return picked_view(view.source, view.rows[rows])
    columns = PickedColumns(view.table.columns, rows + view.start, len(view.table))
    return PickedView(replace(EMPTY, columns=columns), 0, len(rows), view, rows)


def picked(stream: Stream, rows: Ints, profile: Places) -> Stream:
    """The given ascending rows of a stream, in the total order inside each profile; `profile` are their places."""
    ts = stream.ts[rows]
    if stream.order is None:
        return Stream(stream.name, profile, ts, [Piece(picked_view(stream.pieces[0].view, rows), None)], None)
    source, low = stream.order[rows], 0
    pieces, order = [], np.empty(len(rows), np.int64)
    filled = 0
    for piece in stream.pieces:
        size = len(piece.view) if piece.rows is None else len(piece.rows)
        mine = np.flatnonzero((source >= low) & (source < low + size))
        inside = source[mine] - low
        pieces.append(Piece(picked_view(piece.view, inside if piece.rows is None else piece.rows[inside]), None))
        order[mine] = np.arange(filled, filled + len(mine))
        filled += len(mine)
        low += size
    return settled(Stream(stream.name, profile, ts, pieces, order))


def settled(stream: Stream) -> Stream:
    """Events of one instant that come from several pieces are not yet in the order of all events."""
    assert stream.order is not None
    if not has_ties(np.arange(len(stream.ts)), stream.profile, stream.ts):
        return stream
    received = stream.gather(lambda view: view.key("received"))
    seq = stream.gather(lambda view: view.key("seq"))
    order = np.lexsort((seq, received, stream.ts, stream.profile))
    return replace(stream, order=stream.order[order])


@dataclass(frozen=True, eq=False)
class AskedSide:
    """A side of the question. `is_ascending`: whether its places are by ascending profile."""

    side: Side
    is_ascending: bool


def asked_sides(snapshot: Snapshot, profiles: Ints | None) -> tuple[AskedSide, AskedSide]:
    """The base, then the recent side; of the ascending `profiles` only, if given."""
    if profiles is None:
        touched = np.arange(len(snapshot.touched), dtype=np.int32)
        return AskedSide(snapshot.base_side, snapshot.profiles.is_ascending), few_places(snapshot.recent_side, touched)
    numbers = snapshot.profiles.find(profiles)
    numbers = numbers[numbers >= 0]
    numbers = np.sort(numbers[snapshot.base_side.skip[numbers] == 0])
    touched = np.flatnonzero(np.isin(snapshot.touched, profiles)).astype(np.int32)
    return few_places(snapshot.base_side, numbers), few_places(snapshot.recent_side, touched)


def few_places(side: Side, wanted: Places) -> AskedSide:
    """The side as if it had only the wanted places, which ascend."""

    @cache
    def streams(name: str) -> Stream | None:
        stream = side.streams(name)
        if stream is None:
            return None
        view = stream.base
        if view is None:
            first, count = sought(stream.profile, wanted)
        else:
            first, count = spans_of(view, name, wanted, len(side.ids))
        rows = rows_of_spans(first, count)
        return picked(stream, rows, np.repeat(np.arange(len(wanted), dtype=np.int32), count)) if len(rows) else None

    ids = side.ids[wanted]
    names = side.names if len(wanted) else frozenset[str]()
    few = Side(ids, np.zeros(len(wanted), np.uint8), streams, names)
    return AskedSide(few, bool((ids[1:] > ids[:-1]).all()))


def names_in(side: Side, wanted: Iterable[EventName]) -> list[str]:
    """The event names of the side that are meant."""
    return sorted({name for one in wanted for name in names_of(side, one)})


def names_of(side: Side, wanted: EventName) -> Iterable[str]:
    if isinstance(wanted, Prefix):
        return (name for name in side.names if name.startswith(wanted.text))
    return side.names if wanted == ANY_EVENT else side.names & {wanted}
