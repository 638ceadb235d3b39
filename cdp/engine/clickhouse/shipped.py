"""Rows of ClickHouse as the kernels of the embedded engine read them, for what ClickHouse cannot decide itself."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from cdp.engine.clickhouse.asked import Question, numbers
from cdp.engine.clickhouse.properties import value_of
from cdp.engine.clickhouse.values import from_text
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.columns import Column, encode
from cdp.engine.columnar.picked import AskedSide
from cdp.engine.columnar.snapshot import Piece, Side, Stream
from cdp.engine.columnar.table import EMPTY, REST, Columns, View
from cdp.engine.events import ANY_EVENT, Events, is_named
from cdp.engine.predicate_refs import elsewhere
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Not, Predicate, Ref, StepRef, Test


class ShippedView(View):
    """Of a question's own rows, of which nothing is kept for the next one."""


def shipped(question: Question, events: Events, properties: Iterable[str]) -> AskedSide:
    """The rows of the events (whatever their filter says) with these properties, by what a path leads to."""
    names = names_of(question, events)
    asked = question.about("profile_events", events)
    wanted = sorted(set(properties))
    asked.parts["values"] = "".join(f", {value_of(one, asked)} AS v{place}" for place, one in enumerate(wanted))
    asked.parameters["names"] = names
    found = question.table(asked)
    return side_of(names, found, wanted)


def names_of(question: Question, events: Events) -> list[str]:
    """The event names that are meant, ascending."""
    if all(isinstance(one, str) and one != ANY_EVENT for one in events.names):
        return sorted({str(one) for one in events.names})
    asked = question.about("profile_names", events)
    found = question.server.rows(asked.text, asked.parameters)
    return [name for (name,) in found if any(is_named(name, one) for one in events.names)]


def side_of(names: Sequence[str], found: pa.Table, properties: Sequence[str]) -> AskedSide:
    keys = {which: numbers(found, which) for which in ("profile", "ts", "received", "seq")}
    ids, places = np.unique(keys["profile"], return_inverse=True)
    keys["profile"] = places.astype(np.int32)
    cuts = np.searchsorted(numbers(found, "track"), np.arange(1, len(names) + 2)).tolist()
    columns = [column_of(found.column(f"v{place}"), one) for place, one in enumerate(properties)]
    streams = {
        name: stream_of(name, low, high, keys, dict(zip(properties, columns, strict=True)))
        for name, (low, high) in zip(names, pairwise(cuts), strict=True)
        if low < high
    }
    return AskedSide(Side(ids, np.zeros(len(ids), np.uint8), streams.get, frozenset(streams)), is_ascending=True)


def stream_of(name: str, low: int, high: int, keys: dict[str, Array], columns: dict[str, Column]) -> Stream:
    some = {which: np.ascontiguousarray(array[low:high]) for which, array in keys.items()}
    mine = {one: part for one, column in columns.items() if len(part := part_of(column, low, high))}
    table = replace(EMPTY, names=(name,), starts=np.array([0, high - low]), columns=Columns(mine), **some)
    return Stream(name, some["profile"], some["ts"], [Piece(ShippedView(table, 0, high - low), None)], None)


def part_of(column: Column, low: int, high: int) -> Column:
    return Column(*column.within(low, high), column.texts)


def column_of(texts: pa.ChunkedArray, name: str) -> Column:
    """Of JSON texts, empty where there is no value: each distinct one is read once."""
    encoded = texts.combine_chunks().dictionary_encode()
    each = encoded.dictionary.to_pylist()
    codes = np.frombuffer(encoded.indices.buffers()[1], np.int32)[: len(texts)]
    values = [from_text(one) for one in each]
    # A table keeps the property without a name as it keeps all that have no column of their own.
    distinct = encode(range(len(each)), [{name: one} for one in values] if name == REST else values)
    rows = np.flatnonzero(codes != each.index("")) if "" in each else np.arange(len(codes))
    return Column(rows, distinct.kind[codes[rows]], distinct.value[codes[rows]], distinct.texts)


def properties_in(where: Predicate | None) -> Iterator[str]:
    """What a filter looks at of events, the earlier ones of a sequence too."""
    match where:
        case AllOf(children) | AnyOf(children):
            for child in children:
                yield from properties_in(child)
        case Not(child):
            yield from properties_in(child)
        case Test(name, _, operand):
            yield name
            if isinstance(operand, Ref):
                yield operand.path
        case AnyItem(name):
            yield name
    if where is not None:
        yield from (one.path for one in elsewhere(where) if isinstance(one, StepRef))
