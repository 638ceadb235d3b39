"""One pass over the rows of a name: which count, when their people came first and last, and on which days.

Rows are sorted by (profile, time). Arrays that are read come as addresses; `skip` is by place of the profile. Where
something is noted by profile, the rows are those of the places from `zero` on.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import load_int32, load_int64, load_uint8

DAY = 86_400_000_000
WORD = 64


@inlined
def is_answered(profile: int, ts: int, skip: int, row: int, first_ts: int, last_ts: int) -> bool:
    """Whether the row is in [first_ts, last_ts] and this side answers for its profile. Two returns: as one expression
    it costs the loops around it 4 %."""
    when = load_int64(ts, row)
    if when < first_ts or when > last_ts:
        return False
    return bool(load_uint8(skip, load_int32(profile, row)) == 0)


@kernel
def choose(profile: int, ts: int, skip: int, first_ts: int, last_ts: int, chosen: Array) -> tuple[int, int, int]:
    """Marks the rows in [first_ts, last_ts] that this side answers: how many, of how many profiles, and the latest."""
    count, people, latest, previous = 0, 0, -(2**63), -1
    for row in range(len(chosen)):
        if not is_answered(profile, ts, skip, row, first_ts, last_ts):
            continue
        place, when = load_int32(profile, row), load_int64(ts, row)
        chosen[row] = True
        count += 1
        people += place != previous
        previous = place
        latest = max(latest, when)
    return count, people, latest


@kernel
def note_activity(
    profile: int, ts: int, low: int, high: int, skip: int, zero: int, floor: int, as_of: int, found: Array
) -> None:
    """found: by place the time of the first event, that of the last, and how many there were."""
    for row in range(low, high):
        if not is_answered(profile, ts, skip, row, floor, as_of):
            continue
        place, when = load_int32(profile, row) - zero, load_int64(ts, row)
        found[0, place] = min(found[0, place], when)
        found[1, place] = max(found[1, place], when)
        found[2, place] += 1


@kernel
def note_days(
    profile: int,
    ts: int,
    low: int,
    high: int,
    skip: int,
    zero: int,
    first_ts: int,
    last_ts: int,
    midnight: int,
    seen: Array,
    found: Array,
) -> None:
    """found: by day from `midnight` on the events, and the profiles with one. seen: by place a bit for each day."""
    for row in range(low, high):
        if not is_answered(profile, ts, skip, row, first_ts, last_ts):
            continue
        place, when = load_int32(profile, row) - zero, load_int64(ts, row)
        day = (when - midnight) // DAY
        word, bit = day // WORD, np.int64(1) << (day % WORD)
        found[0, day] += 1
        if not seen[place, word] & bit:
            seen[place, word] |= bit
            found[1, day] += 1
