"""What `up` says: one line per step, a bar for long ones, a box at the end."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

BAR = 30
PATIENCE = 2.0  # seconds between two lines where lines cannot be overwritten


class Paper(Protocol):
    """Django's OutputWrapper, or any text stream."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> None: ...

    def isatty(self) -> bool: ...


class Screen:
    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._moving = paper.isatty()
        self._shown = float("-inf")

    def line(self, text: str) -> None:
        self._paper.write(f"{text}\n")
        self._paper.flush()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Shows `name` while it lasts, and what it took."""
        began = time.monotonic()
        if self._moving:
            self._replace(f"  …  {name}")
        yield
        took = f"  ✓  {name} ({time.monotonic() - began:.1f} s)"
        if self._moving:
            self._replace("")
        self.line(took)

    def progress(self, name: str, done: int, total: int) -> None:
        """A bar that grows in place, or a line now and then in a log."""
        share = min(1.0, done / total) if total else 1.0
        bar = "█" * round(BAR * share)
        text = f"  …  {name} {bar:░<{BAR}} {share:4.0%}"
        if self._moving:
            self._replace(text)
        elif time.monotonic() - self._shown > PATIENCE:
            self._shown = time.monotonic()
            self.line(text)

    def box(self, lines: Sequence[str]) -> None:
        width = max(map(len, lines))
        self.line(f"\n  ┌{'─' * (width + 4)}┐")
        for line in lines:
            self.line(f"  │  {line:<{width}}  │")
        self.line(f"  └{'─' * (width + 4)}┘\n")

    def _replace(self, text: str) -> None:
        self._paper.write(f"\r\x1b[2K{text}")
        self._paper.flush()
