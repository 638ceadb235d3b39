"""The figures, printed and written between the markers of docs/performance.md."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.faults.report import machine

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- ingest: written by `python -m benchmarks.ingest` -->", "<!-- /ingest -->"


@dataclass(frozen=True, slots=True)
class Round:
    """`stored` before it. Rates a second, processor time in µs per event, milliseconds until counted while events come
    at half the wanted rate and at half of `rate`."""

    stored: int
    rate: float
    copied: float
    web: float
    database: float
    clients: float
    counted_as_wanted: Sequence[float]
    counted: Sequence[float]
    load: float

    def line(self) -> str:
        return (
            f"| {self.stored:,} | {self.rate:,.0f} | {self.rate / self.copied:.2f} ({self.copied:,.0f}) "
            f"| {self.web:.0f} / {self.database:.0f} / {self.clients:.0f} "
            f"| {spread(self.counted_as_wanted)} | {spread(self.counted)} | {self.load:.1f} |"
        )


def spread(counted: Sequence[float]) -> str:
    return f"{percentile(counted, 0.5):.0f} / {percentile(counted, 0.95):.0f} ({len(counted)})"


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)] if values else float("nan")


def text(rounds: Sequence[Round], events: int, size: float) -> str:
    return "\n".join(
        [
            f"{machine()}. {date.today():%Y-%m-%d}. {events:,} events of {size:.0f} bytes a round, in batches of 100.",
            "",
            "| stored before | events/s | of COPY (rows/s) | µs of processor per event: web / PostgreSQL / clients "
            "| acknowledged to counted at 4,000 events/s, ms: median / p95 (probes) | at half the rate | load |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *(one.line() for one in rounds),
        ]
    )


def load() -> float:
    return os.getloadavg()[0]


def write(told: str) -> None:
    page = PAGE.read_text()
    written, times = re.subn(f"{re.escape(BEGIN)}.*?{re.escape(END)}", f"{BEGIN}\n{told}\n{END}", page, flags=re.S)
    if not times:
        raise SystemExit(f"{PAGE} has no place for the figures: {BEGIN} … {END}")
    PAGE.write_text(written)
