"""The figures, printed and written between the markers of docs/reliability.md."""

import os
import platform
import re
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: written by python -m benchmarks.faults -->", "<!-- /faults -->"


@dataclass
class Figures:
    """`recovery`: by kind, the seconds from each kill to the first right answer that was asked for after it."""

    seed: int
    rounds: int = 0
    seconds: float = 0.0
    recovery: dict[str, list[float]] = field(default_factory=dict)
    events: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    right: int = 0
    failed: int = 0
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0
    differences: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.wrong and not self.differences

    def text(self) -> str:
        changes = ", ".join(f"{count:,} {what}" for what, count in self.changes.items())
        lines = [
            f"{machine()}. Seed {self.seed}, {self.rounds} rounds in {self.seconds:.0f} s, "
            f"load in the end {os.getloadavg()[0]:.1f}.",
            "",
            "| killed with SIGKILL | times | to the first right answer: median | longest |",
            "|---|---|---|---|",
            *(row(kind, took) for kind, took in self.recovery.items()),
            "",
            "| | |",
            "|---|---|",
            f"| events acknowledged | {self.events:,} |",
            f"| changes acknowledged | {changes} |",
            f"| right answers | {self.right:,} |",
            f"| wrong answers | {len(self.wrong)} |",
            f"| requests without an answer (connection lost, 5xx), repeated | {self.failed:,} |",
            f"| longest time without a right answer | {self.longest:.2f} s |",
            f"| differences of ledger, truth, engine and rebuilt engine | {', '.join(self.differences) or 'none'} |",
        ]
        return "\n".join(lines)


def row(kind: str, took: list[float]) -> str:
    return f"| {kind} | {len(took)} | {middle(took):.2f} s | {max(took):.2f} s |"


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in ("django", "psycopg", "numpy", "pyarrow", "gunicorn"))
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, embedded PostgreSQL, {versions}"
    )


def write(text: str) -> None:
    page = PAGE.read_text()
    between = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    PAGE.write_text(between.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", page))
