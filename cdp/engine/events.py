"""Which events a question is about.

Instants are whole microseconds since 1970 UTC, ranges half-open [start, end).
"""

from dataclasses import dataclass

from cdp.engine.predicates import Predicate

ANY_EVENT = "*"
TIMESTAMP = "timestamp"
BEGINNING, ENDLESS = -(2**62), 2**62


@dataclass(frozen=True)
class Prefix:
    """All event names that begin with `text`."""

    text: str


EventName = str | Prefix


def is_named(event: str, name: EventName) -> bool:
    """Whether the event is one of those that the name stands for."""
    return event.startswith(name.text) if isinstance(name, Prefix) else name in (event, ANY_EVENT)


@dataclass(frozen=True)
class Events:
    """The events of any of `names` (ANY_EVENT for all) in [start, end) that satisfy `where`, and happened by the
    `as_of` of the question. The window "last D" includes the present: start = now - D, end = now + 1."""

    names: tuple[EventName, ...]
    where: Predicate | None = None
    start: int = BEGINNING
    end: int = ENDLESS
