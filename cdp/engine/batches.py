"""What the engine is told. Instants are whole microseconds since 1970 UTC."""

from dataclasses import dataclass
from typing import Any

from cdp.engine.arrays import Bytes, Ints


@dataclass(frozen=True, eq=False)
class EventBatch:
    """Events to append; all columns have one length. `properties` is parsed JSON, `kind` 0 track, 1 page, 2 screen.

    `profile` is the profile at ingestion: the engine follows the links itself. A sequence number comes once.
    """

    seq: Ints
    profile: Ints
    ts: Ints
    received: Ints
    name: list[str]
    kind: Bytes
    properties: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False)
class AttributeBatch:
    """Attribute values (parsed JSON, None removes) and since when they hold."""

    profile: Ints
    name: list[str]
    value: list[Any]
    ts: Ints

    def __len__(self) -> int:
        return len(self.name)
