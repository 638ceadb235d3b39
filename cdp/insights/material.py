"""What insights are made from: counts per day and week, and people by what is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cdp.engine.arrays import Ints

NO_VALUE = -1


@dataclass(frozen=True, eq=False)
class Buckets:
    """Days or weeks in order, all complete: `counts` is (buckets, steps), who entered then and reached each step.

    Those from the place `judged` on lie in the range that is asked about; the ones before are its history.
    """

    first: tuple[date, ...]
    last: tuple[date, ...]
    counts: Ints
    judged: int

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, eq=False)
class Dimension:
    """People of the judged days by one thing known of them, such as their platform.

    `group` is each one's place in `values`, NO_VALUE for what is not compared itself; `day` the place of the day of
    entry among the judged ones; `depth` how many steps were reached. `label` is the name of a segment.
    """

    by: str
    values: tuple[Any, ...]
    group: Ints
    day: Ints
    depth: Ints
    label: str = ""


@dataclass(frozen=True, eq=False)
class Material:
    """`steps` are their titles; in any order, counts say how many did any one, any two … of them."""

    steps: tuple[str, ...]
    any_order: bool
    days: Buckets
    weeks: Buckets
    dimensions: Sequence[Dimension] = field(default=())
