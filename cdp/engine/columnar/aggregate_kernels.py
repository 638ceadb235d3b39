"""Aggregates, one profile's rows after the other.

Rows (or items) are sorted by (profile, time). Arrays come as addresses, so that one compilation serves every width and
origin of them; address 0 stands for an array that is not there. A call answers the profiles whose rows begin in
[low, high). What it writes has one element per place.
"""

from typing import Any

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.kernels import grown
from cdp.engine.columnar.memory import load_int32, load_int64, load_uint8

# (profile, time, mask, skip, rows, start, end, value, bytes of one value, status): addresses of int32, int64, uint8 per
# row and uint8 per place; of int32 or int64; of uint8.
Source = tuple[int, int, int, int, int, int, int, int, int, int]

COUNTED, SKIPPED = 1, 2
LEAST = -(2**63)
SMALL = 12


@kernel
def value_at(source: Source, row: int) -> Any:
    if source[8] == 4:
        return load_int32(source[7], row)
    return load_int64(source[7], row)


@kernel
def usable(source: Source, row: int) -> bool:
    is_in = source[2] == 0 or load_uint8(source[2], row) != 0
    return is_in and (source[9] == 0 or load_uint8(source[9], row) == COUNTED)


@kernel
def first_run(profile: int, row: int, rows: int) -> int:
    """The first row from `row` on with which a profile begins."""
    while 0 < row < rows and load_int32(profile, row) == load_int32(profile, row - 1):
        row += 1
    return row


@kernel
def run_end(profile: int, row: int, rows: int) -> int:
    person = load_int32(profile, row)
    row += 1
    while row < rows and load_int32(profile, row) == person:
        row += 1
    return row


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


@kernel
def in_window(source: Source, row: int, after: int) -> tuple[int, int]:
    """The rows of [row, after) in [start, end)."""
    ts, start, end = source[1], source[5], source[6]
    if load_int64(ts, after - 1) >= end:
        after = not_before(ts, row, after, end)
    if row < after and load_int64(ts, row) < start:
        row = not_before(ts, row, after, start)
    return row, after


@kernel
def count_events(source: Source, low: int, high: int, events: Array) -> None:
    profile, _, mask, skip, rows, _, _, _, _, _ = source
    row = first_run(profile, low, rows)
    while row < high:
        person, next_run = load_int32(profile, row), run_end(profile, row, rows)
        if not load_uint8(skip, person):
            first, after = in_window(source, row, next_run)
            count = after - first
            if mask:
                count = 0
                for one in range(first, after):
                    count += load_uint8(mask, one) != 0
            events[person] += count
        row = next_run


@kernel
def count_usable(source: Source, low: int, high: int, counted: Array) -> None:
    profile, _, _, skip, rows, _, _, _, _, _ = source
    row = first_run(profile, low, rows)
    while row < high:
        person, next_run = load_int32(profile, row), run_end(profile, row, rows)
        if not load_uint8(skip, person):
            first, after = in_window(source, row, next_run)
            for one in range(first, after):
                counted[person] += usable(source, one)
        row = next_run


@kernel
def add_up(source: Source, low: int, high: int, count: Array, total: Array, skipped: Array, wide: Array) -> None:
    """`wide`: the total of the magnitudes as a double, by which an overflow is noticed."""
    profile, _, mask, skip, rows, _, _, _, _, status = source
    is_plain = mask == 0 and status == 0
    row = first_run(profile, low, rows)
    while row < high:
        person, next_run = load_int32(profile, row), run_end(profile, row, rows)
        if not load_uint8(skip, person):
            first, after = in_window(source, row, next_run)
            found, added, magnitude = after - first, np.int64(0), 0.0
            if is_plain:
                for one in range(first, after):
                    value = value_at(source, one)
                    added += value
                    magnitude += abs(float(value))
            else:
                found = 0
                for one in range(first, after):
                    if mask and not load_uint8(mask, one):
                        continue
                    kind = load_uint8(status, one) if status else COUNTED
                    if kind == COUNTED:
                        value = value_at(source, one)
                        found += 1
                        added += value
                        magnitude += abs(float(value))
                    elif kind == SKIPPED:
                        skipped[person] += 1
            count[person] += found
            total[person] += added
            wide[person] += magnitude
        row = next_run


@kernel
def find_range(source: Source, low: int, high: int, least: Array, most: Array, skipped: Array) -> None:
    """`least` begins above all values, `most` below."""
    profile, _, mask, skip, rows, _, _, _, _, status = source
    row = first_run(profile, low, rows)
    while row < high:
        person, next_run = load_int32(profile, row), run_end(profile, row, rows)
        if not load_uint8(skip, person):
            first, after = in_window(source, row, next_run)
            smallest, largest = least[person], most[person]
            for one in range(first, after):
                if mask and not load_uint8(mask, one):
                    continue
                kind = load_uint8(status, one) if status else COUNTED
                if kind == COUNTED:
                    value = value_at(source, one)
                    smallest, largest = min(smallest, value), max(largest, value)
                elif kind == SKIPPED:
                    skipped[person] += 1
            least[person], most[person] = smallest, largest
        row = next_run


@kernel
def find_end(source: Source, low: int, high: int, is_last: bool, found: Array) -> None:
    """The first or the last usable row of each place; `found` begins with -1."""
    profile, _, _, skip, rows, _, _, _, _, _ = source
    row = first_run(profile, low, rows)
    while row < high:
        person, next_run = load_int32(profile, row), run_end(profile, row, rows)
        if not load_uint8(skip, person):
            first, after = in_window(source, row, next_run)
            for step in range(after - first):
                one = after - 1 - step if is_last else first + step
                if usable(source, one):
                    found[person] = one
                    break
        row = next_run


@kernel
def sort(values: Array, count: int) -> None:
    """Shell's way: the runs are short."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, count):
            value, hole = values[place], place
            while hole >= gap and values[hole - gap] > value:
                values[hole] = values[hole - gap]
                hole -= gap
            values[hole] = value
        gap //= 3


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
        sort(buffer, count)
    return count, buffer


@kernel
def take_distinct(
    source: Source, first: int, after: int, stamp: int, seen: Array, times: Array, buffer: Array
) -> tuple[int, Array]:
    """The distinct usable values, in no order, and in `times` how often each comes. seen, times: one element for each
    possible value; those with the stamp belong to these rows."""
    count = 0
    for one in range(first, after):
        if usable(source, one):
            value = value_at(source, one)
            if seen[value] == stamp:
                times[value] += 1
                continue
            seen[value], times[value] = stamp, 1
            if count == len(buffer):
                buffer = grown(buffer, count)
            buffer[count] = value
            count += 1
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
def count_unique(source: Source, low: int, high: int, domain: int, unique: Array) -> None:
    """`domain`: values are below it; 0 when they may be anything."""
    profile, _, _, skip, rows, _, _, _, _, _ = source
    buffer, seen, times = np.empty(64, np.int64), np.full(domain, -1, np.int32), np.empty(domain, np.int32)
    row = first_run(profile, low, rows)
    while row < high:
        person, next_run = load_int32(profile, row), run_end(profile, row, rows)
        if not load_uint8(skip, person):
            first, after = in_window(source, row, next_run)
            if domain:
                unique[person], buffer = take_distinct(source, first, after, person, seen, times, buffer)
            else:
                count, buffer = take_values(source, first, after, buffer)
                unique[person] = keep_distinct(buffer, count)
        row = next_run


@kernel
def list_unique(source: Source, low: int, high: int, domain: int, starts: Array, items: Array) -> None:
    """Writes the distinct values of each place, ascending, from starts[place] on."""
    profile, _, _, skip, rows, _, _, _, _, _ = source
    buffer, seen, times = np.empty(64, np.int64), np.full(domain, -1, np.int32), np.empty(domain, np.int32)
    row = first_run(profile, low, rows)
    while row < high:
        person, next_run = load_int32(profile, row), run_end(profile, row, rows)
        if not load_uint8(skip, person):
            first, after = in_window(source, row, next_run)
            if domain:
                count, buffer = take_distinct(source, first, after, person, seen, times, buffer)
                sort(buffer, count)
            else:
                count, buffer = take_values(source, first, after, buffer)
                count = keep_distinct(buffer, count)
            for place in range(count):
                items[starts[person] + place] = buffer[place]
        row = next_run


@kernel
def find_mode(
    source: Source, low: int, high: int, domain: int, is_recent: bool, least: int, has: Array, mode: Array
) -> None:
    """The smallest of the most frequent values, or the one of them that came last, if it came `least` times."""
    profile, _, _, skip, rows, _, _, _, _, _ = source
    buffer, seen, times = np.empty(64, np.int64), np.full(domain, -1, np.int32), np.empty(domain, np.int32)
    row = first_run(profile, low, rows)
    while row < high:
        person, next_run = load_int32(profile, row), run_end(profile, row, rows)
        if not load_uint8(skip, person):
            first, after = in_window(source, row, next_run)
            count, buffer = take_distinct(source, first, after, person, seen, times, buffer)
            best, best_times = np.int64(0), np.int64(0)
            for place in range(count):
                value = buffer[place]
                if times[value] > best_times or (times[value] == best_times and value < best):
                    best, best_times = value, np.int64(times[value])
            if best_times and best_times >= least:
                if is_recent:
                    one = after - 1
                    while not usable(source, one) or times[value_at(source, one)] < best_times:
                        one -= 1
                    best = value_at(source, one)
                has[person], mode[person] = 1, best
        row = next_run


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
    profile, ts, mask, skip, rows, _, _, _, _, _ = source
    does_nothing_fill = (least <= 0 <= most) != is_negated
    row = first_run(profile, low, rows)
    while row < high:
        person, next_run = load_int32(profile, row), run_end(profile, row, rows)
        if not load_uint8(skip, person):
            first, after = in_window(source, row, next_run)
            one = after - 1
            while one >= first:
                index, count = (as_of - load_int64(ts, one)) // period, 0
                while one >= first and (as_of - load_int64(ts, one)) // period == index:
                    count += mask == 0 or load_uint8(mask, one) != 0
                    one -= 1
                if count:
                    filled[person] += np.int64((least <= count <= most) != is_negated) - np.int64(does_nothing_fill)
        row = next_run


def address(array: Any) -> int:
    return 0 if array is None else int(array.ctypes.data)
