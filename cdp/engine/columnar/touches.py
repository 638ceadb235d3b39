"""Which of a profile's events gives a breakdown its value."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cdp.engine.base import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.kernels import load_int32, load_int64, load_uint32
from cdp.engine.columnar.labels import MISSING, Codes
from cdp.engine.columnar.snapshot import Stream

# Addresses of profile (int32), time, received, sequence number (int64), bits (uint32) and code (int32); rows, and
# whether there are bits per row.
PROFILE, TS, RECEIVED, SEQ, BITS, CODE, ROWS, PER_ROW = range(8)


class Coded:
    """A stream with its bits and the codes of its events; keeps alive what `line` points to."""

    def __init__(self, stream: Stream, bits: NDArray[np.uint32], codes: Codes) -> None:
        self.stream = stream
        self.bits = bits
        self.codes = np.ascontiguousarray(codes, np.int32)
        self.received = np.ascontiguousarray(stream.gather(lambda view: view.key("received")), np.int64)
        self.seq = np.ascontiguousarray(stream.gather(lambda view: view.key("seq")), np.int64)

    def line(self) -> list[int]:
        arrays = (self.stream.profile, self.stream.ts, self.received, self.seq, self.bits, self.codes)
        addresses = [array.ctypes.data for array in arrays]
        return [*addresses, len(self.codes), int(len(self.bits) == len(self.codes))]


def table_of(coded: Sequence[Coded]) -> Ints:
    return np.array([one.line() for one in coded], np.int64).reshape(-1, PER_ROW + 1)


def touched(coded: Sequence[Coded], size: int, steps: int, bounds: tuple[int, int], is_last: bool) -> Codes:
    """Per place below `size` the code of the first or last event of any step in [bounds] that has one."""
    codes = np.full(size, MISSING, np.int32)
    best = np.zeros((3, size), np.int64)
    mark_touches(table_of(coded), (1 << steps) - 1, *bounds, is_last, codes, best)
    return codes


def values_at(coded: Sequence[Coded], step: int, place: NDArray[np.int32], ts: Ints) -> Codes:
    """The code of the first event that serves the step, for each place at its time."""
    codes = np.full(len(place), MISSING, np.int32)
    best = np.zeros((2, len(place)), np.int64)
    mark_values(table_of(coded), step, place, ts, codes, best, np.zeros(len(place), np.uint8))
    return codes


@kernel
def mark_touches(streams: Array, step_bits: int, low: int, high: int, is_last: bool, codes: Array, best: Array) -> None:
    """best: (time, received, sequence number) of the event that gave each code, (3, places)."""
    for stream in range(len(streams)):
        line = streams[stream]
        per_row = line[PER_ROW]
        if not line[ROWS] or (not per_row and not load_uint32(line[BITS], 0) & step_bits):
            continue
        for row in range(line[ROWS]):
            code = load_int32(line[CODE], row)
            if code < 0 or (per_row and not load_uint32(line[BITS], row) & step_bits):
                continue
            ts = load_int64(line[TS], row)
            if not low <= ts <= high:
                continue
            place = load_int32(line[PROFILE], row)
            if codes[place] >= 0:
                if ts != best[0, place]:
                    is_better = (ts > best[0, place]) == is_last
                else:
                    received, seq = load_int64(line[RECEIVED], row), load_int64(line[SEQ], row)
                    is_later = received > best[1, place] or (received == best[1, place] and seq > best[2, place])
                    is_better = is_later == is_last
                if not is_better:
                    continue
            codes[place] = code
            best[0, place], best[1, place] = ts, load_int64(line[RECEIVED], row)
            best[2, place] = load_int64(line[SEQ], row)


@kernel
def find_row(profile_at: int, ts_at: int, rows: int, place: int, ts: int) -> int:
    """The first row of the place that is not before the time."""
    low, high = 0, rows
    while low < high:
        middle = (low + high) >> 1
        other = load_int32(profile_at, middle)
        if other < place or (other == place and load_int64(ts_at, middle) < ts):
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def mark_values(streams: Array, step: int, places: Array, ts: Array, codes: Array, best: Array, has: Array) -> None:
    """best: (received, sequence number) of the event that gave each code, (2, rows)."""
    for stream in range(len(streams)):
        line = streams[stream]
        rows, per_row = line[ROWS], line[PER_ROW]
        for index in range(len(places)):
            row = find_row(line[PROFILE], line[TS], rows, places[index], ts[index])
            while row < rows and load_int32(line[PROFILE], row) == places[index]:
                if load_int64(line[TS], row) != ts[index]:
                    break
                if (load_uint32(line[BITS], row if per_row else 0) >> step) & 1:
                    received, seq = load_int64(line[RECEIVED], row), load_int64(line[SEQ], row)
                    if (
                        not has[index]
                        or received < best[0, index]
                        or (received == best[0, index] and seq < best[1, index])
                    ):
                        has[index] = 1
                        codes[index] = load_int32(line[CODE], row)
                        best[0, index], best[1, index] = received, seq
                row += 1
