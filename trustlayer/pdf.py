"""The audit log as a PDF: what was asked, counts, charts, the newest entries, and the signed head."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from reportlab.graphics.charts.barcharts import HorizontalBarChart, VerticalBarChart
from reportlab.graphics.charts.piecharts import Pie
from reportlab.graphics.shapes import Drawing
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from stratum.reports.fonts import BODY, BOLD, styles, words
from stratum.workspaces.models import Workspace
from trustlayer.asked import DECISIONS, Asked
from trustlayer.models import LedgerEntry
from trustlayer.queries.audit import Analytics

COLOURS = {"PASS": colors.HexColor("#2f7d4f"), "HOLD": colors.HexColor("#c98a1b"), "BLOCK": colors.HexColor("#b3382c")}
INK, LINE = colors.HexColor("#22303a"), colors.HexColor("#c9d2d8")
STYLES = styles()
SMALL = ParagraphStyle("small", parent=STYLES["BodyText"], fontSize=7, leading=9, textColor=INK, splitLongWords=True)
TEXT = ParagraphStyle("text", parent=STYLES["BodyText"], fontSize=9, leading=12, textColor=INK)
WIDTHS = [26 * mm, 24 * mm, 13 * mm, 36 * mm, 54 * mm, 80 * mm, 34 * mm]
HEAD = ("Time", "Decision", "Health", "Action", "Entity", "Reason", "Who")
MOST_LABELS = 12  # along an axis of time
LONGEST_LABEL = 60
DATE_OUT = "%Y-%m-%d %H:%M"


def report_pdf(
    workspace: Workspace,
    asked: Asked,
    found: Analytics,
    newest: Sequence[LedgerEntry],
    total: int,
    manifest: Mapping[str, object],
    now: datetime,
) -> bytes:
    """`newest` are the rows that are printed, of `total`."""
    story: list[Any] = [
        Paragraph(f"Audit Logs of {words(workspace.name)}", STYLES["Title"]),
        *_summary(workspace, asked, found, total, now),
        *(_charts(found) if found.total else ()),
        *_rows(newest, total, asked.zone),
        Spacer(1, 6 * mm),
        *_proof(newest, manifest),
    ]
    file = BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=landscape(A4),
        leftMargin=15 * mm,
        rightMargin=15 * mm,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title=f"Audit Logs of {workspace.name}",
        author="Stratum",
    )
    document.build(story, onFirstPage=_page_number, onLaterPages=_page_number)
    return file.getvalue()


def _page_number(canvas: Canvas, document: Any) -> None:
    canvas.setFont(BODY, 7)
    canvas.setFillColor(INK)
    canvas.drawRightString(landscape(A4)[0] - 15 * mm, 9 * mm, f"Page {document.page}")


def _summary(workspace: Workspace, asked: Asked, found: Analytics, total: int, now: datetime) -> Iterator[Paragraph]:
    given = ", ".join(f"{name} = {value}" for name, value in asked.given) or "none, all decisions"
    span = "all time"
    if asked.period:
        span = f"{asked.period.first_day} to {asked.period.last_day}"
    yield Paragraph(f"Filters: {words(given)}. Period: {span}, times in {words(workspace.time_zone)}.", TEXT)
    counts = ", ".join(f"{count:,} {name}" for name, count in zip(DECISIONS, found.decisions, strict=True))
    yield Paragraph(f"{total:,} entries; {found.total:,} decisions: {counts}.", TEXT)
    yield Paragraph(f"Written {now.astimezone(asked.zone).strftime(DATE_OUT)}.", TEXT)


def _charts(found: Analytics) -> Iterator[Any]:
    titles = [Paragraph(title, STYLES["Heading4"]) for title in ("Decisions", f"Trend by {found.per}")]
    yield Table([titles, [_pie(found), _trend(found)]], colWidths=[80 * mm, 187 * mm])
    lower = ("Block reasons", "Actions by entity type")
    yield Table(
        [[Paragraph(title, STYLES["Heading4"]) for title in lower], [_reasons(found), _types(found)]],
        colWidths=[150 * mm, 117 * mm],
        style=[("VALIGN", (0, 0), (-1, -1), "TOP")],
    )


def _pie(found: Analytics) -> Drawing:
    drawing = Drawing(75 * mm, 48 * mm)
    pie = Pie()
    pie.x, pie.y, pie.width, pie.height = 18 * mm, 4 * mm, 38 * mm, 38 * mm
    shown = [(name, count) for name, count in zip(DECISIONS, found.decisions, strict=True) if count]
    pie.data = [count for _, count in shown]
    pie.labels = [f"{name} {count / found.total:.0%}" for name, count in shown]
    pie.slices.fontName, pie.slices.fontSize = BODY, 7
    for place, (name, _) in enumerate(shown):
        pie.slices[place].fillColor = COLOURS[name]
        pie.slices[place].strokeColor = colors.white
    drawing.add(pie)
    return drawing


def _trend(found: Analytics) -> Drawing:
    drawing = Drawing(180 * mm, 48 * mm)
    chart = VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 14 * mm, 8 * mm, 160 * mm, 36 * mm
    chart.data = [[one.counts[place] for one in found.trend] for place in range(len(DECISIONS))]
    every = -(-len(found.trend) // MOST_LABELS)
    chart.categoryAxis.categoryNames = [
        str(one.first) if place % every == 0 else "" for place, one in enumerate(found.trend)
    ]
    _stacked(chart)
    drawing.add(chart)
    return drawing


def _reasons(found: Analytics) -> Any:
    if not found.block_reasons:
        return Paragraph("Nothing was blocked.", TEXT)
    rows = [[Paragraph(words(reason), SMALL), f"{count:,}"] for reason, count in found.block_reasons]
    if found.other_reasons:
        rows.append([Paragraph("Other reasons", SMALL), f"{found.other_reasons:,}"])
    bars = Drawing(40 * mm, 5 * mm * len(rows))
    chart = HorizontalBarChart()
    chart.x, chart.y, chart.width, chart.height = 0, 0, 38 * mm, 5 * mm * len(rows)
    counts = [count for _, count in found.block_reasons] + ([found.other_reasons] if found.other_reasons else [])
    chart.data = [counts[::-1]]
    chart.bars[0].fillColor = COLOURS["BLOCK"]
    chart.bars[0].strokeColor = None
    chart.valueAxis.valueMin = 0
    chart.valueAxis.visible = chart.categoryAxis.visible = False
    bars.add(chart)
    table = Table(rows, colWidths=[85 * mm, 15 * mm], rowHeights=5 * mm)
    plain = [("FONTNAME", (0, 0), (-1, -1), BODY), ("FONTSIZE", (0, 0), (-1, -1), 7)]
    table.setStyle(TableStyle([*plain, ("VALIGN", (0, 0), (-1, -1), "MIDDLE"), _NO_PADDING]))
    return Table([[table, bars]], colWidths=[102 * mm, 42 * mm])


_NO_PADDING = ("TOPPADDING", (0, 0), (-1, -1), 0)


def _types(found: Analytics) -> Drawing:
    drawing = Drawing(110 * mm, 46 * mm)
    chart = VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 14 * mm, 8 * mm, 90 * mm, 34 * mm
    chart.data = [[counts[place] for _, counts in found.entity_types] for place in range(len(DECISIONS))]
    chart.categoryAxis.categoryNames = [words(name)[:LONGEST_LABEL] or "None" for name, _ in found.entity_types]
    _stacked(chart)
    drawing.add(chart)
    return drawing


def _stacked(chart: VerticalBarChart) -> None:
    chart.categoryAxis.style = "stacked"
    chart.categoryAxis.labels.fontName = chart.valueAxis.labels.fontName = BODY
    chart.categoryAxis.labels.fontSize = chart.valueAxis.labels.fontSize = 6
    chart.valueAxis.valueMin = 0
    for place, name in enumerate(DECISIONS):
        chart.bars[place].fillColor = COLOURS[name]
        chart.bars[place].strokeColor = None


def _rows(newest: Sequence[LedgerEntry], total: int, zone: ZoneInfo) -> Iterator[Any]:
    yield Paragraph("Entries", STYLES["Heading4"])
    if len(newest) < total:
        sentence = f"The newest {len(newest):,} of {total:,}; CSV and JSON hold all of them."
        yield Paragraph(sentence, TEXT)
    lines = [HEAD, *(_row(entry, zone) for entry in newest)]
    table = LongTable(lines, colWidths=WIDTHS, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("FONTSIZE", (0, 0), (-1, -1), 7),
                ("FONTNAME", (0, 0), (-1, -1), BODY),
                ("FONTNAME", (0, 0), (-1, 0), BOLD),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, LINE),
                ("TOPPADDING", (0, 0), (-1, -1), 1),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    yield table


def _row(entry: LedgerEntry, zone: ZoneInfo) -> tuple[Any, ...]:
    health = "" if entry.signal_health is None else str(entry.signal_health)
    reason = f"{entry.reason}: {entry.blocked_reason}" if entry.blocked_reason else entry.reason
    action = " ".join(filter(None, (entry.action, entry.change)))
    return (
        entry.timestamp.astimezone(zone).strftime(DATE_OUT),
        entry.decision + (" (dry run)" if entry.is_dry_run else ""),
        health,
        *(Paragraph(words(text), SMALL) for text in (action, entry.entity, reason, entry.user or entry.actor_type)),
    )


def _proof(newest: Sequence[LedgerEntry], manifest: Mapping[str, object]) -> Iterator[Paragraph]:
    """The checksum is the SHA-256 of the printed entries' hashes, in the order they are printed."""
    checksum = sha256("".join(entry.entry_hash for entry in newest).encode()).hexdigest()
    yield Paragraph(
        f"The book ended at entry {manifest['seq']} with hash {manifest['entry_hash']}, signed {manifest['at']}: "
        f"{manifest['signature']} (Ed25519, public key {manifest['public_key']}). "
        f"Checksum of the hashes of the entries above: {checksum}.",
        SMALL,
    )
