"""A part of a page that a command writes, between two markers that stay."""

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True)
class Marked:
    """`page`: below docs/. `name`: of the part, `command`: what writes it."""

    page: str
    name: str
    command: str

    @property
    def begin(self) -> str:
        return f"<!-- {self.name}: written by {self.command} -->"

    @property
    def end(self) -> str:
        return f"<!-- /{self.name} -->"

    def write(self, text: str) -> None:
        page = DOCS / self.page
        between = f"{re.escape(self.begin)}.*?{re.escape(self.end)}"
        whole = f"{self.begin}\n\n{text}\n\n{self.end}"
        written, times = re.subn(between, lambda _: whole, page.read_text(), flags=re.S)
        if times != 1:
            raise SystemExit(f"{self.page} has the markers of {self.name} {times} times")
        page.write_text(written)
