"""Attempts of ordered funnels in the plain case: no two events of one instant, no excluded ones, no gaps.

Then one number per step is all there is to know: the latest entry of the chains that got there.
"""

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.found import Found, with_room
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import FOREVER, NONE
from cdp.engine.columnar.queues import Rules


@kernel
def has_gaps(gaps: Array) -> bool:
    found = False
    for step in range(len(gaps)):
        found |= gaps[step] != FOREVER
    return found


@kernel
def is_plain(ts: Array, count: int, every: int, steps: int) -> bool:
    """Whether nothing happened at the same time, and nothing that is excluded; `every` are all bits of the events."""
    tied = False
    for place in range(1, count):
        tied |= ts[place] == ts[place - 1]
    return not tied and every >> steps == 0


@kernel
def walk_plain_attempts(
    person: int, ts: Array, bits: Array, count: int, rules: Rules, best: Array, found: Found, rows: int
) -> tuple[Found, int]:
    """Like `attempts.walk_attempts`. best: (steps,) scratch."""
    window, gaps, _, _, start, end, as_of = rules
    steps = len(gaps)
    opened, latest = -1, NONE
    deepest, completion, entry = -1, NONE, NONE
    for place in range(count):
        now, mask = ts[place], bits[place]
        enters = mask & 1 and start <= now < end
        if opened >= 0 and now > latest + window:
            found = with_room(found, rows)
            write_plain(person, ts, bits, opened, deepest, entry, completion, found, rows)
            rows += 1
            opened = -1
        if opened < 0:
            if not enters:
                continue
            opened = place
            deepest, completion, entry = -1, NONE, NONE
        for step in range(min(deepest + 1, steps - 1), 0, -1):
            if (mask >> step) & 1 and now - best[step - 1] <= window:
                best[step] = best[step - 1]
                if step > deepest:
                    deepest, completion, entry = step, now, best[step]
        if enters:
            best[0] = now
            latest = now
            if deepest < 0:
                deepest, completion, entry = 0, now, now
        if deepest == steps - 1:
            found = with_room(found, rows)
            write_plain(person, ts, bits, opened, deepest, entry, completion, found, rows)
            rows += 1
            opened = -1
    if opened >= 0:
        found = with_room(found, rows)
        write_plain(person, ts, bits, opened, deepest, entry, completion, found, rows)
        found[3][rows] = latest >= as_of - window
        rows += 1
    return found, rows


@kernel
def write_plain(
    person: int,
    ts: Array,
    bits: Array,
    opened: int,
    deepest: int,
    entry: int,
    completion: int,
    found: Found,
    row: int,
) -> None:
    """Every middle step is done by the first event that can; without ties and gaps this is never too early."""
    found[0][row], found[1][row], found[2][row], found[3][row] = person, deepest + 1, ts[opened], 0
    times = found[4]
    times[row, 0] = entry
    place = opened
    while ts[place] < entry:
        place += 1
    for step in range(1, deepest):
        place += 1
        while not (bits[place] >> step) & 1:
            place += 1
        times[row, step] = ts[place]
    if deepest > 0:
        times[row, deepest] = completion
