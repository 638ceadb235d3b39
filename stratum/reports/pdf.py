"""Any table as a PDF: its title, its charts if it has some, and its first rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from typing import Any

from reportlab.graphics.shapes import Drawing, PolyLine, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from stratum.reports.fonts import BODY, styles, words

MOST_ROWS = 2_000  # about sixty pages; CSV has all of them
LONGEST_CELL = 300
INK, LINE, ACCENT = colors.HexColor("#22303a"), colors.HexColor("#c9d2d8"), colors.HexColor("#0f6170")
STYLES = styles()
SMALL = ParagraphStyle("small", parent=STYLES["BodyText"], fontSize=7, leading=9, textColor=INK, splitLongWords=True)
TEXT = ParagraphStyle("text", parent=STYLES["BodyText"], fontSize=9, leading=12, textColor=INK)
WIDTH = landscape(A4)[0] - 30 * mm
CHART_WIDE, CHART_HIGH = 250 * mm, 26 * mm


@dataclass(frozen=True, slots=True)
class Trend:
    """A line over days; a day without a value breaks it."""

    title: str
    caption: str
    values: Sequence[float | None]


def table_pdf(
    title: str, header: Sequence[str], rows: Iterator[Sequence[object]], total: int, trends: Sequence[Trend] = ()
) -> tuple[bytes, int]:
    """The file, and how many rows stand in it."""
    shown = list(islice(rows, MOST_ROWS))
    story: list[Any] = [Paragraph(words(title), STYLES["Title"])]
    for trend in trends:
        story += [Paragraph(f"<b>{words(trend.title)}</b>: {words(trend.caption)}", TEXT), _drawing(trend)]
    if total > len(shown):
        story.append(Paragraph(f"The first {len(shown):,} of {total:,} rows; CSV and JSON have all of them.", TEXT))
    story += [Spacer(1, 4 * mm), _table(header, shown)]
    file = BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=landscape(A4),
        leftMargin=15 * mm,
        rightMargin=15 * mm,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title=title,
        author="Stratum",
    )
    document.build(story, onFirstPage=_page_number, onLaterPages=_page_number)
    return file.getvalue(), len(shown)


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> LongTable:
    cells = [[Paragraph(f"<b>{words(name)}</b>", SMALL) for name in header]]
    cells += [[Paragraph(words(_cell(value)), SMALL) for value in row] for row in rows]
    table = LongTable(cells, colWidths=[WIDTH / len(header)] * len(header), repeatRows=1)
    table.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.3, LINE), ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    return table


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _drawing(trend: Trend) -> Drawing:
    drawing = Drawing(CHART_WIDE, CHART_HIGH)
    known = [value for value in trend.values if value is not None]
    if not known:
        drawing.add(String(0, CHART_HIGH / 2, "No values", fontName=BODY, fontSize=8, fillColor=INK))
        return drawing
    highest, lowest = max(known), min(0, *known)
    step = CHART_WIDE / max(len(trend.values) - 1, 1)
    for run in _runs(trend.values):
        places = [(at * step, _height(value, lowest, highest)) for at, value in run]
        if len(places) == 1:
            places.append((places[0][0] + 2, places[0][1]))
        flat = [number for place in places for number in place]
        drawing.add(PolyLine(flat, strokeColor=ACCENT, strokeWidth=1.2))
    return drawing


def _height(value: float, lowest: float, highest: float) -> float:
    room = highest - lowest
    return float(2 + (CHART_HIGH - 6) * ((value - lowest) / room if room else 0.5))


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Unbroken stretches of (place, value)."""
    run: list[tuple[int, float]] = []
    for at, value in enumerate(values):
        if value is not None:
            run.append((at, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _page_number(canvas: Canvas, document: Any) -> None:
    canvas.setFont(BODY, 7)
    canvas.setFillColor(INK)
    canvas.drawRightString(landscape(A4)[0] - 15 * mm, 9 * mm, f"Page {document.page}")
