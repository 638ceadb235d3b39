"""How several sets of profiles overlap, from the size of every region of theirs.

The rates are those of the field: Jaccard is |A∩B| / |A∪B|, the overlap coefficient |A∩B| / min(|A|, |B|), and lift says
how many times likelier a member of one is in the other than anybody of the universe: |A∩B|·N / (|A|·|B|).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from cdp.engine.arrays import Ints

FEWEST, MOST = 2, 10
NEARLY = 0.9  # Jaccard from which two segments are near duplicates

Relation = Literal["empty", "disjoint", "equal", "a_in_b", "b_in_a", "near_duplicate", "overlapping"]


@dataclass(frozen=True, slots=True)
class Region:
    """How many are in exactly these sets, by ascending place, and in none of the others."""

    inside: tuple[int, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sets, by place. Rates are None where they would divide by zero."""

    a: int
    b: int
    a_size: int
    b_size: int
    intersection: int
    universe: int

    @property
    def union(self) -> int:
        return self.a_size + self.b_size - self.intersection

    @property
    def a_rate(self) -> float | None:
        return _share(self.intersection, self.a_size)

    @property
    def b_rate(self) -> float | None:
        return _share(self.intersection, self.b_size)

    @property
    def jaccard(self) -> float | None:
        return _share(self.intersection, self.union)

    @property
    def overlap_coefficient(self) -> float | None:
        return _share(self.intersection, min(self.a_size, self.b_size))

    @property
    def lift(self) -> float | None:
        return _share(self.intersection * self.universe, self.a_size * self.b_size)

    @property
    def relation(self) -> Relation:
        if not self.a_size or not self.b_size:
            return "empty"
        if not self.intersection:
            return "disjoint"
        if self.intersection == self.union:
            return "equal"
        if self.intersection == self.a_size:
            return "a_in_b"
        if self.intersection == self.b_size:
            return "b_in_a"
        return "near_duplicate" if self.intersection >= NEARLY * self.union else "overlapping"


@dataclass(frozen=True, slots=True)
class Overlap:
    """`sizes` of the sets, the regions that somebody is in (largest first) and every pair."""

    universe: int
    sizes: tuple[int, ...]
    regions: tuple[Region, ...]
    pairs: tuple[Pair, ...]

    def size_of(self, inside: Sequence[int]) -> int:
        return next((region.size for region in self.regions if region.inside == tuple(inside)), 0)


def compared(counts: Ints, universe: int) -> Overlap:
    """`counts` by combination of sets, bit i standing for set i, as `engine.overlap.region_sizes` gives them."""
    sets = range(len(counts).bit_length() - 1)
    held = {tuple(one for one in sets if bits >> one & 1): int(counts[bits]) for bits in counts.nonzero()[0].tolist()}
    sizes = tuple(_in_all(held, {one}) for one in sets)
    regions = sorted((Region(*one) for one in held.items()), key=lambda one: (-one.size, len(one.inside), one.inside))
    pairs = (Pair(a, b, sizes[a], sizes[b], _in_all(held, {a, b}), universe) for a, b in combinations(sets, 2))
    return Overlap(universe, sizes, tuple(regions), tuple(pairs))


def _in_all(held: dict[tuple[int, ...], int], wanted: set[int]) -> int:
    return sum(size for inside, size in held.items() if wanted.issubset(inside))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
