"""The events that matter to a funnel, as the kernels of both engines read them: one track per event name.

ClickHouse finds, filters and sorts them. What crosses the wire is 22 bytes for each, and no properties unless a
breakdown asks for one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse import given
from cdp.engine.clickhouse.asked import named
from cdp.engine.clickhouse.decisions import Events, decide
from cdp.engine.clickhouse.filters import Named, Scope, is_told, properties_of
from cdp.engine.clickhouse.properties import value_of
from cdp.engine.clickhouse.pushed import EVERYTHING, joined
from cdp.engine.clickhouse.server import Server, array_of, numbers_of
from cdp.engine.clickhouse.state import Head
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.columnar.snapshot import Side
from cdp.engine.columnar.walk import Track, targets
from cdp.engine.events import ANY_EVENT, BEGINNING
from cdp.engine.funnels import FunnelSpec

# A table of so many places for each profile is made in less time than they are sorted.
CLOSE = 16
# Names that are asked about one by one.
MOST_APART = 64
# Which of a profile's events tells its value.
TOUCHES = {"first_touch": "argMinIf", "last_touch": "argMaxIf"}


@dataclass(frozen=True, eq=False)
class Asked:
    """A funnel, of whom and as of when."""

    server: Server
    head: Head
    spec: FunnelSpec
    as_of: int

    def names(self) -> list[str]:
        """For neighbours in the whole timeline, and for "any event", these are all that happened."""
        wanted = {name for one in targets(self.spec) for name in one.events}
        if ANY_EVENT not in wanted and self.spec.mode != "strict":
            return sorted(wanted)
        asked = self.head.question("names", self.as_of)
        return [name for (name,) in self.server.rows(asked.text, asked.parameters)]

    def profiles(self, statement: Statement) -> str:
        if self.spec.profiles is None:
            return "1"
        return f"profile IN {given.ids(self.server, self.spec.profiles, statement)}"

    def filtered(self, statement: Statement, start: int, last: int) -> "Filtered":
        """What the events of a range serve, as far as ClickHouse can tell."""
        scope, verdicts = Scope(self.server, self.head, self.as_of, start, last), []
        for one in targets(self.spec):
            is_named = naming(one.events)
            found = EVERYTHING if one.where is None else scope.verdict(one.where, is_named, statement)
            verdicts.append((is_named(statement), found))
        bits = [f"if({name} AND {found.sure}, {1 << bit}, 0)" for bit, (name, found) in enumerate(verdicts)]
        opened = {
            bit: f"if({name} AND {found.open}, {1 << bit}, 0)"
            for bit, (name, found) in enumerate(verdicts)
            if found.is_open
        }
        return Filtered(joined(" + ", "0", bits), joined(" + ", "0", list(opened.values())), tuple(opened))

    def serving(self, statement: Statement) -> str:
        """SQL that holds for the events that serve a step, whenever they happened."""
        scope = Scope(self.server, self.head, self.as_of, BEGINNING, self.as_of)
        return joined(" OR ", "0", self.by_step(statement, scope))

    def by_step(self, statement: Statement, scope: Scope) -> list[str]:
        """Per step, SQL that holds for the events of the scope that serve it."""
        parts = []
        for one in self.spec.steps:
            is_named = naming(one.events)
            where = "1" if one.where is None else scope.condition(one.where, is_named, statement)
            parts.append(f"({is_named(statement)} AND {where})")
        return parts


def naming(events: Sequence[str]) -> Named:
    return lambda statement: named(events, statement)


@dataclass(frozen=True)
class Filtered:
    """SQL for the bits of what an event serves surely, and of what is open; `places` of the steps and exclusions that
    can be open."""

    bits: str
    open: str
    places: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Marks:
    """`rows[place]`: the rows of the table that are the events of `tracks[place]`."""

    side: Side
    tracks: Sequence[Track]
    rows: Sequence[slice]
    table: pa.Table

    def column(self, name: str) -> Ints:
        return numbers_of(self.table.column(name))


def read_marks(asked: Asked, *, wanted: str | None = None, steps: int = 0) -> Marks:
    """`wanted`: a property whose text is the column `value` where an event serves any of the `steps` (bits)."""
    spec, head = asked.spec, asked.head
    start, last = max(spec.start, head.floor), min(spec.end - 1 + spec.window, asked.as_of)
    names = asked.names()
    statement = head.question("funnel_marks", asked.as_of, start, last)
    filtered = asked.filtered(statement, start, last)
    columns = [f"toUInt32({filtered.open}) AS opened"] if filtered.places else []
    bits = "bitOr(bits, opened)" if columns else "bits"
    if wanted is not None:
        value = value_of(wanted, statement)
        columns += [f"if(bitAnd({bits}, {steps}) != 0, {value}, '') AS value", "received", "seq"]
    # Who reads values has to know which of two events of one instant came first.
    statement.parts["ties"] = ", received, seq" if wanted is not None else ""
    statement.parts |= {"bits": filtered.bits, "asked": asked.profiles(statement)}
    statement.parts["serving"] = "1" if spec.mode == "strict" else f"{bits} != 0"
    read = partial(with_more, asked, statement, names)
    return marks_of(spec, names, read_rows(asked, statement, columns, filtered, read))


Read = Callable[[Sequence[str]], pa.Table]


def read_rows(asked: Asked, statement: Statement, columns: Sequence[str], filtered: Filtered, read: Read) -> pa.Table:
    """With all bits; `read` gives a table with these columns more. Where events are seldom open, what is needed to
    decide them is asked for when there are any."""
    seldom = all(is_told(where) for place in filtered.places if (where := targets(asked.spec)[place].where))
    if not filtered.places or seldom:
        table = read(columns)
        if not filtered.places or not array_of(table.column("opened"), np.uint32).any():
            return table
    values = open_values(asked.spec, filtered, statement)
    return settled(asked, read([*columns, *values]), filtered.places)


def with_more(asked: Asked, statement: Statement, names: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """One name after the other, unless there are many of them: where rows lie in several parts, ClickHouse merges those
    of one name in a tenth of the time that it takes to order all by their names."""
    statement.parts["more"] = "".join(f", {column}" for column in columns)
    if not 0 < len(names) <= MOST_APART:
        listed = statement.bind(list(names), "Array(String)")
        parts = {"track": f"transform(name, {listed}, arrayEnumerate({listed}), 0)", "by_name": "name, "}
        return rows_of(asked, statement, parts | {"named": f"name IN {listed}"})
    each = (
        {"track": str(place), "by_name": "", "named": named([name], statement)} for place, name in enumerate(names, 1)
    )
    return pa.concat_tables([rows_of(asked, statement, parts) for parts in each])


def rows_of(asked: Asked, statement: Statement, parts: dict[str, str]) -> pa.Table:
    statement.parts |= parts
    return asked.server.table(statement.text, statement.parameters)


def open_properties(spec: FunnelSpec, places: Sequence[int]) -> list[str]:
    """What has to be known of events whose filters are open."""
    filters = [targets(spec)[place].where for place in places]
    return sorted({name for where in filters if where is not None for name in properties_of(where)})


def open_values(spec: FunnelSpec, filtered: Filtered, statement: Statement) -> list[str]:
    names = open_properties(spec, filtered.places)
    return [f"if(opened != 0, {value_of(name, statement)}, '') AS v{place}" for place, name in enumerate(names)]


def settled(asked: Asked, table: pa.Table, places: Sequence[int]) -> pa.Table:
    """With the bits of filters that were open."""
    bits, opened = (array_of(table.column(name), np.uint32).copy() for name in ("bits", "opened"))
    profile = numbers_of(table.column("profile"))
    names = open_properties(asked.spec, places)
    for place in places:
        where = targets(asked.spec)[place].where
        rows = np.flatnonzero((opened >> np.uint32(place)) & np.uint32(1))
        if where is None or not len(rows):
            continue
        texts = {name: table.column(f"v{column}").take(pa.array(rows)) for column, name in enumerate(names)}
        bits[rows] |= decide(where, Events(profile[rows], texts), asked.as_of).astype(np.uint32) << np.uint32(place)
    table = table.set_column(table.column_names.index("bits"), "bits", pa.array(bits))
    return table if asked.spec.mode == "strict" else table.filter(pa.array(bits != 0))


def marks_of(spec: FunnelSpec, names: Sequence[str], table: pa.Table) -> Marks:
    track = array_of(table.column("track"), np.uint16)
    profile, ts = (numbers_of(table.column(name)) for name in ("profile", "ts"))
    bits = array_of(table.column("bits"), np.uint32)
    cuts = np.searchsorted(track, np.arange(1, len(names) + 2)).tolist()
    found = [(name, slice(low, high)) for name, (low, high) in zip(names, pairwise(cuts), strict=True) if low < high]
    ids, places = places_of(profile, [rows for _, rows in found])
    tracks = [
        Track(serves(spec, name), place, ts[rows], bits[rows])
        for (name, rows), place in zip(found, places, strict=True)
    ]
    side = Side(ids, np.zeros(len(ids), np.uint8), lambda name: None, frozenset())
    return Marks(side, tracks, [rows for _, rows in found], table)


def places_of(profile: Ints, parts: Sequence[slice]) -> tuple[Ints, list[NDArray[np.int32]]]:
    """All profiles, and per part, in which they ascend, the place of each row's."""
    beginnings = [begins_of(profile[rows]) for rows in parts]
    firsts = [profile[rows][begins] for rows, begins in zip(parts, beginnings, strict=True)]
    sizes = [np.diff(begins, append=rows.stop - rows.start) for rows, begins in zip(parts, beginnings, strict=True)]
    ids, places = places_among(firsts)
    return ids, [np.repeat(place, size) for place, size in zip(places, sizes, strict=True)]


def begins_of(profile: Ints) -> Ints:
    """The rows with which another profile begins; there are rows."""
    begins: Ints = np.flatnonzero(np.append(True, profile[1:] != profile[:-1]))
    return begins


def places_among(firsts: Sequence[Ints]) -> tuple[Ints, list[NDArray[np.int32]]]:
    """Each profile once, ascending, and where it is: told by a table where ids lie close, else by searching."""
    every = np.concatenate([np.empty(0, np.int64), *firsts])
    low, high = (int(every.min()), int(every.max())) if len(every) else (0, -1)
    if high - low >= CLOSE * len(every):
        ids = np.unique(every)
        return ids, [np.searchsorted(ids, first).astype(np.int32) for first in firsts]
    is_there = np.zeros(high - low + 1, np.bool_)
    is_there[every - low] = True
    place = np.cumsum(is_there, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(is_there) + low, [place[first - low] for first in firsts]


def serves(spec: FunnelSpec, name: str) -> tuple[int, ...]:
    return tuple(bit for bit, one in enumerate(targets(spec)) if name in one.events or ANY_EVENT in one.events)
