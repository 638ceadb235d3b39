"""Tables in the pages of the documentation: one group can be measured again, and the others stay."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "performance.md"
BEGIN = "<!-- engine: written by `python -m benchmarks.engine` -->"
END = "<!-- /engine -->"
TITLE = "### "
# Pages with their markers: of the engine, and of both engines.
PERFORMANCE = (PAGE, BEGIN, END)
SCALE = (DOCS / "scale.md", "<!-- both engines: written by `python -m benchmarks.engine` -->", "<!-- /both engines -->")


@dataclass(frozen=True)
class Table:
    """What a group of measurements says: `about` stands above the rows of cells, below when it was measured."""

    title: str
    about: str
    head: list[str]
    rows: list[list[str]]
    measured: str = ""

    def markdown(self) -> str:
        lines = [f"| {' | '.join(cells)} |" for cells in [self.head, ["---"] * len(self.head), *self.rows]]
        return "\n\n".join(
            [f"{TITLE}{self.title}", self.about, "\n".join(lines), *[self.measured] * bool(self.measured)]
        )


def with_tables(heading: str, tables: Sequence[Table], page: Path = PAGE, begin: str = BEGIN, end: str = END) -> str:
    """What stands between the markers, with these tables in the place of those of their titles. Tables of other data
    or of another machine, which the heading names, do not stay beside them."""
    _, _, rest = page.read_text().partition(begin)
    known, *sections = rest.partition(end)[0].strip().split(f"\n\n{TITLE}")
    found = {section.partition("\n")[0]: f"{TITLE}{section}" for section in sections} if known == heading else {}
    return "\n\n".join([heading, *(found | {table.title: table.markdown() for table in tables}).values()])


def write_page(text: str, page: Path = PAGE, begin: str = BEGIN, end: str = END) -> None:
    """Between the markers; what people wrote around them stays."""
    before, _, rest = page.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{page} has no place for the tables: put {begin} and {end} where they belong.")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def machine() -> str:
    """As people describe machines."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({processor()}), {memory:.0f} GB of memory, Python {platform.python_version()}"


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
