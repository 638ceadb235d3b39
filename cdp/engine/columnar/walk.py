"""How far everybody went: from the streams of a snapshot through the kernels to one row per person or attempt."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints, Mask
from cdp.engine.columnar import beginnings, chains
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.bystanders import interleaved
from cdp.engine.columnar.clean_any_order import MOST_STEPS
from cdp.engine.columnar.elsewhere import event_mask
from cdp.engine.columnar.found import Found
from cdp.engine.columnar.level_attempts import list_attempts
from cdp.engine.columnar.level_strict import list_strict
from cdp.engine.columnar.memory import FOREVER
from cdp.engine.columnar.merging import STREAM_WIDTH, mark_people
from cdp.engine.columnar.ordered import ordered_funnel
from cdp.engine.columnar.ordering import order_by
from cdp.engine.columnar.people import ANY_ORDER, ORDERED, STRICT, each_person
from cdp.engine.columnar.plain import list_plain
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.snapshot import Flags, Side, Snapshot, Stream
from cdp.engine.columnar.step_streams import StepStream, table_of
from cdp.engine.errors import NotSupported
from cdp.engine.events import ANY_EVENT
from cdp.engine.funnels import NEVER, Exclusion, FunnelSpec, Step
from cdp.engine.predicates import Predicate

# Bits of an event.
MAX_STEPS = 32
MODES = {"ordered": ORDERED, "strict": STRICT, "any_order": ANY_ORDER}
# The kernel looks at every stream for every event, so streams beyond this many are merged first.
MAX_STREAMS = 12
# Below this many people, or rows of the first step, a second thread costs more than it saves.
PEOPLE_PER_RANGE = 2_000
ROWS_PER_RANGE = 20_000


@dataclass(frozen=True, eq=False)
class Track:
    """A stream as the kernel reads it: `bits` has one element per row, or one for all. `serves`: those it may
    have."""

    serves: tuple[int, ...]
    profile: NDArray[np.int32]
    ts: Ints
    bits: NDArray[np.uint32]

    def line(self) -> list[int]:
        addresses = (self.profile.ctypes.data, self.ts.ctypes.data, self.bits.ctypes.data)
        return [*addresses, len(self.ts), int(len(self.bits) == len(self.ts))]


@dataclass(frozen=True, eq=False)
class NamedTrack(Track):
    """The track of the events of one name."""

    stream: Stream


@dataclass(frozen=True, eq=False)
class Walked:
    """One row per person with an entry, or per attempt. `place` is the profile's in its side. times: (rows, steps),
    NEVER where not reached."""

    profile: Ints
    place: NDArray[np.int32]
    depth: NDArray[np.uint8]
    opened: Ints
    still_open: Flags
    times: Ints

    def take(self, rows: Array) -> "Walked":
        return Walked(*(getattr(self, one.name)[rows] for one in fields(self)))


def refuse(spec: FunnelSpec) -> None:
    steps = len(spec.steps)
    if not 1 <= steps + len(spec.exclusions) <= MAX_STEPS or not steps:
        raise NotSupported(f"A funnel has 1 to {MAX_STEPS} steps and exclusions.")
    if any(not 0 <= one.after < one.before < steps for one in spec.exclusions):
        raise NotSupported("An exclusion must lie between a step and a later step of the funnel.")
    if spec.mode == "any_order" and any(step.max_gap is not None for step in spec.steps):
        raise NotSupported("A Time Window of a step needs steps in order.")
    if spec.mode == "any_order" and spec.exclusions:
        refuse_exclusions(spec)


def refuse_exclusions(spec: FunnelSpec) -> None:
    if spec.counting == "totals":
        raise NotSupported("Total events in any order cannot be counted with exclusions so far.")
    if len(spec.steps) > MOST_STEPS:
        raise NotSupported(f"A funnel in any order can have exclusions up to {MOST_STEPS} steps.")


def walk(snapshot: Snapshot, spec: FunnelSpec, as_of: int) -> Walked:
    return together([walk_side(side, spec, as_of, snapshot.floor) for side in snapshot.sides])


def together(parts: Sequence[Walked]) -> Walked:
    return Walked(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Walked)))


def walk_side(side: Side, spec: FunnelSpec, as_of: int, floor: int) -> Walked:
    return walk_tracks(side, tracks_of(side, spec, as_of), spec, as_of, floor)


def tracks_of(side: Side, spec: FunnelSpec, as_of: int) -> list[NamedTrack]:
    return [track for name in names_of(spec, side) if (track := track_of(side, name, spec, as_of))]


def is_level(spec: FunnelSpec) -> bool:
    """Whether every step of an ordered funnel has an event of its own, and nothing else is asked of it."""
    return spec.mode == "ordered" and not spec.exclusions and has_own_events(spec)


def has_own_events(spec: FunnelSpec) -> bool:
    """Whether every step has an event of its own, and no Time Window."""
    names = {name for step in spec.steps for name in step.events}
    own = len(names) == len(spec.steps) and all(len(step.events) == 1 for step in spec.steps) and ANY_EVENT not in names
    return own and all(step.max_gap is None for step in spec.steps)


def by_steps(side: Side, tracks: Sequence[Track], steps: Sequence[Step]) -> list[StepStream]:
    """The one stream of each step of a plain funnel."""
    found = {track.serves: step_stream(side, track) for track in tracks}
    nothing = StepStream(np.empty(0, np.int32), np.empty(0, np.int64), None, None)
    return [found.get((step,), nothing) for step in range(len(steps))]


def step_stream(side: Side, track: Track) -> StepStream:
    mask = (track.bits != 0).view(np.uint8) if len(track.bits) == len(track.ts) else None
    return StepStream(track.profile, track.ts, mask, begins_of(side, track))


def begins_of(side: Side, track: Track) -> NDArray[np.int32] | None:
    """Of whole streams of the base."""
    if not isinstance(track, NamedTrack) or track.stream.base is None:
        return None
    return beginnings.begins_of(track.stream.base, track.stream.name, len(side.ids))


def skipped(side: Side, spec: FunnelSpec) -> Flags:
    """1 for those who are not asked about here."""
    if spec.profiles is None:
        return side.skip
    others = ~np.isin(side.ids, spec.profiles)
    return side.skip | others.view(np.uint8)


def list_people(side: Side, tracks: Sequence[Track], spec: FunnelSpec, start: int, end: int, as_of: int) -> Walked:
    """The plain funnel, person by person."""
    held = by_steps(side, tracks, spec.steps)
    streams, skip, steps = table_of(held), skipped(side, spec), len(held)

    def work(low: int, high: int) -> Walked:
        scratch = np.zeros((chains.WIDTH, steps), np.int64)
        size = min(high - low, len(side.ids))
        place, depth, times = np.empty(size, np.int32), np.empty(size, np.uint8), np.empty((size, steps), np.int64)
        still_open = np.empty(size, np.uint8)
        bounds = (low, high, start, end, spec.window, as_of)
        rows = list_plain(streams.ctypes.data, steps, skip, *bounds, scratch, place, depth, still_open, times)
        place, times = place[:rows], times[:rows]
        return Walked(side.ids[place], place, depth[:rows], times[:, 0], still_open[:rows], times)

    return together(spread(work, len(held[0].ts), ROWS_PER_RANGE) or [work(0, 0)])


def list_level_attempts(
    side: Side, tracks: Sequence[Track], spec: FunnelSpec, start: int, end: int, as_of: int
) -> Walked:
    """Total events of the same funnels."""
    held = by_steps(side, tracks, spec.steps)
    streams, skip, steps = table_of(held), skipped(side, spec), len(held)

    def work(low: int, high: int) -> tuple[Walked, NDArray[np.int32]]:
        tied = np.empty(min(high - low, len(side.ids)), np.int32)
        scratch = np.zeros((chains.WIDTH, steps), np.int64)
        bounds = (low, high, start, end, spec.window, as_of)
        found, rows, left_out = list_attempts(streams.ctypes.data, steps, skip, *bounds, scratch, tied)
        return rows_of(side, found, rows), tied[:left_out]

    parts = spread(work, len(held[0].ts), ROWS_PER_RANGE) or [work(0, 0)]
    people = np.concatenate([tied for _, tied in parts])
    rest = walk_people(side, people, tracks, spec, (start, end, as_of))
    return together([*(walked for walked, _ in parts), rest])


def list_strict_people(
    side: Side, tracks: Sequence[Track], spec: FunnelSpec, start: int, end: int, as_of: int
) -> Walked:
    """The same funnels in strict order."""
    held = by_steps(side, tracks, spec.steps)
    others = [step_stream(side, track) for track in tracks if not track.serves]
    held.append(interleaved(others, len(side.ids)))
    streams, skip, steps = table_of(held), skipped(side, spec), len(spec.steps)

    def work(low: int, high: int) -> tuple[Walked, NDArray[np.int32]]:
        scratch = np.zeros((chains.WIDTH, steps + 1), np.int64)
        size = min(high - low, len(side.ids))
        place, depth, times = np.empty(size, np.int32), np.empty(size, np.uint8), np.empty((size, steps), np.int64)
        still_open, tied = np.empty(size, np.uint8), np.empty(size, np.int32)
        bounds = (low, high, start, end, spec.window, as_of)
        out = (place, depth, still_open, times, tied)
        rows, left_out = list_strict(streams.ctypes.data, steps, skip, *bounds, scratch, *out)
        place, times = place[:rows], times[:rows]
        walked = Walked(side.ids[place], place, depth[:rows], times[:, 0], still_open[:rows], times)
        return walked, tied[:left_out]

    parts = spread(work, len(held[0].ts), ROWS_PER_RANGE) or [work(0, 0)]
    people = np.concatenate([tied for _, tied in parts])
    rest = walk_people(side, people, tracks, spec, (start, end, as_of))
    return together([*(walked for walked, _ in parts), rest])


def are_apart(spec: FunnelSpec) -> bool:
    """Whether no excluded event can be a step."""
    steps, excluded = ({name for one in some for name in one.events} for some in (spec.steps, spec.exclusions))
    return ANY_EVENT not in excluded and not steps & excluded


def list_excluding(side: Side, tracks: Sequence[Track], spec: FunnelSpec, start: int, end: int, as_of: int) -> Walked:
    """Exclusions change nothing for those who have no excluded event, or never did the step after which it is one: they
    are answered as if there were none."""
    steps = len(spec.steps)
    plainly = [track for track in tracks if track.serves and track.serves[0] < steps]
    listing = list_people if spec.counting == "unique" else list_level_attempts
    walked = listing(side, plainly, replace(spec, exclusions=()), start, end, as_of)
    excluded = ((1 << len(spec.exclusions)) - 1) << steps
    has_excluded = marked(side, tracks, excluded, start, min(end + spec.window, as_of + 1))
    came_so_far = walked.depth > min(one.after for one in spec.exclusions)
    is_concerned = np.zeros(len(side.ids), np.bool_)
    is_concerned[walked.place[came_so_far & (has_excluded[walked.place] != 0)]] = True
    people = np.flatnonzero(is_concerned).astype(np.int32)
    rest = walk_people(side, people, tracks, spec, (start, end, as_of))
    return together([walked.take(np.flatnonzero(~is_concerned[walked.place])), rest])


def gaps_of(spec: FunnelSpec) -> Ints:
    return np.array([FOREVER if step.max_gap is None else step.max_gap for step in spec.steps], np.int64)


def walk_tracks(side: Side, tracks: Sequence[Track], spec: FunnelSpec, as_of: int, floor: int) -> Walked:
    start, end = max(spec.start, floor), min(spec.end, as_of + 1)
    if has_own_events(spec):
        if is_level(spec):
            listing = list_people if spec.counting == "unique" else list_level_attempts
            return listing(side, tracks, spec, start, end, as_of)
        if spec.mode == "strict" and spec.counting == "unique" and not spec.exclusions:
            return list_strict_people(side, tracks, spec, start, end, as_of)
        if spec.mode == "ordered" and are_apart(spec):
            return list_excluding(side, tracks, spec, start, end, as_of)
    people = entrants(side, tracks, spec, start, end)
    if spec.mode != "ordered" or spec.exclusions or spec.counting == "totals":
        return walk_people(side, people, tracks, spec, (start, end, as_of))
    # They hold what the addresses in `streams` point to.
    read = few(side, tracks, people)
    streams, gaps = stream_table(read), gaps_of(spec)
    steps = len(spec.steps)
    depth, still_open = np.zeros(len(people), np.uint8), np.zeros(len(people), np.uint8)
    times = np.full((len(people), steps), NEVER, np.int64)

    def work(low: int, high: int) -> None:
        part, bounds = slice(low, high), (spec.window, start, end, as_of)
        ordered_funnel(people[part], streams, gaps, *bounds, depth[part], times[part], still_open[part])

    spread(work, len(people), PEOPLE_PER_RANGE)
    return Walked(side.ids[people], people, depth, times[:, 0], still_open, times)


def walk_people(
    side: Side, people: NDArray[np.int32], tracks: Sequence[Track], spec: FunnelSpec, bounds: tuple[int, int, int]
) -> Walked:
    """One after the other, of the ascending places `people`: all modes and countings."""
    # They hold what the addresses in `streams` point to.
    read = few(side, tracks, people) if len(people) else []
    streams = stream_table(read)
    afters = np.array([one.after for one in spec.exclusions], np.int64)
    befores = np.array([one.before for one in spec.exclusions], np.int64)
    rules = (spec.window, gaps_of(spec), afters, befores, *bounds)

    def work(low: int, high: int) -> Walked:
        found, rows = each_person(people[low:high], streams, MODES[spec.mode], spec.counting == "totals", rules)
        return rows_of(side, found, rows)

    return together(spread(work, len(people), PEOPLE_PER_RANGE) or [work(0, 0)])


def rows_of(side: Side, found: Found, rows: int) -> Walked:
    person, depth, opened, still_open, times = (array[:rows] for array in found)
    return Walked(side.ids[person], person, depth, opened, still_open, times)


def stream_table(tracks: Sequence[Track]) -> Ints:
    return np.array([track.line() for track in tracks], np.int64).reshape(-1, STREAM_WIDTH)


def targets(spec: FunnelSpec) -> Sequence[Step | Exclusion]:
    """What the bits of an event stand for."""
    return (*spec.steps, *spec.exclusions)


def names_of(spec: FunnelSpec, side: Side) -> list[str]:
    """The names that the kernel has to see; for neighbours in the whole timeline these are all."""
    wanted = {name for one in targets(spec) for name in one.events}
    return sorted(side.names if ANY_EVENT in wanted or spec.mode == "strict" else side.names & wanted)


def track_of(side: Side, name: str, spec: FunnelSpec, as_of: int) -> NamedTrack | None:
    """Bits of the steps, and above them of the exclusions."""
    stream = side.streams(name)
    if stream is None:
        return None
    serving = [
        (bit, one.where) for bit, one in enumerate(targets(spec)) if name in one.events or ANY_EVENT in one.events
    ]
    serves = tuple(bit for bit, _ in serving)
    return NamedTrack(serves, stream.profile, stream.ts, gathered_bits(side, stream, serving, as_of), stream)


def gathered_bits(
    side: Side, stream: Stream, serving: list[tuple[int, Predicate | None]], as_of: int
) -> NDArray[np.uint32]:
    """Per row the steps (bit = step) that it serves; one element for all rows when no predicate tells them apart."""
    always = sum(1 << step for step, where in serving if where is None)
    tested = [(step, where) for step, where in serving if where is not None]
    if not tested:
        return np.array([always], np.uint32)
    bits = np.full(len(stream.ts), always, np.uint32)
    for step, where in tested:
        bits |= event_mask(side, stream, where, as_of).astype(np.uint32) << np.uint32(step)
    return bits


def few(side: Side, tracks: Sequence[Track], people: NDArray[np.int32]) -> Sequence[Track]:
    """At most MAX_STREAMS tracks: of the shortest ones the rows of these people are merged into one."""
    if len(tracks) <= MAX_STREAMS:
        return tracks
    tracks = sorted(tracks, key=lambda track: -len(track.ts))
    is_asked = np.zeros(len(side.ids), np.bool_)
    is_asked[people] = True
    return [*tracks[: MAX_STREAMS - 1], merged(tracks[MAX_STREAMS - 1 :], is_asked)]


def merged(tracks: Sequence[Track], is_asked: Mask) -> Track:
    rows = [np.flatnonzero(is_asked[track.profile]) for track in tracks]
    profile = np.concatenate([track.profile[some] for track, some in zip(tracks, rows, strict=True)])
    ts = np.concatenate([track.ts[some] for track, some in zip(tracks, rows, strict=True)])
    bits = np.concatenate([per_row(track)[some] for track, some in zip(tracks, rows, strict=True)])
    order = order_by(profile, ts)
    return Track((), profile[order], ts[order], bits[order])


def per_row(track: Track) -> Array:
    return np.broadcast_to(track.bits, track.ts.shape)


def entrants(side: Side, tracks: Sequence[Track], spec: FunnelSpec, start: int, end: int) -> NDArray[np.int32]:
    """The places of those with an event in [start, end) that enters, of the given profiles only."""
    firsts = (1 << len(spec.steps)) - 1 if spec.mode == "any_order" else 1
    people = np.flatnonzero(marked(side, tracks, firsts, start, end) & (side.skip ^ 1)).astype(np.int32)
    if spec.profiles is not None:
        people = people[np.isin(side.ids[people], spec.profiles)]
    return people


def marked(side: Side, tracks: Sequence[Track], bits: int, start: int, end: int) -> Flags:
    """1 for each place with an event in [start, end) that has any of the bits."""
    found = np.zeros(len(side.ids), np.uint8)
    mark_people(stream_table(tracks), bits, start, end, found)
    return found
