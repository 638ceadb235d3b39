"""The figures, printed and written between the markers of docs/reliability.md."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN = "<!-- autopilot_faults: written by python -m benchmarks.autopilot_faults -->"
END = "<!-- /autopilot_faults -->"


@dataclass(slots=True)
class Row:
    runs: int = 0
    actions: int = 0
    kills: int = 0
    writes: int = 0
    ends: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Figures:
    first: int
    rows: dict[str, Row] = field(default_factory=dict)
    seconds: float = 0.0
    calls: int = 0
    differences: list[str] = field(default_factory=list)

    def text(self) -> str:
        runs = sum(row.runs for row in self.rows.values())
        writes, acted = (sum(getattr(row, name) for row in self.rows.values()) for name in ("writes", "actions"))
        return "\n".join(
            [
                f"{runs} runs from seed {self.first} on, {acted} actions, {self.calls:,} calls to the platforms, "
                f"{writes} writes taken, in {self.seconds:.0f} s; load in the end {os.getloadavg()[0]:.1f}.",
                "",
                "| what goes wrong | runs | actions | workers killed | writes taken | became of them |",
                "|---|---:|---:|---:|---:|---|",
                *(_row(name, row) for name, row in self.rows.items()),
                "",
                f"Applied twice, lost, or told otherwise by book, platform or page: {len(self.differences) or 'none'}.",
            ]
        )


def _row(name: str, row: Row) -> str:
    ends = ", ".join(f"{count} {state}" for state, count in row.ends.most_common())
    return f"| {name} | {row.runs} | {row.actions} | {row.kills} | {row.writes} | {ends} |"


def write(text: str) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
