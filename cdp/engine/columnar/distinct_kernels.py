"""The different values of each profile: how many, which, and which of them is the most frequent.

A call answers the runs [low, high) of a source, and writes one element per slot unless said otherwise. Where values
are codes below a domain, each has a counter or a bit; else the few of one run are sorted.
"""

from typing import Any

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import load_int8, load_int32
from cdp.engine.columnar.ordering import sort
from cdp.engine.columnar.rows import grown
from cdp.engine.columnar.source import FIRST, MASK, STATUS, VALUE, WIDTH, Source, asked, slot_of, usable, value_at

FULL = 2**32 - 1
LANES = 8


@kernel
def take_values(source: Source, first: int, after: int, buffer: Array) -> tuple[int, Array]:
    """The usable values, ascending; returns their number and the (grown) buffer."""
    count = 0
    for one in range(first, after):
        if usable(source, one):
            if count == len(buffer):
                buffer = grown(buffer, count)
            buffer[count] = value_at(source, one)
            count += 1
    if count > 1:
        sort(buffer, 0, count)
    return count, buffer


@kernel
def keep_distinct(buffer: Array, count: int) -> int:
    """Of ascending values each once; returns their number."""
    kept = 0
    for place in range(count):
        if place == 0 or buffer[place] != buffer[place - 1]:
            buffer[kept] = buffer[place]
            kept += 1
    return kept


@kernel
def take_distinct(source: Source, first: int, after: int, stamp: int, seen: Array, buffer: Array) -> tuple[int, Array]:
    """The distinct usable values, in no order. seen: one element for each possible value; the stamp is of this run."""
    count = 0
    for one in range(first, after):
        if usable(source, one):
            value = value_at(source, one)
            if seen[value] != stamp:
                seen[value] = stamp
                if count == len(buffer):
                    buffer = grown(buffer, count)
                buffer[count] = value
                count += 1
    return count, buffer


@kernel
def count_distinct(source: Source, first: int, after: int, stamp: int, seen: Array) -> int:
    """How many values; those that are seen get the stamp."""
    count = 0
    for one in range(first, after):
        if usable(source, one):
            value = value_at(source, one)
            count += seen[value] != stamp
            seen[value] = stamp
    return count


@kernel
def count_unique(source: Source, low: int, high: int, domain: int, unique: Array) -> None:
    """`domain`: values are below it; 0 when they may be anything."""
    buffer, seen = np.empty(64, np.int64), np.full(domain, -1, np.int32)
    for run in range(low, high):
        first, after = asked(source, run)
        if domain:
            count = count_distinct(source, first, after, run, seen)
        else:
            count, buffer = take_values(source, first, after, buffer)
            count = keep_distinct(buffer, count)
        unique[slot_of(source, run)] = count


@inlined
def count_bits(some: Any) -> int:
    """How many are set, of a uint64."""
    some -= (some >> np.uint64(1)) & np.uint64(0x5555555555555555)
    some = (some & np.uint64(0x3333333333333333)) + ((some >> np.uint64(2)) & np.uint64(0x3333333333333333))
    some = (some + (some >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((some * np.uint64(0x0101010101010101)) >> np.uint64(56))


@inlined
def bits_of_codes(codes: int, first: int, after: int, readable: int) -> Any:
    """A bit for each of the codes [first, after), int8 below 64 at this address. Eight at a time, because their number
    cannot be foreseen, unless no eight can be read before `readable`."""
    bits = np.uint64(0)
    while first < after:
        if first + LANES <= readable:
            for lane in range(LANES):
                bit = np.uint64(1) << np.uint64(load_int8(codes, first + lane))
                bits |= bit if first + lane < after else np.uint64(0)
            first += LANES
        else:
            bits |= np.uint64(1) << np.uint64(load_int8(codes, first))
            first += 1
    return bits


@kernel
def count_small(source: Source, low: int, high: int, unique: Array) -> None:
    """Like `count_unique` of values below 64, a bit for each."""
    is_plain = source[MASK] == 0 and source[STATUS] == 0 and source[WIDTH] == 1
    readable = int(load_int32(source[FIRST], high))
    for run in range(low, high):
        first, after = asked(source, run)
        bits = np.uint64(0)
        if is_plain:
            bits = bits_of_codes(source[VALUE], first, after, readable)
        else:
            for one in range(first, after):
                if usable(source, one):
                    bits |= np.uint64(1) << np.uint64(value_at(source, one))
        unique[slot_of(source, run)] = count_bits(bits)


@kernel
def list_unique(source: Source, low: int, high: int, domain: int, rank: int, starts: Array, items: Array) -> None:
    """Writes the distinct values of each slot, ascending, from starts[slot] on. rank: address of an int32 per value
    that stands for it, or 0."""
    buffer, seen = np.empty(64, np.int64), np.full(domain, -1, np.int32)
    for run in range(low, high):
        first, after = asked(source, run)
        if domain:
            count, buffer = take_distinct(source, first, after, run, seen, buffer)
        else:
            count, buffer = take_values(source, first, after, buffer)
            count = keep_distinct(buffer, count)
        if rank:
            for place in range(count):
                buffer[place] = load_int32(rank, buffer[place])
        sort(buffer, 0, count)
        start = starts[slot_of(source, run)]
        for place in range(count):
            items[start + place] = buffer[place]


@kernel
def find_mode(
    source: Source, low: int, high: int, domain: int, rank: int, is_recent: bool, least: int, has: Array, mode: Array
) -> None:
    """The most frequent value if it comes `least` times; of several the first by its rank (see `list_unique`), or the
    one that came last. Without branches: they could not be foreseen."""
    counts = np.zeros(domain, np.int64)
    for run in range(low, high):
        first, after = asked(source, run)
        # Counts above the mark are of this run; the best one so far beats others of its number by its place.
        mark, best, found = np.int64(run + 1) << 32, np.int64(-1), np.int64(0)
        for one in range(first, after):
            if usable(source, one):
                value = value_at(source, one)
                times = max(counts[value], mark) + 1
                counts[value] = times
                place = one - first
                if not is_recent:
                    place = FULL - (int(load_int32(rank, value)) if rank else value)
                key = (times - mark) << 32 | place
                if key > best:
                    best, found = key, value
        if best >> 32 >= least:
            slot = slot_of(source, run)
            has[slot], mode[slot] = 1, found
