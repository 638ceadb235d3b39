"""The rows of the segment builder: conditions, the steps of a sequence, and the filters of events, in one tree."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

SLOTS: Mapping[str, str] = {"step": "steps", "exclusion": "exclusions", "has": "has"}


@dataclass(frozen=True)
class Row:
    """`values` by the names of the kind's fields."""

    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    is_not: bool = False
    children: tuple["Row", ...] = ()

    def value(self, name: str) -> str:
        return self.values.get(name, "").strip()

    @property
    def slot(self) -> str:
        """Rows of one slot stand below each other, and move among themselves."""
        return SLOTS.get(self.kind, "rows")

    def those(self, slot: str) -> list["Row"]:
        return [child for child in self.children if child.slot == slot]


@dataclass(frozen=True)
class Placed:
    """A row as the page shows it. `path` ("0.2.1") is its place on the page, `pointer` that of its JSON."""

    row: Row
    path: str
    pointer: str
    depth: int
    is_first: bool
    is_last: bool
    number: int  # within its slot, from 1
    kind: "Kind"
    children: tuple["Placed", ...]
    error: str = ""
    note: str = ""  # such as how many satisfy it

    @property
    def id(self) -> str:
        return self.path.replace(".", "-")

    @property
    def outer(self) -> str:
        """Where the whole of it stands in the JSON, its “not” included."""
        return self.pointer.removesuffix("/child") if self.row.is_not else self.pointer

    @property
    def slots(self) -> list[tuple[str, list["Placed"]]]:
        """The children by slot, in the order in which they are shown."""
        names = dict.fromkeys(child.row.slot for child in self.children)
        return [(name, [child for child in self.children if child.row.slot == name]) for name in names]


@dataclass(frozen=True)
class Kind:
    """How a kind of row is read from its JSON and written to it.

    `read` may answer None: then JSON says it. `places`: where each child stands in the JSON, seen from the row's own.
    `adds`: the kinds of rows that may be added below, in the words of their buttons.
    """

    title: str
    fields: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], Row | None]
    write: Callable[[Row], Any]
    fresh: Row
    places: Callable[[Row], Sequence[str]] = lambda row: [""] * len(row.children)
    adds: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_fixed(self) -> bool:
        """A part that its condition cannot do without."""
        return self.title == ""


def among(prefix: str, rows: Sequence[Row]) -> list[str]:
    """Where filters that are one, or a group of several, stand."""
    return [prefix] if len(rows) == 1 else [f"{prefix}/children/{place}" for place in range(len(rows))]


def texts(**values: Any) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in values.items()}


# What the buttons of a row do


def added(row: Row, places: Sequence[int], fresh: Row) -> Row:
    return changed(row, places, lambda one: replace(one, children=(*one.children, fresh)))


def removed(row: Row, places: Sequence[int]) -> Row:
    return _siblings(row, places, lambda rows, place: [*rows[:place], *rows[place + 1 :]])


def duplicated(row: Row, places: Sequence[int]) -> Row:
    return _siblings(row, places, lambda rows, place: [*rows[: place + 1], *rows[place:]])


def wrapped(row: Row, places: Sequence[int], group: str) -> Row:
    """Into a group of its own."""
    return changed(row, places, lambda one: Row(group, {"mode": "or"}, children=(one,)))


def moved(row: Row, places: Sequence[int], goal: int) -> Row:
    """To another place among those of its slot."""

    def move(rows: list[Row], place: int) -> list[Row]:
        slot = rows[place].slot
        mine = [index for index, one in enumerate(rows) if one.slot == slot]
        order = [rows[index] for index in mine]
        order.insert(min(max(goal, 0), len(order) - 1), order.pop(mine.index(place)))
        for index, one in zip(mine, order, strict=True):
            rows[index] = one
        return rows

    return _siblings(row, places, move)


def place_in_slot(row: Row, places: Sequence[int]) -> int:
    parent = found(row, places[:-1])
    if parent is None or places[-1] >= len(parent.children):
        return 0
    slot = parent.children[places[-1]].slot
    return sum(one.slot == slot for one in parent.children[: places[-1]])


def nth_of_slot(row: Row, places: Sequence[int], goal: int) -> int:
    """The place among all children of what is number `goal` among those of its slot."""
    parent = found(row, places[:-1])
    if parent is None or places[-1] >= len(parent.children):
        return 0
    slot = parent.children[places[-1]].slot
    mine = [place for place, one in enumerate(parent.children) if one.slot == slot]
    return mine[min(max(goal, 0), len(mine) - 1)]


def found(row: Row, places: Sequence[int]) -> Row | None:
    for place in places:
        if place >= len(row.children):
            return None
        row = row.children[place]
    return row


def changed(row: Row, places: Sequence[int], change: Callable[[Row], Row]) -> Row:
    """The tree with one row changed; as it was where there is none."""
    if not places:
        return change(row)
    place, *rest = places
    if place >= len(row.children):
        return row
    children = list(row.children)
    children[place] = changed(children[place], rest, change)
    return replace(row, children=tuple(children))


def _siblings(row: Row, places: Sequence[int], change: Callable[[list[Row], int], list[Row]]) -> Row:
    if not places or found(row, places) is None:
        return row
    place = places[-1]
    return changed(row, places[:-1], lambda one: replace(one, children=tuple(change(list(one.children), place))))
