"""What is known of one profile: its events, and what its attributes have been."""

from dataclasses import dataclass
from typing import Any

Position = tuple[int, int, int]


@dataclass(frozen=True)
class TimelineEvent:
    seq: int
    profile: int
    ts: int
    received: int
    name: str
    kind: int
    properties: dict[str, Any]

    @property
    def position(self) -> Position:
        return self.ts, self.received, self.seq


@dataclass(frozen=True)
class AttributeValue:
    """What an attribute has been since `ts`; None means it was removed."""

    ts: int
    value: Any
