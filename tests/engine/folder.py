"""What lies in the folder of an engine, as a stranger finds it."""

import json
from pathlib import Path

from cdp.engine.base import Engine
from cdp.engine.columnar.engine import ColumnarEngine
from tests.engine.story import at, funnel, happen

LATER = at(10_000)


def converted(engine: Engine) -> int:
    return engine.funnel(funnel("a", "b"), LATER).converted


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.arrow")}


def named_files(folder: Path) -> set[str]:
    """As any reader of JSON finds them."""
    manifest = json.loads(manifest_of(folder).read_bytes().splitlines()[0])
    single = [manifest[key] for key in ("profiles", "base_state", "base_attributes", "state") if manifest[key]]
    return {one["file"] for one in [*manifest["tables"], *manifest["runs"], *manifest["attribute_runs"], *single]}


def manifest_of(folder: Path) -> Path:
    """There is only one when nobody is at work."""
    (found,) = folder.glob("states/manifest-*.json")
    return found


def refill(engine: ColumnarEngine, *lines: str) -> None:
    with engine.rebuilding(1) as draft:
        happen(draft, *lines)
