"""What can go wrong with a server, switched on from outside for the statements that match."""

import re
import threading
from dataclasses import asdict, dataclass
from typing import Any

KINDS = ("slow", "error", "read-only", "memory", "drop before", "drop after", "die before", "die after")


@dataclass
class Fault:
    """`before` and `after`: the statement was carried out. `seconds` of "slow"; `code` and `text` of "error"; `bytes` that
    a question of "memory" may use. `match` is a regular expression, `skip` how many such statements go well first;
    `times` None: until it is healed."""

    kind: str
    match: str = ""
    times: int | None = None
    skip: int = 0
    seconds: float = 0.0
    code: int = 0
    text: str = ""
    bytes: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no fault: {', '.join(KINDS)}")

    @property
    def fields(self) -> dict[str, Any]:
        return asdict(self)


class Faults:
    """Thread-safe."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.on: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self.lock:
            self.on.append(fault)

    def heal(self) -> None:
        with self.lock:
            self.on.clear()

    def of(self, statement: str) -> list[Fault]:
        """Those that hit this statement; each counts it."""
        with self.lock:
            met = [fault for fault in self.on if re.search(fault.match, statement)]
            hit = [fault for fault in met if not fault.skip]
            for fault in met:
                if fault.skip:
                    fault.skip -= 1
                elif fault.times is not None:
                    fault.times -= 1
            self.on = [fault for fault in self.on if fault.times is None or fault.times > 0]
            return hit
