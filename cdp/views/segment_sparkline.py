"""A segment's daily size as a small line."""

from collections.abc import Sequence
from itertools import pairwise

from cdp.views.funnel_sparkline import HIGH, ROOM, WIDE, Sparkline


def sparkline(sizes: Sequence[int]) -> Sparkline | None:
    """None with fewer than two days. The line begins at nobody, so that lines of two segments can be compared."""
    if len(sizes) < 2:
        return None
    top = max(sizes) or 1
    places = [
        f"{ROOM + index * (WIDE - 2 * ROOM) / (len(sizes) - 1):.1f} {HIGH - ROOM - size / top * (HIGH - 2 * ROOM):.1f}"
        for index, size in enumerate(sizes)
    ]
    line = "".join(f"M{start}L{end}" for start, end in pairwise(places))
    return Sparkline(line, "", f"Size by day, last {len(sizes)} days: {min(sizes):,} to {max(sizes):,}")
