"""Sequences in which every step has events of one name of its own, and nothing must not happen in between.

With a total time only, the earliest event of each next step is taken from each beginning; later beginnings never come
to a step earlier, so every stream is read forward once. With a longest gap between steps only, the latest event that a
chain has reached is the best one to go on from, so each step is found from the one before. Where neither lies, the
merged walk of `sequences` decides.
"""

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.elsewhere import event_mask
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import FOREVER, load_int64
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.rows import grown
from cdp.engine.columnar.runs import runs_of
from cdp.engine.columnar.snapshot import Side, Stream
from cdp.engine.columnar.step_streams import (
    StepStream,
    first_from,
    is_marked,
    line_of,
    rows_of_place,
    table_of,
    time_of,
)
from cdp.engine.columnar.walk import NamedTrack, begins_of
from cdp.engine.conditions import SequenceCondition
from cdp.engine.events import ANY_EVENT

PEOPLE_PER_RANGE = 5_000


def is_plain(condition: SequenceCondition) -> bool:
    """Whether this file can answer."""
    names = [step.names[0] for step in condition.steps]
    own = all(len(step.names) == 1 and isinstance(step.names[0], str) for step in condition.steps)
    is_own = own and ANY_EVENT not in names and len(set(names)) == len(names)
    has_gaps = any(step.max_gap is not None for step in condition.steps[1:])
    is_timed_once = not (has_gaps and condition.total is not None)
    return (
        is_own and is_timed_once and not condition.exclusions and not any(step.min_gap for step in condition.steps[1:])
    )


def plain_members(side: Side, condition: SequenceCondition, as_of: int, start: int, end: int) -> Ints:
    """In no order."""
    streams = [side.streams(str(step.names[0])) for step in condition.steps]
    if not all(stream is not None and len(stream.ts) for stream in streams):
        return np.empty(0, np.int64)
    given = [stream for stream in streams if stream is not None]
    held = [
        StepStream(
            stream.profile,
            stream.ts,
            None if step.where is None else event_mask(side, stream, step.where, as_of),
            begins_of(side, NamedTrack((), stream.profile, stream.ts, np.empty(0, np.uint32), stream)),
        )
        for stream, step in zip(given, condition.steps, strict=True)
    ]
    ties = [array for stream in given for array in tie_keys(stream)]
    table, keys = table_of(held), np.array([array.ctypes.data for array in ties], np.int64)
    gaps = [FOREVER if step.max_gap is None else step.max_gap for step in condition.steps]
    rules = np.array([start, end, FOREVER if condition.total is None else condition.total, *gaps], np.int64)
    people = people_of(side, given)
    does = np.zeros(len(people), np.uint8)
    has_gaps = any(gap != FOREVER for gap in gaps[1:])
    find = find_gapped if has_gaps else find_timed

    def work(low: int, high: int) -> None:
        find(people, low, high, table.ctypes.data, keys, rules, does)

    spread(work, len(people), PEOPLE_PER_RANGE)
    found: Ints = side.ids[people[does == 1]]
    return found


def people_of(side: Side, streams: list[Stream]) -> NDArray[np.int32]:
    """The ascending places of those who have the rarest of the events."""
    rarest = min(streams, key=lambda stream: len(stream.ts))
    places = runs_of(rarest, len(side.ids)).place
    return places[side.skip[places] == 0] if side.skip.any() else places.copy()


def tie_keys(stream: Stream) -> tuple[Ints, Ints]:
    """Received and sequence number, by which events of one instant are ordered."""
    received = stream.gather(lambda view: view.key("received"))
    seq = stream.gather(lambda view: view.key("seq"))
    return np.ascontiguousarray(received, np.int64), np.ascontiguousarray(seq, np.int64)


@kernel
def is_after(table: int, keys: Array, step: int, row: int, other: int, other_row: int) -> bool:
    """Whether the row of a step comes later than that of another one, in the order of all events."""
    a, b = time_of(line_of(table, step), row), time_of(line_of(table, other), other_row)
    for which in range(2):
        if a != b:
            break
        a, b = load_int64(keys[2 * step + which], row), load_int64(keys[2 * other + which], other_row)
    return bool(a > b)


@kernel
def find_rows(table: int, place: int, rules: Array, cursors: Array, ends: Array, bounds: Array) -> bool:
    """Whether there are rows in the window for every step; from `cursors` to `ends`. bounds: where the rows of the
    person before end."""
    steps = len(cursors)
    for step in range(steps):
        line = line_of(table, step)
        first, stop = rows_of_place(line, place, bounds[step])
        bounds[step] = stop
        if first == stop:
            return False
        cursors[step], ends[step] = first, stop
    for step in range(steps):
        line = line_of(table, step)
        if time_of(line, ends[step] - 1) >= rules[1]:
            ends[step] = first_from(line, cursors[step], ends[step], rules[1])
        cursors[step] = first_from(line, cursors[step], ends[step], rules[0])
        if cursors[step] == ends[step]:
            return False
    return True


@kernel
def has_timed(table: int, keys: Array, total: int, cursors: Array, ends: Array) -> bool:
    """Whether a chain has all steps within the total time."""
    steps, entry = len(cursors), line_of(table, 0)
    while cursors[0] < ends[0]:
        begun, late = time_of(entry, cursors[0]), np.int64(0)
        if is_marked(entry, cursors[0]):
            done = 1
            while done < steps:
                line, row, end = line_of(table, done), cursors[done], ends[done]
                before = cursors[done - 1]
                while row < end and (
                    not is_marked(line, row) or not is_after(table, keys, done, row, done - 1, before)
                ):
                    row += 1
                cursors[done] = row
                if row == end:
                    return False
                late = time_of(line, row)
                if late - begun > total:
                    break
                done += 1
            if done == steps:
                return True
        cursors[0] += 1
        while cursors[0] < ends[0] and late - time_of(entry, cursors[0]) > total:
            cursors[0] += 1
    return False


@kernel
def find_timed(people: Array, low: int, high: int, table: int, keys: Array, rules: Array, does: Array) -> None:
    """Set `does` of everybody who did the steps within the total time. people: ascending places."""
    steps = len(rules) - 3
    cursors, ends, bounds = np.zeros(steps, np.int64), np.zeros(steps, np.int64), np.zeros(steps, np.int64)
    for index in range(low, high):
        if find_rows(table, np.int64(people[index]), rules, cursors, ends, bounds):
            does[index] = has_timed(table, keys, rules[2], cursors, ends)


@kernel
def find_gapped(people: Array, low: int, high: int, table: int, keys: Array, rules: Array, does: Array) -> None:
    """Set `does` of everybody who did each step at most its gap after the previous one. people: ascending places."""
    steps = len(rules) - 3
    cursors, ends, bounds = np.zeros(steps, np.int64), np.zeros(steps, np.int64), np.zeros(steps, np.int64)
    reached, following = np.empty(64, np.int64), np.empty(64, np.int64)
    for index in range(low, high):
        if not find_rows(table, np.int64(people[index]), rules, cursors, ends, bounds):
            continue
        count = 0
        for step in range(steps):
            line, gap = line_of(table, step), rules[3 + step]
            ahead, found = 0, 0
            for row in range(cursors[step], ends[step]):
                if not is_marked(line, row):
                    continue
                if step:
                    while ahead < count and is_after(table, keys, step, row, step - 1, reached[ahead]):
                        ahead += 1
                    if not ahead or time_of(line, row) - time_of(line_of(table, step - 1), reached[ahead - 1]) > gap:
                        continue
                if found == len(following):
                    following = grown(following, found)
                following[found] = row
                found += 1
            reached, following, count = following, reached, found
            if not count:
                break
        does[index] = count > 0
