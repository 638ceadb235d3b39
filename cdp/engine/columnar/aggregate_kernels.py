"""Aggregates, one profile's rows after the other.

Rows (or items) are sorted by (profile, time), and come in runs, one for each profile. Arrays that are read come as
addresses, so that one compilation serves every width and origin of them; address 0 stands for an array that is not
there. A call answers the runs [low, high). What it writes has one element per slot, and begins with zeros unless said
otherwise.
"""

from typing import Any

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import load_int8, load_int16, load_int32, load_int64, load_uint8
from cdp.engine.columnar.ordering import sort
from cdp.engine.columnar.rows import grown

# Addresses of first row and place of each run, its slot (0: its own number), whether to skip each place; of time and
# mask of each row (no time: all rows are in the window), and the row of each item (0: items are rows); start and end
# of the window; address of the values of the items, bytes of one value, and address of their status.
# int32, int32, int32, uint8; int64, uint8, int64; integers of any width; uint8.
Source = tuple[int, int, int, int, int, int, int, int, int, int, int, int]
FIRST, PLACE, SLOT, SKIP, TS, MASK, ROW, START, END, VALUE, WIDTH, STATUS = range(12)

COUNTED, SKIPPED = 1, 2
FULL = 2**32 - 1
LEAST, MOST = -(2**63), 2**63 - 1
# Below it a double holds every whole number, and the floor of a quotient is the true one.
EXACT = 2**51
# So many runs are added up at a time that their sums stay near the processor.
STRETCH = 1_024
LANES = 8


@inlined
def value_at(source: Source, item: int) -> Any:
    address, width = source[VALUE], source[WIDTH]
    if width == 1:
        return int(load_int8(address, item))
    if width == 8:
        return int(load_int64(address, item))
    if width == 4:
        return int(load_int32(address, item))
    return int(load_int16(address, item))


@inlined
def row_of(source: Source, item: int) -> int:
    return int(load_int64(source[ROW], item)) if source[ROW] else item


@inlined
def is_in(source: Source, item: int) -> bool:
    return source[MASK] == 0 or load_uint8(source[MASK], row_of(source, item)) != 0


@inlined
def status_of(source: Source, item: int) -> int:
    return int(load_uint8(source[STATUS], item)) if source[STATUS] else COUNTED


@inlined
def usable(source: Source, item: int) -> bool:
    return bool(is_in(source, item) and status_of(source, item) == COUNTED)


@inlined
def slot_of(source: Source, run: int) -> int:
    return int(load_int32(source[SLOT], run)) if source[SLOT] else run


@kernel
def not_before(ts: int, low: int, high: int, instant: int) -> int:
    """The first row of [low, high) that is not before the instant, sought from the end."""
    stride = 1
    while low < high:
        near = max(low, high - stride)
        if load_int64(ts, near) < instant:
            low = near + 1
            break
        high = near
        stride *= 2
    while low < high:
        middle = (low + high) >> 1
        if load_int64(ts, middle) < instant:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def time_of(source: Source, item: int) -> int:
    return int(load_int64(source[TS], row_of(source, item)))


@kernel
def item_not_before(source: Source, low: int, high: int, instant: int) -> int:
    """Like `not_before`, of items."""
    while low < high:
        middle = (low + high) >> 1
        if time_of(source, middle) < instant:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def asked(source: Source, run: int) -> tuple[int, int]:
    """The items of the run in [start, end); none of those to be skipped."""
    first, after = int(load_int32(source[FIRST], run)), int(load_int32(source[FIRST], run + 1))
    if source[SKIP] and load_uint8(source[SKIP], load_int32(source[PLACE], run)):
        return first, first
    ts, start, end = source[TS], source[START], source[END]
    if ts == 0 or first == after:
        return first, after
    if source[ROW]:
        first = item_not_before(source, first, after, start)
        return first, item_not_before(source, first, after, end)
    if load_int64(ts, after - 1) < start:
        return after, after
    if load_int64(ts, after - 1) >= end:
        after = not_before(ts, first, after, end)
    if first < after and load_int64(ts, first) < start:
        first = not_before(ts, first, after, start)
    return first, after


@inlined
def count_marked(source: Source, run: int) -> int:
    """How many of the rows of the run that are asked about have the mask."""
    first, after = asked(source, run)
    count = 0
    for row in range(first, after):
        count += load_uint8(source[MASK], row) != 0
    return count


@kernel
def count_events(source: Source, low: int, high: int, events: Array) -> None:
    for run in range(low, high):
        if source[MASK]:
            count = count_marked(source, run)
        else:
            first, after = asked(source, run)
            count = after - first
        events[slot_of(source, run)] += count


@kernel
def count_usable(source: Source, low: int, high: int, counted: Array) -> None:
    for run in range(low, high):
        first, after = asked(source, run)
        count = 0
        for one in range(first, after):
            count += usable(source, one)
        counted[slot_of(source, run)] += count


@kernel
def take_ids(ids: int, places: int, low: int, high: int, taken: Array) -> None:
    """ids, places: addresses of int64 and int32."""
    for slot in range(low, high):
        taken[slot] = load_int64(ids, load_int32(places, slot))


@kernel
def take_passing(
    ids: int,
    places: int,
    low: int,
    high: int,
    events: Array,
    present: Array,
    value: Array,
    least: int,
    most: int,
    wanted: bool,
    taken: Array,
) -> int:
    """The ids of those with events for whom it is as `wanted` whether their value is from `least` to `most`; returns
    how many. ids, places: see `take_ids`."""
    count = 0
    for slot in range(low, high):
        taken[count] = load_int64(ids, load_int32(places, slot))
        passes = present[slot] and least <= value[slot] <= most
        count += passes == wanted and events[slot] > 0
    return count


@inlined
def has_rows(ts: int, first: int, after: int, start: int, number: int) -> bool:
    """Whether so many of the rows [first, after) are not before `start`: only one of them has to be looked at."""
    if number <= 0:
        return True
    return bool(after - first >= number and (ts == 0 or load_int64(ts, after - number) >= start))


@kernel
def take_counted(
    source: Source, ids: int, low: int, high: int, least: int, most: int, wanted: bool, taken: Array
) -> int:
    """The ids of those with any row for whom it is as `wanted` whether these are from `least` to `most`; returns how
    many. ids: address of int64. Slots are the runs."""
    ts, mask, start, end = source[TS], source[MASK], source[START], source[END]
    count = 0
    for run in range(low, high):
        place = load_int32(source[PLACE], run)
        if source[SKIP] and load_uint8(source[SKIP], place):
            continue
        if mask:
            rows = count_marked(source, run)
            has_any, fits = rows > 0, least <= rows <= most
        else:
            first, after = int(load_int32(source[FIRST], run)), int(load_int32(source[FIRST], run + 1))
            if ts and load_int64(ts, after - 1) >= end:
                after = not_before(ts, first, after, end)
            has_any = has_rows(ts, first, after, start, 1)
            fits = has_rows(ts, first, after, start, least) and not has_rows(ts, first, after, start, most + 1)
        taken[np.uint64(count)] = load_int64(ids, place)
        count += has_any and fits == wanted
    return count


@kernel
def add_all(source: Source, low: int, high: int, total: Array) -> None:
    """Where every item counts and no sum can leave 64 bits.

    How many items a run has cannot be foreseen, so they are added up without looking where runs end, and each run gets
    the difference of what had come before its items and after them.
    """
    before = np.empty(4 * STRETCH, np.int64)
    for begin in range(low, high, STRETCH):
        stop = min(begin + STRETCH, high)
        base = int(load_int32(source[FIRST], begin))
        size = int(load_int32(source[FIRST], stop)) - base
        if size >= len(before):
            before = np.empty(2 * size, np.int64)
        added = np.int64(0)
        for one in range(size):
            before[one] = added
            added += value_at(source, base + one)
        before[size] = added
        for run in range(begin, stop):
            first, after = asked(source, run)
            total[slot_of(source, run)] += before[np.uint64(after - base)] - before[np.uint64(first - base)]


@kernel
def add_up(source: Source, low: int, high: int, count: Array, total: Array, skipped: Array, wide: Array) -> None:
    """`wide`: the total of the magnitudes as a double, by which an overflow is noticed."""
    for run in range(low, high):
        first, after = asked(source, run)
        found, added, magnitude, passed = 0, np.int64(0), 0.0, 0
        for one in range(first, after):
            if not is_in(source, one):
                continue
            status = status_of(source, one)
            if status == COUNTED:
                value = value_at(source, one)
                found += 1
                added += value
                magnitude += abs(float(value))
            else:
                passed += status == SKIPPED
        slot = slot_of(source, run)
        count[slot] += found
        total[slot] += added
        skipped[slot] += passed
        wide[slot] += magnitude


@kernel
def divide(total: Array, count: Array, low: int, high: int, quotient: Array) -> None:
    """Half-even; where nothing is counted the total is 0, and so is this. In doubles, and once more in whole numbers
    where these are not exact: two loops without a branch in the first."""
    largest = np.int64(0)
    for slot in range(low, high):
        size = max(count[slot], np.int64(1))
        whole = np.int64(np.floor(total[slot] / size))
        rest = 2 * (total[slot] - whole * size)
        quotient[slot] = whole + np.int64((rest > size) | ((rest == size) & (whole & 1 == 1)))
        largest = max(largest, abs(total[slot]))
    if largest < EXACT:
        return
    for slot in range(low, high):
        size = count[slot]
        if size and abs(total[slot]) >= EXACT:
            whole = total[slot] // size
            rest = 2 * (total[slot] - whole * size)
            quotient[slot] = whole + (rest > size or (rest == size and whole & 1 == 1))


@kernel
def find_range(source: Source, low: int, high: int, least: Array, most: Array, skipped: Array) -> None:
    """`least` begins above all values, `most` below."""
    for run in range(low, high):
        first, after = asked(source, run)
        slot = slot_of(source, run)
        smallest, largest, passed = least[slot], most[slot], 0
        for one in range(first, after):
            if not is_in(source, one):
                continue
            status = status_of(source, one)
            if status == COUNTED:
                value = value_at(source, one)
                smallest, largest = min(smallest, value), max(largest, value)
            else:
                passed += status == SKIPPED
        least[slot], most[slot] = smallest, largest
        skipped[slot] += passed


@inlined
def end_of(source: Source, run: int, is_last: bool) -> int:
    """The first or the last usable item of the run, -1 if there is none."""
    first, after = asked(source, run)
    for step in range(after - first):
        one = after - 1 - step if is_last else first + step
        if usable(source, one):
            return int(one)
    return -1


@kernel
def find_end(source: Source, low: int, high: int, is_last: bool, found: Array) -> None:
    """`found` begins with -1."""
    for run in range(low, high):
        found[slot_of(source, run)] = end_of(source, run, is_last)


@kernel
def take_end(
    source: Source, times: int, low: int, high: int, is_last: bool, has: Array, value: Array, ts: Array
) -> None:
    """times: the address of the times of the rows, which `source` has only if there is a window."""
    for run in range(low, high):
        one = end_of(source, run, is_last)
        if one >= 0:
            slot = slot_of(source, run)
            has[slot], value[slot], ts[slot] = 1, value_at(source, one), load_int64(times, row_of(source, one))


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
def keep_distinct(buffer: Array, count: int) -> int:
    """Of ascending values each once; returns their number."""
    kept = 0
    for place in range(count):
        if place == 0 or buffer[place] != buffer[place - 1]:
            buffer[kept] = buffer[place]
            kept += 1
    return kept


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


@kernel
def count_periods(
    source: Source,
    low: int,
    high: int,
    as_of: int,
    period: int,
    least: int,
    most: int,
    is_negated: bool,
    filled: Array,
) -> None:
    """In how many periods, counted back from `as_of`, there are from `least` to `most` rows, or if negated are not.
    `filled` begins with the number of periods if no row at all will do, else with 0."""
    ts, mask = source[TS], source[MASK]
    does_nothing_fill = (least <= 0 <= most) != is_negated
    for run in range(low, high):
        first, after = asked(source, run)
        one, change = after - 1, 0
        while one >= first:
            index, count = (as_of - load_int64(ts, one)) // period, 0
            while one >= first and (as_of - load_int64(ts, one)) // period == index:
                count += mask == 0 or load_uint8(mask, one) != 0
                one -= 1
            if count:
                change += int((least <= count <= most) != is_negated) - int(does_nothing_fill)
        filled[slot_of(source, run)] += change
