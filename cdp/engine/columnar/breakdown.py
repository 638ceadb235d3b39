"""A funnel by the values of something: which row of the answer belongs to which value, and a group for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.labels import MISSING, Codes, Labels, attribute_codes, codes_by_profile, event_codes
from cdp.engine.columnar.snapshot import Side, Snapshot
from cdp.engine.columnar.touches import touchables, touched, values_at
from cdp.engine.columnar.walk import NamedTrack, Track, Walked, together, tracks_of, walk_tracks
from cdp.engine.errors import NotSupported
from cdp.engine.funnels import OTHER, Breakdown, ByAttribute, ByGroups, ByProperty, FunnelSpec
from cdp.engine.predicates import is_missing

# Codes beside MISSING: of those whom the breakdown leaves out, and of the values beyond the limit.
LEFT_OUT = -2


class Grouped:
    """Rows with their place in `groups`, the values in the order of the answer; `whole` are the rows of the funnel
    itself, where the groups are parts of it."""

    def __init__(self, walked: Walked, group: Ints, groups: list[object], whole: Walked | None = None) -> None:
        self.walked = walked
        self.group = group
        self.groups = groups
        self.whole = whole

    def parts(self) -> list[Walked]:
        order = np.argsort(self.group, kind="stable")
        cuts = np.searchsorted(self.group[order], np.arange(len(self.groups) + 1))
        return [self.walked.take(order[low:high]) for low, high in pairwise(cuts)]


def refuse_breakdown(spec: FunnelSpec, breakdown: Breakdown) -> None:
    by = breakdown.by
    if breakdown.limit < 1:
        raise NotSupported("A breakdown shows at least one value.")
    if breakdown.values is not None and any(is_missing(value) for value in breakdown.values):
        raise NotSupported("The missing value has a group anyway: name the other ones.")
    if not isinstance(by, ByProperty) or by.attribution != "step":
        return
    if spec.mode == "any_order":
        raise NotSupported("A value at a step needs steps in order.")
    if by.step is None or not 0 <= by.step < len(spec.steps):
        raise NotSupported("The step whose value is wanted is not in the funnel.")


def grouped(snapshot: Snapshot, spec: FunnelSpec, breakdown: Breakdown, as_of: int) -> Grouped:
    by = breakdown.by
    if isinstance(by, ByProperty) and by.attribution == "all_steps":
        return per_value(snapshot, spec, by.property, breakdown, as_of)
    labels = Labels()
    walks, codes = [], []
    for side in snapshot.sides:
        tracks = tracks_of(side, spec, as_of)
        walked = walk_tracks(side, tracks, spec, as_of, snapshot.floor)
        walks.append(walked)
        if isinstance(by, ByProperty):
            codes.append(property_codes(side, tracks, walked, spec, by, (snapshot.floor, as_of), labels))
        else:
            codes.append(profile_codes(snapshot, by, walked.profile, as_of, labels))
    return group_rows(together(walks), np.concatenate(codes), labels, breakdown)


def profile_codes(snapshot: Snapshot, by: ByAttribute | ByGroups, profiles: Ints, as_of: int, labels: Labels) -> Codes:
    if isinstance(by, ByAttribute):
        return attribute_codes(snapshot, by.attribute, profiles, as_of, labels)
    return codes_by_profile(by.profile, labels.codes(by.label), profiles)


def property_codes(
    side: Side,
    tracks: Sequence[NamedTrack],
    walked: Walked,
    spec: FunnelSpec,
    by: ByProperty,
    bounds: tuple[int, int],
    labels: Labels,
) -> Codes:
    """Per row of the answer."""
    if by.attribution != "step":
        people, of_row = np.unique(walked.place, return_inverse=True)
        return touch_codes(side, tracks, people, spec, by, bounds, labels)[of_row]
    assert by.step is not None
    reached = walked.depth > by.step
    codes = np.full(len(reached), LEFT_OUT, np.int32)
    streams = touchables(side, tracks, 1 << by.step, by.property, labels)
    codes[reached] = values_at(streams, walked.place[reached], walked.times[reached, by.step], labels)
    return codes


def touch_codes(
    side: Side,
    tracks: Sequence[NamedTrack],
    people: NDArray[np.int32],
    spec: FunnelSpec,
    by: ByProperty,
    bounds: tuple[int, int],
    labels: Labels,
) -> Codes:
    """Per person, by ascending places."""
    streams = touchables(side, tracks, (1 << len(spec.steps)) - 1, by.property, labels)
    return touched(streams, people, bounds, by.attribution == "last_touch", labels)


def own_and_rest(labels: Labels, sizes: Ints, breakdown: Breakdown) -> tuple[list[int], list[int]]:
    """The codes of the values that get a group of their own, and those of the rest."""
    ranked = labels.ranked(sizes)
    if breakdown.values is None:
        return ranked[: breakdown.limit], ranked[breakdown.limit :]
    own = labels.codes(breakdown.values).tolist()
    return own, sorted(set(ranked) - set(own))


def groups_by_code(codes: Codes, labels: Labels, breakdown: Breakdown) -> tuple[Ints, list[object]]:
    """The group of every code, and the values of the groups by falling size, then the missing one and the rest."""
    sizes = np.bincount(codes[codes >= 0], minlength=len(labels.values))
    own, rest = own_and_rest(labels, sizes, breakdown)
    group_of = np.full(len(labels.values) + 2, LEFT_OUT, np.int64)
    groups: list[object] = [labels.values[code] for code in own]
    group_of[own] = np.arange(len(groups))
    if (codes == MISSING).any():
        group_of[MISSING] = len(groups)
        groups.append(None)
    if rest:
        group_of[rest] = len(groups)
        groups.append(OTHER)
    return group_of, groups


def group_rows(walked: Walked, codes: Codes, labels: Labels, breakdown: Breakdown) -> Grouped:
    group_of, groups = groups_by_code(codes, labels, breakdown)
    rows = np.flatnonzero(codes != LEFT_OUT)
    return Grouped(walked.take(rows), group_of[codes[rows]], groups, walked)


@dataclass(frozen=True, eq=False)
class Coded:
    """The tracks of a side, and of each the code of every event."""

    side: Side
    tracks: Sequence[Track]
    codes: Sequence[Codes]


def per_value(snapshot: Snapshot, spec: FunnelSpec, name: str, breakdown: Breakdown, as_of: int) -> Grouped:
    labels = Labels()
    sides = [(side, tracks_of(side, spec, as_of)) for side in snapshot.sides]
    coded = [
        Coded(side, tracks, [event_codes(track.stream, name, labels) for track in tracks]) for side, tracks in sides
    ]
    return once_per_value(coded, labels, spec, breakdown, as_of, snapshot.floor)


def once_per_value(
    sides: Sequence[Coded], labels: Labels, spec: FunnelSpec, breakdown: Breakdown, as_of: int, floor: int
) -> Grouped:
    """The funnel over the events of one value at a time, ranked by the people who have such an entry."""
    sizes = np.zeros(len(labels.values) + 1, np.int64)
    for one in sides:
        sizes += entries_by_value(one.side, one.tracks, one.codes, spec, as_of, floor, len(sizes))
    own, rest = own_and_rest(labels, sizes[:-1], breakdown)
    wanted = [(labels.values[code], [code]) for code in own]
    wanted += [(None, [MISSING])] if sizes[MISSING] else []
    wanted += [(OTHER, rest)] if rest else []
    walks, group = [], []
    for place, (_, values) in enumerate(wanted):
        for one in sides:
            pairs = zip(one.tracks, one.codes, strict=True)
            of_value = [only(track, np.isin(codes, values), spec) for track, codes in pairs]
            walks.append(walk_tracks(one.side, of_value, spec, as_of, floor))
            group.append(np.full(len(walks[-1].profile), place, np.int64))
    if not walks:
        return Grouped(walk_tracks(sides[0].side, [], spec, as_of, floor), np.empty(0, np.int64), [])
    return Grouped(together(walks), np.concatenate(group), [value for value, _ in wanted])


def entries_by_value(
    side: Side, tracks: Sequence[Track], coded: Sequence[Codes], spec: FunnelSpec, as_of: int, floor: int, size: int
) -> Ints:
    """How many people have an entry of each value; the last one is MISSING."""
    seen = [np.empty(0, np.int64)]
    end = min(spec.end, as_of + 1)
    firsts = np.uint32((1 << len(spec.steps)) - 1 if spec.mode == "any_order" else 1)
    for track, codes in zip(tracks, coded, strict=True):
        enters = (track.ts >= max(spec.start, floor)) & (track.ts < end) & (side.skip[track.profile] == 0)
        rows = np.flatnonzero(enters & ((track.bits & firsts) != 0))
        seen.append(np.unique(track.profile[rows].astype(np.int64) * size + codes[rows] % size))
    entries = np.unique(np.concatenate(seen))
    if spec.profiles is not None:
        entries = entries[np.isin(side.ids[entries // size], spec.profiles)]
    return np.bincount(entries % size, minlength=size)


def only(track: Track, has_value: NDArray[np.bool_], spec: FunnelSpec) -> Track:
    """The track where events of other values do no step; they are still excluded, and still neighbours."""
    steps = np.uint32((1 << len(spec.steps)) - 1)
    return replace(track, bits=np.where(has_value, track.bits, track.bits & ~steps).astype(np.uint32))
