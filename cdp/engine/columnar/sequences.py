"""Who did things one after the other: any choice of events will do."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import FOREVER, load_int64, load_uint32
from cdp.engine.columnar.picked import AskedSide, names_in
from cdp.engine.columnar.plain_sequences import is_plain, plain_members, tie_keys
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.rows import grown, not_before, seek
from cdp.engine.columnar.sequence_chains import Rules, has_chain
from cdp.engine.columnar.snapshot import Side, Stream
from cdp.engine.columnar.tied_sequences import is_tied, tied_members, untied
from cdp.engine.columnar.walk import gathered_bits
from cdp.engine.conditions import SequenceCondition, SequenceStep, Without
from cdp.engine.errors import NotSupported

MOST_BITS = 32
PEOPLE_PER_RANGE = 2_000
# Addresses of profile (int32), time, received, sequence number (int64) and bits (uint32); rows, whether there are bits
# per row, and all bits that there are.
PROFILE, TS, RECEIVED, SEQ, BITS, ROWS, PER_ROW, EVERY = range(8)


@dataclass(frozen=True, eq=False)
class Strand:
    """A stream as the kernel reads it; keeps alive what `line` points to."""

    stream: Stream
    bits: NDArray[np.uint32]
    received: Ints
    seq: Ints

    def line(self) -> list[int]:
        arrays = (self.stream.profile, self.stream.ts, self.received, self.seq, self.bits)
        size = len(self.stream.ts)
        return [*(array.ctypes.data for array in arrays), size, int(len(self.bits) == size), self.every]

    @cached_property
    def every(self) -> int:
        return int(np.bitwise_or.reduce(self.bits))


def refuse(condition: SequenceCondition) -> None:
    steps = len(condition.steps)
    if not steps or steps + len(condition.exclusions) > MOST_BITS:
        raise NotSupported(f"A sequence has 1 to {MOST_BITS} steps and exclusions.")
    if any(not 0 <= one.after < one.before < steps for one in condition.exclusions):
        raise NotSupported("An exclusion must lie between a step and a later step of the sequence.")


def sequence_members(sides: Sequence[AskedSide], condition: SequenceCondition, as_of: int, floor: int) -> Ints:
    """Ascending."""
    found: Ints = np.sort(np.concatenate([of_side(asked.side, condition, as_of, floor) for asked in sides]))
    return found


def of_side(side: Side, condition: SequenceCondition, as_of: int, floor: int) -> Ints:
    start, end = max(condition.start, floor), min(condition.end, as_of + 1)
    if is_tied(condition):
        likely = np.sort(of_side(side, untied(condition), as_of, floor))
        places = np.flatnonzero(np.isin(side.ids, likely)).astype(np.int32)
        return tied_members(side, condition, as_of, rules_of(condition, start, end), places)
    if is_plain(condition):
        return plain_members(side, condition, as_of, start, end)
    strands, rules = strands_of(side, condition, as_of), rules_of(condition, start, end)
    people = candidates(side, strands, len(condition.steps))
    if not len(people):
        return np.empty(0, np.int64)
    table = np.array([strand.line() for strand in strands], np.int64)
    does = np.zeros(len(people), np.uint8)

    def work(low: int, high: int) -> None:
        find_chains(people[low:high], table, rules, does[low:high])

    spread(work, len(people), PEOPLE_PER_RANGE)
    found: Ints = side.ids[people[does == 1]]
    return found


def rules_of(condition: SequenceCondition, start: int, end: int) -> Rules:
    return (
        np.array([step.min_gap for step in condition.steps], np.int64),
        np.array([FOREVER if step.max_gap is None else step.max_gap for step in condition.steps], np.int64),
        FOREVER if condition.total is None else condition.total,
        np.array([one.after for one in condition.exclusions], np.int64),
        np.array([one.before for one in condition.exclusions], np.int64),
        start,
        end,
    )


def strands_of(side: Side, condition: SequenceCondition, as_of: int) -> list[Strand]:
    """The bits of an event are the steps it can be, and above them the exclusions."""
    parts: Sequence[SequenceStep | Without] = (*condition.steps, *condition.exclusions)
    named = [set(names_in(side, part.names)) for part in parts]
    strands = []
    for name in sorted(set[str]().union(*named)):
        stream = side.streams(name)
        if stream is not None and len(stream.ts):
            serving = [(bit, part.where) for bit, part in enumerate(parts) if name in named[bit]]
            strands.append(Strand(stream, gathered_bits(side, stream, serving, as_of), *tie_keys(stream)))
    return strands


def candidates(side: Side, strands: Sequence[Strand], steps: int) -> NDArray[np.int32]:
    """The ascending places of those with an event that may be the step for which there are the fewest events."""
    serving = [[one for one in strands if one.every >> step & 1] for step in range(steps)]
    rarest = min(serving, key=lambda some: sum(len(one.stream.ts) for one in some))
    marked = np.zeros(len(side.ids), np.uint8)
    for strand in rarest:
        marked[strand.stream.profile] = 1
    marked &= side.skip ^ 1
    return np.flatnonzero(marked).astype(np.int32)


@kernel
def is_earlier(table: Array, one: int, row: int, other: int, other_row: int) -> bool:
    """Of two events of one instant."""
    a, b = load_int64(table[one, RECEIVED], row), load_int64(table[other, RECEIVED], other_row)
    if a != b:
        return bool(a < b)
    return bool(load_int64(table[one, SEQ], row) < load_int64(table[other, SEQ], other_row))


@kernel
def merge(
    table: Array, positions: Array, ends: Array, start: int, end: int, ts: Array, bits: Array
) -> tuple[int, Array, Array]:
    """The profile's events with any bit in [start, end), in the order of all events; and the (grown) buffers."""
    count = 0
    for strand in range(len(table)):
        while positions[strand] < ends[strand] and load_int64(table[strand, TS], positions[strand]) < start:
            positions[strand] += 1
    while True:
        best, now = -1, end
        for strand in range(len(table)):
            row = positions[strand]
            if row >= ends[strand]:
                continue
            then = load_int64(table[strand, TS], row)
            if then < now or (best >= 0 and then == now and is_earlier(table, strand, row, best, positions[best])):
                best, now = strand, then
        if best < 0:
            return count, ts, bits
        row = positions[best]
        positions[best] = row + 1
        mask = load_uint32(table[best, BITS], row if table[best, PER_ROW] else 0)
        if mask:
            if count == len(ts):
                ts, bits = grown(ts, count), grown(bits, count)
            ts[count], bits[count] = now, mask
            count += 1


@kernel
def is_after(table: Array, strand: int, row: int, other: int, other_row: int) -> bool:
    """Whether the row comes later than the other one in the order of all events."""
    a, b = load_int64(table[strand, TS], row), load_int64(table[other, TS], other_row)
    return bool(a > b) if a != b else bool(is_earlier(table, other, other_row, strand, row))


@kernel
def has_order(table: Array, positions: Array, ends: Array, steps: int, start: int, end: int) -> bool:
    """Whether the steps come one after the other in [start, end), however far apart: the earliest event will do for
    each. positions: the first row of each strand, moved on."""
    last, last_row = -1, 0
    for step in range(steps):
        best, best_row = -1, 0
        for strand in range(len(table)):
            if not (table[strand, EVERY] >> step) & 1:
                continue
            row = positions[strand]
            if row < ends[strand]:
                row = not_before(table[strand, TS], row, ends[strand], start)
                if last >= 0:
                    row = not_before(table[strand, TS], row, ends[strand], load_int64(table[last, TS], last_row))
            while row < ends[strand] and last >= 0 and not is_after(table, strand, row, last, last_row):
                row += 1
            positions[strand] = row
            per_row = table[strand, PER_ROW]
            while row < ends[strand] and per_row and not (load_uint32(table[strand, BITS], row) >> step) & 1:
                row += 1
            if row == ends[strand] or load_int64(table[strand, TS], row) >= end:
                continue
            if best < 0 or is_after(table, best, best_row, strand, row):
                best, best_row = strand, row
        if best < 0:
            return False
        last, last_row = best, best_row
    return True


@kernel
def is_free(rules: Rules) -> bool:
    """Whether only the order counts."""
    least, longest, total, afters, _, _, _ = rules
    free = total == FOREVER and len(afters) == 0
    for step in range(1, len(least)):
        free &= least[step] == 0 and longest[step] == FOREVER
    return free


@kernel
def find_chains(people: Array, table: Array, rules: Rules, does: Array) -> None:
    """Set `does` of everybody who did the steps. people: ascending places."""
    steps, start, end = len(rules[0]), rules[5], rules[6]
    positions, ends = np.zeros(len(table), np.int64), np.zeros(len(table), np.int64)
    ts, bits = np.empty(64, np.int64), np.empty(64, np.uint32)
    room = (np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64))
    free = is_free(rules)
    all_steps = (np.int64(1) << steps) - 1
    for index in range(len(people)):
        person, every = people[index], np.int64(0)
        for strand in range(len(table)):
            size, address = table[strand, ROWS], table[strand, PROFILE]
            positions[strand] = seek(address, ends[strand], size, person)
            ends[strand] = seek(address, positions[strand], size, person + 1)
            if ends[strand] > positions[strand]:
                every |= table[strand, EVERY]
        if every & all_steps != all_steps:
            continue
        if free:
            does[index] = has_order(table, positions, ends, steps, start, end)
            continue
        count, ts, bits = merge(table, positions, ends, start, end, ts, bits)
        if len(room[0]) < count:
            room = (np.empty(len(ts), np.int64), np.empty(len(ts), np.int64), np.empty(len(ts), np.int64))
        does[index] = has_chain(ts, bits, count, rules, room)
