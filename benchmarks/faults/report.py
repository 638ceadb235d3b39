"""The figures, printed and written between the markers of docs/reliability.md."""

import os
import platform
import sys
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version

import psutil

from benchmarks.faults.ledger import ERASES, MERGES, Ledger
from benchmarks.faults.traffic import Traffic


@dataclass
class Figures:
    """`recovery`: by kind, the seconds from each `fault` to the first right answer that was asked for after it.
    `more`: lines of one benchmark only."""

    seed: int
    fault: str = "killed with SIGKILL"
    since: str = "to the first right answer"
    compared: str = "ledger, truth, engine and rebuilt engine"
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
    more: dict[str, str] = field(default_factory=dict)

    def count(self, kind: str, took: float) -> None:
        self.recovery.setdefault(kind, []).append(took)
        self.rounds += 1
        print(f"{self.rounds} {kind}: {took:.2f} s", file=sys.stderr, flush=True)

    def take(self, clients: Traffic, ledger: Ledger) -> None:
        answers = clients.answers
        self.right, self.failed = answers.right, answers.failed
        self.wrong, self.longest = answers.wrong, answers.longest
        self.events = len(ledger.message_ids)
        merges = sum(user % 4 == MERGES for user in ledger.gone.done)
        erasures = sum(user % 4 == ERASES for user in ledger.gone.done)
        self.changes = Counter({"merges": merges, "erasures": erasures, "voids": len(ledger.voided.done)})

    @property
    def ok(self) -> bool:
        return not self.wrong and not self.differences

    def tell(self) -> None:
        print(self.text())
        for line in self.wrong[:10]:
            print(f"WRONG: {line}")

    def text(self) -> str:
        changes = ", ".join(f"{count:,} {what}" for what, count in self.changes.items())
        lines = [
            f"{machine()}. Seed {self.seed}, {self.rounds} rounds in {self.seconds:.0f} s, "
            f"load in the end {os.getloadavg()[0]:.1f}.",
            "",
            f"| {self.fault} | times | {self.since}: median | longest |",
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
            *(f"| {what} | {value} |" for what, value in self.more.items()),
            f"| differences of {self.compared} | {', '.join(self.differences) or 'none'} |",
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
