"""Why the engine does not answer or store, in sentences for a person."""

from dataclasses import dataclass


class EngineError(Exception):
    """The engine cannot answer; the text is a sentence for a person, and `advice` what to do about it.

    `wait`: seconds after which it may be asked again. It has what an anticipated refusal has (stratum.lib.refusal), and
    is answered like one where nobody catches it.
    """

    code, status = "engine_unavailable", 503
    advice = "Try again in a moment."
    wait: int | None = 5

    @property
    def sentence(self) -> str:
        return f"{self} {self.advice}".strip()


class EngineBusy(EngineError):
    """Somebody else writes to this workspace and did not finish in time."""


class EngineOvertaken(EngineBusy):
    """Another process or host changed the state first: read it again and try again."""

    def __init__(self) -> None:
        super().__init__("Another change of the analytics engine came first.")


class EngineUnwritable(EngineError):
    """A change could not be stored, most likely because the disk is full: the old state stays and can be asked."""


class EngineUnreachable(EngineError):
    """The server that keeps the events does not answer: what was acknowledged waits in the database until it does."""


class EngineOverloaded(EngineError):
    """The server that keeps the events answers, and has no room for this now: nobody may take that for a state that
    stays as it is while another writer is at it."""


class EngineRefused(EngineError):
    """The server that keeps the events does not let us in: somebody has to correct settings or rights."""

    advice = "Whoever runs Stratum has to correct that; until then no event is lost."
    wait = 60


class TooLarge(EngineError):
    """A question that needs more memory than one may use; the text says how to ask for less."""

    code, status, advice, wait = "too_large", 422, "", None


class NotSupported(EngineError):
    """A question outside what this engine can answer."""

    code, status, advice, wait = "not_supported", 422, "", None


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
