"""A profile's events of all streams, merged by time into (time, step bits).

Streams come as addresses, so that one compilation serves any number of them. Times are int64 microseconds.
"""

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import FOREVER, load_int32, load_int64, load_uint32
from cdp.engine.columnar.rows import grown

# Columns of the table of streams: addresses of profile (int32), time (int64) and bits (uint32), rows, and whether
# there are bits per row (else one for all).
PROFILE, TS, BITS, ROWS, PER_ROW, STREAM_WIDTH = 0, 1, 2, 3, 4, 5


@kernel
def mark_people(streams: Array, wanted: int, start: int, end: int, found: Array) -> None:
    """Set `found` of every profile that has an event with one of the `wanted` bits in [start, end)."""
    for stream in range(len(streams)):
        profile, ts, bits = streams[stream, PROFILE], streams[stream, TS], streams[stream, BITS]
        per_row = streams[stream, PER_ROW]
        if not streams[stream, ROWS] or (not per_row and not load_uint32(bits, 0) & wanted):
            continue
        for row in range(streams[stream, ROWS]):
            if start <= load_int64(ts, row) < end and (not per_row or load_uint32(bits, row) & wanted):
                found[load_int32(profile, row)] = 1


@kernel
def merge_events(
    streams: Array,
    positions: Array,
    ends: Array,
    heads: Array,
    start: int,
    last: int,
    keep_all: bool,
    ts: Array,
    bits: Array,
) -> tuple[int, int, Array, Array]:
    """The profile's events with a step (or all) in [start, last], by time. Returns their number, all their bits, and
    the (grown) buffers. heads: (streams,) scratch, the next time of each stream."""
    count = 0
    every = 0
    for stream in range(len(positions)):
        row, end = positions[stream], ends[stream]
        while row < end and load_int64(streams[stream, TS], row) < start:
            row += 1
        positions[stream] = row
        heads[stream] = load_int64(streams[stream, TS], row) if row < end else FOREVER
    while True:
        best = 0
        now = FOREVER
        for stream in range(len(positions)):
            if heads[stream] < now:
                best = stream
                now = heads[stream]
        if now > last:
            break
        row = positions[best]
        positions[best] = row + 1
        heads[best] = load_int64(streams[best, TS], row + 1) if row + 1 < ends[best] else FOREVER
        mask = load_uint32(streams[best, BITS], row if streams[best, PER_ROW] else 0)
        if mask == 0 and not keep_all:
            continue
        if count == len(ts):
            ts = grown(ts, count)
            bits = grown(bits, count)
        ts[count] = now
        bits[count] = mask
        every |= mask
        count += 1
    return count, every, ts, bits


@kernel
def group_end(ts: Array, first: int, count: int) -> int:
    end = first + 1
    while end < count and ts[end] == ts[first]:
        end += 1
    return end


@kernel
def has_first(bits: Array, first: int, after: int) -> bool:
    every = 0
    for place in range(first, after):
        every |= bits[place]
    return bool(every & 1)
