"""Tables as files: CSV for spreadsheets, JSON for programs, written row by row."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import orjson

from stratum.lib import sheets

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table on its way out. `name` is the file's without its ending; `total` counts the rows, which come lazily."""

    name: str
    title: str
    header: Sequence[str]
    rows: Iterable[Sequence[object]]
    total: int


def csv_lines(sheet: Sheet) -> Iterator[bytes]:
    """The header, then a line for each row."""
    return (line.encode() for line in sheets.csv_lines(chain([sheet.header], sheet.rows)))


def json_lines(sheet: Sheet) -> Iterator[bytes]:
    """A list of objects, a piece for each row; the last piece closes it."""
    opening = b"["
    for row in sheet.rows:
        yield opening + b"\n" + orjson.dumps(dict(zip(sheet.header, row, strict=True)))
        opening = b","
    yield b"[]\n" if opening == b"[" else b"\n]\n"


LINES: dict[str, Callable[[Sheet], Iterator[bytes]]] = {"csv": csv_lines, "json": json_lines}
