"""The segment builder's form and the condition's JSON, one made from the other.

A row is a condition, a part of one or a filter, in the order of the page; its path ("0.2.1") says where it stands. Each
kind stands in a table with its fields and both ways of translation. What rows have no fields for is a row of JSON, so
that every condition can be edited and nothing is lost.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cdp.forms.segment_tree import rows
from cdp.forms.segment_tree.conditions import CONDITIONS, PARTS, WORDS, row_of_node, write_node
from cdp.forms.segment_tree.filters import FILTERS
from cdp.forms.segment_tree.rows import Kind, Placed, Row

__all__ = ["CONDITIONS", "EMPTY", "FILTERS", "Placed", "Row", "acted", "condition", "everyone", "of_condition"]
__all__ += ["focus_after", "of_post", "placed", "with_people"]

KINDS: Mapping[str, Kind] = {**CONDITIONS, **PARTS, **FILTERS}
EMPTY = Row("group", {"mode": "and"}, children=(CONDITIONS["event"].fresh,))
DEEPEST = 40  # more than any condition that the grammar takes
_INSIDE: Mapping[str, Mapping[str, Kind]] = {
    "group": CONDITIONS,
    "sequence": {name: PARTS[name] for name in ("step", "exclusion")},
    "last_event": {**FILTERS, "has": PARTS["has"]},
}
Act = Callable[[Row, Sequence[int]], Row]


def of_condition(node: Any) -> Row:
    """The page's outermost row is a group."""
    row = row_of_node(node)
    return row if row.kind == "group" and not row.is_not else Row("group", {"mode": "and"}, children=(row,))


def condition(row: Row) -> Any:
    """A group of one is that one."""
    return write_node(row.children[0] if _is_alone(row) else row)


def _is_alone(row: Row) -> bool:
    return row.kind == "group" and not row.is_not and len(row.children) == 1


# On the page


def placed(row: Row) -> Placed:
    pointers = [""] if _is_alone(row) else None
    return _placed(row, "0", "/condition", 0, (0, 1), pointers)


def everyone(place: Placed) -> Iterator[Placed]:
    """Every row in the order of the page."""
    yield place
    for child in place.children:
        yield from everyone(child)


def _placed(
    row: Row, path: str, pointer: str, depth: int, at: tuple[int, int], pointers: Sequence[str] | None
) -> Placed:
    """`at`: its place among those of its slot, and how many these are."""
    inner = f"{pointer}/child" if row.is_not else pointer
    below = KINDS[row.kind].places(row) if pointers is None else pointers
    children = tuple(
        _placed(child, f"{path}.{place}", inner + below[place], depth + 1, _in_slot(row, place), None)
        for place, child in enumerate(row.children)
    )
    return Placed(row, path, inner, depth, at[0] == 0, at[0] == at[1] - 1, at[0] + 1, KINDS[row.kind], children)


def _in_slot(row: Row, place: int) -> tuple[int, int]:
    slot = row.children[place].slot
    return sum(one.slot == slot for one in row.children[:place]), len(row.those(slot))


# What was sent


def of_post(sent: Mapping[str, str], paths: Sequence[str]) -> Row:
    """The rows in the order of their paths: a row that is being dragged is sent before the server has moved it."""
    below: dict[str, list[str]] = {}
    for path in sorted({one for one in paths if one.count(".") < DEEPEST}, key=places_of):
        below.setdefault(path.rpartition(".")[0], []).append(path)
    return _of_sent("0", sent, below, CONDITIONS) if "0" in below.get("", ()) else EMPTY


def _of_sent(
    path: str, sent: Mapping[str, str], below: Mapping[str, Sequence[str]], allowed: Mapping[str, Kind]
) -> Row:
    """A kind that cannot stand here is the first one that can."""
    kind = sent.get(f"kind-{path}", "")
    kind = kind if kind in allowed else next(iter(allowed))
    values = {name: sent.get(f"{name}-{path}", "") for name in KINDS[kind].fields}
    inside = _INSIDE.get(kind, FILTERS)
    children = tuple(_of_sent(one, sent, below, inside) for one in below.get(path, ()))
    return Row(kind, values, sent.get(f"not-{path}") == "on", children)


def with_people(row: Row, named: Callable[[Sequence[str]], Sequence[str]]) -> Row:
    """Words in lists of people that are no numbers, as the numbers that `named` knows for them."""
    if row.kind != "static":
        return replace(row, children=tuple(with_people(child, named) for child in row.children))
    words = [word for word in WORDS.split(row.value("people")) if word]
    others = [word for word in words if not word.isdigit()]
    if not others:
        return row
    people = [*(word for word in words if word.isdigit()), *named(others)]
    return replace(row, values={"people": "\n".join(people)})


# Buttons


def acted(row: Row, act: str, path: str) -> Row:
    """After a button: `add_<kind>` below a row; `remove`, `duplicate`, `wrap`, `up`, `down` or `move:<goal>` of one.

    A row that somebody else's page has, or that is gone, is left as it is.
    """
    places = places_of(path)
    verb, _, more = act.partition(":")
    if verb.startswith("add_"):
        parent, wanted = rows.found(row, places), verb.removeprefix("add_")
        may_be = parent is not None and wanted in KINDS[parent.kind].adds
        return rows.added(row, places, _FRESH[wanted]) if may_be else row
    if verb == "move" and more.isdigit():
        return rows.moved(row, places, int(more))
    chosen = _ACTS.get(verb)
    return chosen(row, places) if chosen and places else row


def places_of(path: str) -> list[int]:
    return [int(one) for one in path.split(".")[1:] if one.isdigit()]


def focus_after(row: Row, act: str, path: str) -> str:
    """The path of the row in which the work goes on after a button."""
    places = places_of(path)
    verb, _, more = act.partition(":")
    if verb.startswith("add_"):
        parent = rows.found(row, places)
        return f"{path}.{len(parent.children)}" if parent else path
    if not places:
        return path
    above = path.rpartition(".")[0]
    if verb in ("up", "down", "move"):
        here = rows.place_in_slot(row, places)
        goal = {"up": here - 1, "down": here + 1}.get(verb, int(more) if more.isdigit() else here)
        return f"{above}.{rows.nth_of_slot(row, places, goal)}"
    after = {"remove": max(places[-1] - 1, 0), "duplicate": places[-1] + 1}
    return f"{above}.{after.get(verb, places[-1])}"


def _wrapped(row: Row, places: Sequence[int]) -> Row:
    one = rows.found(row, places)
    return row if one is None else rows.wrapped(row, places, "tests" if one.kind in FILTERS else "group")


_FRESH: Mapping[str, Row] = {name: kind.fresh for name, kind in KINDS.items()} | {
    "not_event": replace(CONDITIONS["event"].fresh, is_not=True)
}
_ACTS: Mapping[str, Act] = {
    "remove": rows.removed,
    "duplicate": rows.duplicated,
    "wrap": _wrapped,
    "up": lambda row, places: rows.moved(row, places, rows.place_in_slot(row, places) - 1),
    "down": lambda row, places: rows.moved(row, places, rows.place_in_slot(row, places) + 1),
}
