"""Tables as files: CSV for spreadsheets and JSON for programs, written row by row; PDF for people."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import orjson

from stratum.lib import sheets
from stratum.reports.pdf import table_pdf

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json", "pdf": "application/pdf"}
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table on its way out. `name` is the file's without its ending; `total` counts the rows, which come lazily.

    `own` are the formats that its exporter writes itself: called when the writing begins, with a listener that wants to
    hear how many rows are written; gives the file piece by piece. `proof` is asked once the file is written, for what
    its room can prove about it.
    """

    name: str
    title: str
    header: Sequence[str]
    rows: Iterable[Sequence[object]]
    total: int
    own: Mapping[str, Callable[[Tell], Iterator[bytes]]] = field(default_factory=dict)
    proof: Callable[[], Mapping[str, object]] = dict


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


def pdf_lines(sheet: Sheet) -> Iterator[bytes]:
    """One piece: the title and the first rows."""
    yield table_pdf(sheet.title, sheet.header, iter(sheet.rows), sheet.total)[0]


LINES: dict[str, Callable[[Sheet], Iterator[bytes]]] = {"csv": csv_lines, "json": json_lines, "pdf": pdf_lines}


def formats(sheet: Sheet) -> tuple[str, ...]:
    return (*LINES, *(name for name in sheet.own if name not in LINES))


def lines(sheet: Sheet, file_format: str, tell: Tell) -> Iterator[bytes]:
    """The file, piece by piece; `tell` hears how many rows are written."""
    if file_format in sheet.own:
        return sheet.own[file_format](tell)
    return LINES[file_format](replace(sheet, rows=_told(sheet.rows, tell)))


def _told(rows: Iterable[Sequence[object]], tell: Tell) -> Iterator[Sequence[object]]:
    for number, row in enumerate(rows, 1):
        yield row
        tell(number)
