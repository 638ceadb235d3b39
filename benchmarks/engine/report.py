"""Tables: kept as JSON between runs, so that one group can be measured again, and written into docs/performance.md."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN = "<!-- engine: written by `python -m benchmarks.engine` -->"
END = "<!-- /engine -->"


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
        return "\n\n".join([f"### {self.title}", self.about, "\n".join(lines), *[self.measured] * bool(self.measured)])


class Results:
    """The tables of one size of data, by group."""

    def __init__(self, folder: Path, label: str) -> None:
        self.path = folder / f"results-{label}.json"
        self.tables: dict[str, Table] = {}
        if self.path.exists():
            self.tables = {group: Table(**saved) for group, saved in json.loads(self.path.read_text()).items()}

    def keep(self, group: str, table: Table) -> None:
        self.tables[group] = table
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({group: asdict(table) for group, table in self.tables.items()}, indent=1))
        os.replace(unfinished, self.path)

    def markdown(self, order: list[str]) -> str:
        return "\n\n".join(self.tables[group].markdown() for group in order if group in self.tables)


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
