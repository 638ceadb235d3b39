"""Our engine, loaded with the generated events."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.data import Size, batch, slices
from cdp.engine import open_engine
from cdp.engine.base import Engine
from cdp.engine.columnar.manifest import FORMAT

WORKSPACE = 1


@dataclass(frozen=True)
class Loaded:
    """`seconds` of an earlier run's load are not known: None."""

    engine: Engine
    url: str
    seconds: float | None

    @property
    def folder(self) -> str:
        return self.url.removeprefix("columnar://")


def loaded(events: Path, folder: Path, size: Size) -> Loaded:
    home = folder / f"stratum-{size.label}-{FORMAT}"
    url = f"columnar://{home.resolve()}"
    if home.exists():
        engine = open_engine(url, WORKSPACE)
        if engine.stored().events == size.events:
            return Loaded(engine, url, None)
        open_engine.cache_clear()
        shutil.rmtree(home)
    engine = open_engine(url, WORKSPACE)
    return Loaded(engine, url, load(engine, events))


def load(engine: Engine, events: Path) -> float:
    """Seconds for everything, from parsed events to compacted files; one commit for each slice."""
    taken = 0.0
    for number, part in enumerate(slices(events)):
        ready = batch(part)
        begun = time.perf_counter()
        with engine.writing(10) as writer:
            writer.append(ready)
            writer.commit({"slice": number})
        taken += time.perf_counter() - begun
    begun = time.perf_counter()
    engine.compact()
    return taken + time.perf_counter() - begun
