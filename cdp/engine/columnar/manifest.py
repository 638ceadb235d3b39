"""What the engine holds at one moment: the names of its files and the cursor, written and read as one file."""

import json
import zlib
from dataclasses import asdict, dataclass, replace
from typing import Any

from cdp.engine.base import Cursor
from cdp.engine.errors import Damage, EngineDamaged

FORMAT = 1


@dataclass(frozen=True)
class Named:
    """A file with its length in bytes, its CRC-32 and its rows."""

    file: str
    length: int
    crc: int
    rows: int


@dataclass(frozen=True)
class Manifest:
    """Base: `profiles`, `tables`, `base_state` and `base_attributes`. Since then: `runs`, `attribute_runs`, `state`.

    The first `frozen` runs (of either kind) are being compacted, so writers leave them as they are. A state with
    `damage` was found to be wrong and answers nothing any more.
    """

    generation: int = 0
    cursor: Cursor | None = None
    purged_before: int | None = None
    profiles: Named | None = None
    tables: tuple[Named, ...] = ()
    base_state: Named | None = None
    base_attributes: Named | None = None
    runs: tuple[Named, ...] = ()
    attribute_runs: tuple[Named, ...] = ()
    state: Named | None = None
    frozen: tuple[str, ...] = ()
    damage: tuple[Damage, ...] = ()

    @property
    def files(self) -> tuple[Named, ...]:
        single = (self.profiles, self.base_state, self.base_attributes, self.state)
        named = (*self.tables, *self.runs, *self.attribute_runs, *(one for one in single if one is not None))
        return tuple({one.file: one for one in named}.values())

    @property
    def names(self) -> frozenset[str]:
        return frozenset(one.file for one in self.files)

    @property
    def pending(self) -> int:
        return sum(run.rows for run in self.runs)


def written(manifest: Manifest) -> bytes:
    """As JSON, with its CRC-32 in a line of its own."""
    return sealed(json.dumps({"format": FORMAT} | asdict(manifest)).encode())


def parse_manifest(generation: int, content: bytes) -> Manifest:
    """An empty manifest for generation 0. Raises EngineDamaged."""
    if not generation:
        return Manifest()
    try:
        return replace(manifest_of(json.loads(verified(content))), generation=generation)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EngineDamaged(name_of(generation), f"cannot be read ({error})") from error


def name_of(generation: int) -> str:
    return f"manifest-{generation:012}.json"


def sealed(text: bytes) -> bytes:
    return text + b"\n%08x\n" % zlib.crc32(text)


def verified(content: bytes) -> bytes:
    text = content[:-10]
    if sealed(text) != content:
        raise ValueError("its checksum is wrong")
    return text


def manifest_of(source: dict[str, Any]) -> Manifest:
    if source.pop("format") != FORMAT:
        raise ValueError("it has another format")
    for field in ("profiles", "base_state", "base_attributes", "state"):
        source[field] = Named(**source[field]) if source[field] else None
    for field in ("tables", "runs", "attribute_runs"):
        source[field] = tuple(Named(**one) for one in source[field])
    source["frozen"] = tuple(source["frozen"])
    source["damage"] = tuple(Damage(**one) for one in source["damage"])
    return Manifest(**source)
