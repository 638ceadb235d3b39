"""An engine that only takes notes: what reached it, in which order, and up to which cursor."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cdp.engine.base import Cursor
from cdp.engine.batches import AttributeBatch, EventBatch
from cdp.engine.overviews import Stored


@dataclass
class Notes:
    events: list[int] = field(default_factory=list)
    properties: list[dict[str, Any]] = field(default_factory=list)
    attributes: list[tuple[int, str, Any]] = field(default_factory=list)
    retracted: list[int] = field(default_factory=list)
    links: list[dict[int, int]] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)
    purged: list[int] = field(default_factory=list)


class Notebook:
    """The writing half of the engine's interface, in memory."""

    def __init__(self) -> None:
        self.notes = Notes()
        self._cursor: Cursor | None = None
        self.rebuilds = 0

    def cursor(self) -> Cursor | None:
        return self._cursor

    def stored(self) -> Stored:
        return Stored(events=len(self.notes.events), files=0, bytes=0)

    @contextmanager
    def rebuilding(self, timeout: float, catch_up: Callable[[Any], None]) -> Iterator["Notebook"]:
        """What was noted stays until the new notes are complete."""
        draft = Notebook()
        yield draft
        catch_up(draft)
        self.notes, self._cursor = draft.notes, draft._cursor
        self.rebuilds += 1

    @contextmanager
    def writing(self, timeout: float) -> Iterator["Draft"]:
        yield Draft(self)


@dataclass
class Draft:
    book: Notebook
    notes: Notes = field(default_factory=Notes)

    @property
    def cursor(self) -> Cursor | None:
        return self.book.cursor()

    def append(self, batch: EventBatch) -> None:
        self.notes.events += batch.seq.tolist()
        self.notes.properties += batch.properties

    def set_attributes(self, batch: AttributeBatch) -> None:
        self.notes.attributes += zip(batch.profile.tolist(), batch.name, batch.value, strict=True)

    def retract(self, seqs: Iterable[int]) -> None:
        self.notes.retracted += seqs

    def relink(self, links: Mapping[int, int]) -> None:
        self.notes.links.append(dict(links))

    def forget(self, profiles: Iterable[int]) -> None:
        self.notes.forgotten += profiles

    def purge(self, before_ts: int) -> None:
        self.notes.purged.append(before_ts)

    def commit(self, cursor: Cursor) -> None:
        for name in vars(self.notes):
            getattr(self.book.notes, name).extend(getattr(self.notes, name))
        self.book._cursor = cursor
