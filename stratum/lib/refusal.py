"""An anticipated refusal: a code for programs and a sentence fit for a person.

Services raise it; a page turns it into a form error (422), the API into problem+json, admin into a message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one place of the input. `pointer` is a JSON pointer such as `/steps/1/event`."""

    pointer: str
    detail: str
    code: str = "invalid"


class Refusal(Exception):
    """`status` is the HTTP status that says it best."""

    status = 409
    wait: int | None = None  # seconds until it may be tried again

    def __init__(
        self,
        code: str,
        sentence: str,
        *,
        faults: Sequence[Fault] = (),
        status: int | None = None,
        wait: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.faults = tuple(faults)
        if status is not None:
            self.status = status
        if wait is not None:
            self.wait = wait


class Invalid(Refusal):
    """The input itself is wrong; `faults` name each place."""

    status = 422

    def __init__(self, faults: Sequence[Fault], *, code: str = "invalid") -> None:
        super().__init__(code, " ".join(fault.detail for fault in faults), faults=faults)


class NotAllowed(Refusal):
    status = 403


class Missing(Refusal):
    """Not there, or not yours: the two are one answer."""

    status = 404

    def __init__(self, sentence: str = "There is nothing here with that address.") -> None:
        super().__init__("not_found", sentence)


@runtime_checkable
class Anticipated(Protocol):
    """An error of a room that knows nothing of refusals, and yet what one would say."""

    code: str
    status: int
    advice: str
    wait: int | None

    @property
    def sentence(self) -> str: ...


def refusal_of(error: Exception) -> Refusal | None:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Anticipated):
        return Refusal(error.code, error.sentence, status=error.status, wait=error.wait)
    return None
