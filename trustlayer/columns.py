"""The book as columns in memory: which entries match, and how many of what. Pure.

Entries never change, so columns only grow at their end. An entry costs about 25 bytes; texts that repeat are kept once.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustlayer.actions import ACTIONS
from trustlayer.asked import DECISIONS, Asked

Ints = NDArray[Any]
Flags = NDArray[np.bool_]
KIND_OF_COLUMN: Mapping[str, Any] = {
    "seq": np.int64,
    "at": np.int64,
    "health": np.int16,
    "dry": np.bool_,
    "kind": np.int16,
    "decision": np.int16,
    "action": np.int16,
    "entity": np.int32,
    "actor": np.int32,
    "reason": np.int32,
}
CODED = ("kind", "decision", "action", "entity", "actor", "reason")
UNKNOWN_HEALTH = -1
FIRST_ROOM = 4_096
NUMBER = re.compile(r"\d[\d.,]*(?:\s?%)?")
ASIDE = re.compile(r"(\([^)]*\))")


class Codes:
    """Numbers for values, in the order of their first use."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.values: list[Any] = list(values)
        self._codes: dict[Hashable, int] = {value: code for code, value in enumerate(self.values)}

    def code(self, values: Sequence[Hashable]) -> list[int]:
        known = self._codes
        for value in dict.fromkeys(values):
            if value not in known:
                known[value] = len(self.values)
                self.values.append(value)
        return [known[value] for value in values]

    def where(self, test: Callable[[Any], bool]) -> Flags:
        """For each code whether its value passes; one more place, so that it is never empty."""
        return np.array([*(test(value) for value in tuple(self.values)), False])


class Columns:
    """All entries of one book from `first` on, by ascending seq."""

    def __init__(self) -> None:
        self.size = 0
        self.codes = {name: Codes() for name in CODED}
        self._room: dict[str, Ints] = {name: np.empty(FIRST_ROOM, kind) for name, kind in KIND_OF_COLUMN.items()}

    def __getitem__(self, name: str) -> Ints:
        return self._room[name][: self.size]

    @property
    def last(self) -> int:
        return int(self._room["seq"][self.size - 1]) if self.size else 0

    def extend(self, told: Mapping[str, Sequence[Any]]) -> None:
        """More entries, by column: `at` in microseconds since 1970 UTC, `entity` as (type, id, name, platform), `actor`
        as (type, name), `reason` as (sentence, blocked reason). Whoever reads meanwhile sees the former end.
        """
        size = len(told["seq"])
        self._make_room(self.size + size)
        place = slice(self.size, self.size + size)
        for name in ("seq", "at", "dry"):
            self._room[name][place] = told[name]
        self._room["health"][place] = [UNKNOWN_HEALTH if health is None else health for health in told["health"]]
        for name in CODED:
            self._room[name][place] = self.codes[name].code(told[name])
        self.size += size

    def to_parts(self) -> tuple[dict[str, Ints], dict[str, list[Any]]]:
        """The columns and what their codes mean, for a file."""
        return {name: self[name] for name in KIND_OF_COLUMN}, {name: self.codes[name].values for name in CODED}

    @classmethod
    def of_parts(cls, columns: Mapping[str, Ints], meanings: Mapping[str, Iterable[Any]]) -> "Columns":
        kept = cls()
        kept.size = len(columns["seq"])
        kept._room = {name: np.array(columns[name], kind) for name, kind in KIND_OF_COLUMN.items()}
        kept.codes = {name: Codes(map(_hashable, meanings[name])) for name in CODED}
        return kept

    def _make_room(self, size: int) -> None:
        if size > len(self._room["seq"]):
            room = max(size, 2 * len(self._room["seq"]))
            self._room = {
                name: np.concatenate([column, np.empty(room - len(column), column.dtype)])
                for name, column in self._room.items()
            }


def _hashable(value: Any) -> Hashable:
    return tuple(value) if isinstance(value, list) else value


class Snapshot:
    """The columns as they were at one moment: entries above `after`, which retention has left, and none that is later
    than `until` (microseconds since 1970 UTC).
    """

    def __init__(self, columns: Columns, after: int, until: int | None = None) -> None:
        end = columns.size
        start = int(np.searchsorted(columns["seq"][:end], after, "right"))
        self.column = {name: columns[name][start:end] for name in KIND_OF_COLUMN}
        if until is not None:
            early = self.column["at"] <= until
            self.column = {name: column[early] for name, column in self.column.items()}
        self.codes = columns.codes

    def __len__(self) -> int:
        return len(self.column["seq"])

    def per_code(self, name: str, test: Callable[[Any], bool]) -> Flags:
        """For each entry whether the value of its code passes."""
        return self.codes[name].where(test)[self.column[name]]


FACETS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    # The filter of a chip, the column it reads, and what of the value it counts.
    "decision": ("decision", lambda decision: decision),
    "action_type": ("action", lambda action: ACTIONS[action].group if action in ACTIONS else ""),
    "entity_type": ("entity", lambda entity: entity[0]),
    "platform": ("entity", lambda entity: entity[3]),
}


class Matched:
    """Which entries of a snapshot match a question."""

    def __init__(self, snapshot: Snapshot, asked: Asked) -> None:
        self.snapshot = snapshot
        self._masks = dict(_masks(snapshot, asked))
        self.places = self._places()
        self.seqs: Ints = snapshot.column["seq"][self.places]

    def __len__(self) -> int:
        return len(self.places)

    def _places(self, without: str = "") -> Ints:
        masks = [mask for name, mask in self._masks.items() if name != without]
        if not masks:
            return np.arange(len(self.snapshot))
        both = masks[0].copy()
        for mask in masks[1:]:
            both &= mask
        return np.flatnonzero(both)

    def facet(self, name: str) -> dict[str, int]:
        """How many entries each value of a filter would leave, all other filters as they are."""
        column, word = FACETS[name]
        places = self._places(without=name) if name in self._masks else self.places
        return self._counted(column, word, places)

    def _counted(self, column: str, word: Callable[[Any], str], places: Ints) -> dict[str, int]:
        values = self.snapshot.codes[column].values
        counts = np.bincount(self.snapshot.column[column][places], minlength=1)
        found: Counter[str] = Counter()
        for code in np.flatnonzero(counts).tolist():
            found[word(values[code])] += int(counts[code])
        return dict(found)

    def decided(self) -> "Decided":
        places = self.places[self.snapshot.per_code("kind", lambda kind: kind == "decision")[self.places]]
        return Decided(self.snapshot, places)


class Decided:
    """The decisions among what matched: everything that analytics count."""

    def __init__(self, snapshot: Snapshot, places: Ints) -> None:
        self.snapshot, self.places = snapshot, places
        names = snapshot.codes["decision"].values
        number = np.array([*(DECISIONS.index(name) if name in DECISIONS else 3 for name in tuple(names)), 3])
        self.decision = number[snapshot.column["decision"][places]]

    def __len__(self) -> int:
        return len(self.places)

    def by_decision(self) -> tuple[int, int, int]:
        return _three(np.bincount(self.decision, minlength=4))

    @property
    def span(self) -> tuple[int, int] | None:
        """The first and the last instant, in microseconds."""
        at = self.snapshot.column["at"][self.places]
        return (int(at.min()), int(at.max())) if len(at) else None

    def by_time(self, starts: Sequence[int]) -> list[tuple[int, int, int]]:
        """For each bucket that begins at these instants; the last one is open."""
        at = self.snapshot.column["at"][self.places]
        bucket = np.searchsorted(np.array(starts), at, "right") - 1
        inside = bucket >= 0
        table = np.bincount(bucket[inside] * 4 + self.decision[inside], minlength=4 * len(starts))
        return [_three(row) for row in table.reshape(-1, 4)]

    def by_entity_type(self) -> dict[str, tuple[int, int, int]]:
        codes = self.snapshot.codes["entity"].values
        entity = self.snapshot.column["entity"][self.places].astype(np.int64)
        table = np.bincount(entity * 4 + self.decision, minlength=4 * max(len(codes), 1)).reshape(-1, 4)
        found: dict[str, list[int]] = {}
        for code in np.flatnonzero(table.any(axis=1)).tolist():
            sums = found.setdefault(codes[code][0], [0, 0, 0])
            for place in range(3):
                sums[place] += int(table[code, place])
        return {name: (sums[0], sums[1], sums[2]) for name, sums in found.items()}

    def block_reasons(self) -> list[tuple[str, int]]:
        """The most common first; reasons that differ in what was measured are one."""
        blocked = self.places[self.decision == DECISIONS.index("BLOCK")]
        counts = np.bincount(self.snapshot.column["reason"][blocked], minlength=1)
        found: Counter[str] = Counter()
        for code in np.flatnonzero(counts).tolist():
            found[shape_of(*self.snapshot.codes["reason"].values[code])] += int(counts[code])
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def shape_of(reason: str, blocked: str | None) -> str:
    """`EMQ score 3.2 (below 4.0 threshold)` → `EMQ score … (below 4.0 threshold)`: the threshold says which, the value
    how much."""
    parts = ASIDE.split(blocked or reason)
    return "".join(part if part.startswith("(") else NUMBER.sub("…", part) for part in parts)


def starts_of(days: Iterable[datetime]) -> list[int]:
    return [int(day.timestamp()) * 1_000_000 for day in days]


def _three(counts: Ints) -> tuple[int, int, int]:
    return int(counts[0]), int(counts[1]), int(counts[2])


def _masks(found: Snapshot, asked: Asked) -> Iterator[tuple[str, Flags]]:
    """A mask for each filter that is set."""
    yield "kind", found.per_code("kind", lambda kind: kind in asked.kinds)
    if asked.dry_run != "all":
        yield "dry_run", found.column["dry"] == (asked.dry_run == "true")
    if asked.period:
        at = found.column["at"]
        first, end = (int(edge.timestamp() * 1_000_000) for edge in (asked.period.start, asked.period.end))
        yield "period", (at >= first) & (at < end)
    if asked.decisions:
        yield "decision", found.per_code("decision", lambda decision: decision in asked.decisions)
    if asked.actions:
        yield "action_type", found.per_code("action", lambda action: action in asked.actions)
    if asked.health_min is not None or asked.health_max is not None:
        health = found.column["health"]
        low, high = asked.health_min or 0, 100 if asked.health_max is None else asked.health_max
        yield "health", (health >= low) & (health <= high)
    yield from _text_masks(found, asked)


def _text_masks(found: Snapshot, asked: Asked) -> Iterator[tuple[str, Flags]]:
    if asked.entity_types:
        yield "entity_type", found.per_code("entity", lambda entity: entity[0].casefold() in asked.entity_types)
    if asked.platforms:
        yield "platform", found.per_code("entity", lambda entity: entity[3].casefold() in asked.platforms)
    if asked.entity:
        yield "entity", found.per_code("entity", lambda entity: _is_entity(entity, asked.entity))
    if asked.actor:
        yield "actor", found.per_code("actor", lambda actor: asked.actor in (actor[0], actor[1].casefold()))
    if asked.block_reason:
        blocks = found.per_code("decision", lambda decision: decision == "BLOCK")
        same = found.per_code("reason", lambda reason: shape_of(*reason).casefold() == asked.block_reason)
        yield "block_reason", blocks & same
    if asked.text:
        named = found.per_code("entity", lambda entity: _is_entity(entity, asked.text))
        said = found.per_code("reason", lambda reason: asked.text in f"{reason[0]} {reason[1] or ''}".casefold())
        done = found.per_code("actor", lambda actor: asked.text in actor[1].casefold())
        yield "q", named | said | done


def _is_entity(entity: tuple[str, str, str, str], text: str) -> bool:
    """Its id, or a part of what people read: `Campaign: Summer Sale 2026`."""
    return entity[1].casefold() == text or text in f"{entity[0]}: {entity[2]}".casefold()
