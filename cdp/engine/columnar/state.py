"""What became of stored events: merges, voids and erasures, as sorted id arrays in one small file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import ArrayFile, write_arrays

NO_IDS: Ints = np.empty(0, np.int64)


def nothing() -> Ints:
    return NO_IDS


@dataclass(frozen=True, eq=False)
class State:
    """`losers`, ascending, with the profile each was merged into (`nexts`) and the one at the end of the way (`roots`).
    `retracted`: voided sequence numbers, with the profiles they came with (-1: not stored). `forgotten`: erased
    profiles as ingested. Voids and erasures also meet what is appended later."""

    losers: Ints = field(default_factory=nothing)
    nexts: Ints = field(default_factory=nothing)
    roots: Ints = field(default_factory=nothing)
    retracted: Ints = field(default_factory=nothing)
    retracted_from: Ints = field(default_factory=nothing)
    forgotten: Ints = field(default_factory=nothing)

    @property
    def is_plain(self) -> bool:
        """Whether nothing was merged, voided or erased."""
        return not (len(self.losers) or len(self.retracted) or len(self.forgotten))

    def owner(self, origin: Ints) -> Ints:
        """The profile to which events of these profiles belong now."""
        return follow(self.losers, self.roots, origin)

    def members(self, profiles: Ints) -> Ints:
        """The profiles themselves and everybody merged into them."""
        return np.union1d(profiles, self.losers[np.isin(self.roots, profiles)])

    def links(self) -> dict[int, int]:
        return dict(zip(self.losers.tolist(), self.nexts.tolist(), strict=True))

    def linked(self, links: Mapping[int, int]) -> "State":
        losers = np.array(sorted(links), np.int64)
        nexts = np.array([links[loser] for loser in losers.tolist()], np.int64)
        return replace(self, losers=losers, nexts=nexts, roots=ends(losers, nexts))

    def without(self, seqs: Ints, origins: Ints) -> "State":
        """`origins`: the profile with which each came, -1 for one that is not stored (yet)."""
        fresh = ~np.isin(seqs, self.retracted)
        retracted = np.concatenate([self.retracted, seqs[fresh]])
        order = np.argsort(retracted)
        came_from = np.concatenate([self.retracted_from, origins[fresh]])
        return replace(self, retracted=retracted[order], retracted_from=came_from[order])

    def forgetting(self, profiles: Ints) -> "State":
        return replace(self, forgotten=np.union1d(self.forgotten, self.members(profiles)))

    def counts(self, seq: Ints, origin: Ints) -> NDArray[np.bool_]:
        """Which events are neither voided nor erased."""
        keep = np.ones(len(seq), np.bool_)
        if len(self.retracted):
            keep &= ~np.isin(seq, self.retracted)
        if len(self.forgotten):
            keep &= ~np.isin(origin, self.forgotten)
        return keep

    def moved_since(self, old: "State") -> Ints:
        """The profiles, as ingested, whose events have another owner than in the state `old`."""
        origins = np.union1d(old.losers, self.losers)
        moved: Ints = origins[old.owner(origins) != self.owner(origins)]
        return moved

    def touched_since(self, old: "State") -> Ints:
        """The owners, old and new, of all events that were voided, erased or changed owner since the state `old`."""
        if self is old:
            return NO_IDS
        moved = self.moved_since(old)
        voided = self.retracted_from[~np.isin(self.retracted, old.retracted)]
        erased = np.setdiff1d(self.forgotten, old.forgotten)
        lost = np.concatenate([moved, voided[voided >= 0], erased])
        return np.unique(np.concatenate([old.owner(lost), self.owner(moved)]))


def follow(losers: Ints, targets: Ints, profiles: Ints) -> Ints:
    """Every profile that is a loser is replaced by its target."""
    if not len(losers):
        return profiles
    place = np.searchsorted(losers, profiles).clip(max=len(losers) - 1)
    followed: Ints = np.where(losers[place] == profiles, targets[place], profiles)
    return followed


def ends(losers: Ints, nexts: Ints) -> Ints:
    """Where the links from each loser end: the steps taken double in every round."""
    roots = nexts
    while True:
        further = follow(losers, roots, roots)
        if np.array_equal(further, roots):
            return roots
        roots = further


def relink(links: dict[int, int], changes: Mapping[int, int]) -> None:
    """Merge losers into survivors, and split off those that lead to themselves. A survivor that was itself merged
    into the loser is set free, so that links never run in a circle."""
    for loser, survivor in changes.items():
        links.pop(loser, None)
        if loser != survivor:
            links.pop(last_before(links, survivor, loser), None)
            links[loser] = survivor


def last_before(links: Mapping[int, int], start: int, loser: int) -> int:
    """The profile on the way from `start` that leads straight to `loser`; -1 when the way ends elsewhere."""
    while start in links:
        if links[start] == loser:
            return start
        start = links[start]
    return -1


def unique_ids(ids: Iterable[int]) -> Ints:
    return np.unique(np.fromiter(ids, np.int64))


def save_state(path: Path, state: State) -> tuple[int, int]:
    return write_arrays(path, {one.name: getattr(state, one.name) for one in fields(State)}, {})


def load_state(file: ArrayFile) -> State:
    return State(**{one.name: file.numbers(one.name) for one in fields(State)})
