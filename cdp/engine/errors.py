"""Why the engine does not answer or store, in sentences for a person."""

from dataclasses import dataclass


class EngineError(Exception):
    """The engine cannot answer; the text is a sentence for a person."""


class EngineBusy(EngineError):
    """Somebody else writes to this workspace and did not finish in time."""


class EngineOvertaken(EngineBusy):
    """Another process or host changed the state first: read it again and try again."""

    def __init__(self) -> None:
        super().__init__("Another change of the analytics engine came first.")


class EngineUnwritable(EngineError):
    """A change could not be stored, most likely because the disk is full: the old state stays and can be asked."""


class NotSupported(EngineError):
    """A question outside what this engine can answer."""


class EngineRebuilding(EngineError):
    """There is no state that could answer rightly, and a new one is on its way."""


@dataclass(frozen=True)
class Damage:
    """What is wrong with which file."""

    file: str
    reason: str


class EngineDamaged(EngineError):
    """A file is missing, truncated or altered: rebuild from the truth."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"The engine file {file} {reason}.")
        self.damage = Damage(file, reason)
