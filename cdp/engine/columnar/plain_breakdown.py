"""A level funnel by values that belong to people: their groups first, then one pass that counts by group."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cdp.engine.columnar.breakdown import groups_by_code, profile_codes, touch_codes
from cdp.engine.columnar.labels import Codes, Labels
from cdp.engine.columnar.plain import list_entrants
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.snapshot import Side, Snapshot
from cdp.engine.columnar.step_streams import table_of
from cdp.engine.columnar.tally import answers, tally_side, whole_answer
from cdp.engine.columnar.walk import ROWS_PER_RANGE, NamedTrack, Track, by_steps, is_level, skipped, tracks_of
from cdp.engine.funnels import Breakdown, ByProperty, FunnelAnswer, FunnelSpec, Group

# Groups are counted in 16 bits; the missing one and the rest come on top.
MOST_GROUPS = 2**15 - 3


def can_tally(spec: FunnelSpec, breakdown: Breakdown) -> bool:
    by, wanted = breakdown.by, breakdown.limit if breakdown.values is None else len(breakdown.values)
    is_personal = not isinstance(by, ByProperty) or by.attribution in ("first_touch", "last_touch")
    return is_personal and is_level(spec) and wanted <= MOST_GROUPS


def tally_groups(snapshot: Snapshot, spec: FunnelSpec, breakdown: Breakdown, as_of: int) -> FunnelAnswer:
    labels = Labels()
    bounds = max(spec.start, snapshot.floor), min(spec.end, as_of + 1)
    sides = [(side, tracks_of(side, spec, as_of)) for side in snapshot.sides]
    people = [entrants(side, tracks, spec, *bounds) for side, tracks in sides]
    codes = [
        codes_of_people(snapshot, side, tracks, some, spec, breakdown, as_of, labels)
        for (side, tracks), some in zip(sides, people, strict=True)
    ]
    group_of, values = groups_by_code(np.concatenate(codes), labels, breakdown)
    tallies = []
    for (side, tracks), some, code in zip(sides, people, codes, strict=True):
        if len(some):
            group = np.zeros(len(side.ids), np.int16)
            group[some] = group_of[code]
            tallies += tally_side(side, tracks, spec, bounds, np.array(bounds), as_of, group, len(values))
    parts = answers(tallies, len(spec.steps), len(values))
    groups = [Group(value, part) for value, part in zip(values, parts, strict=True)]
    return replace(whole_answer(tallies, len(spec.steps)), breakdown=tuple(groups))


def entrants(side: Side, tracks: Sequence[Track], spec: FunnelSpec, start: int, end: int) -> NDArray[np.int32]:
    """The ascending places of those who have an entry."""
    held = by_steps(side, tracks, spec.steps)
    streams, skip = table_of(held), skipped(side, spec)

    def work(low: int, high: int) -> NDArray[np.int32]:
        places = np.empty(min(high - low, len(side.ids)), np.int32)
        return places[: list_entrants(streams.ctypes.data, skip, low, high, start, end, places)]

    return np.concatenate([np.empty(0, np.int32), *spread(work, len(held[0].ts), ROWS_PER_RANGE)])


def codes_of_people(
    snapshot: Snapshot,
    side: Side,
    tracks: Sequence[NamedTrack],
    people: NDArray[np.int32],
    spec: FunnelSpec,
    breakdown: Breakdown,
    as_of: int,
    labels: Labels,
) -> Codes:
    by = breakdown.by
    if isinstance(by, ByProperty):
        return touch_codes(side, tracks, people, spec, by, (snapshot.floor, as_of), labels)
    return profile_codes(snapshot, by, side.ids[people], as_of, labels)
