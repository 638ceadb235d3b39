"""Attempts of ordered and strict funnels, with gaps, ties and exclusions.

An attempt goes through its events once, as `ordered.ordered_funnel` does, and closes when it converts, when its window
has passed, or when an excluded event leaves no chain. A chain that reaches a step in the instant of an excluded event
is judged by `chain_times.taints`.
"""

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.chain_times import time_steps
from cdp.engine.columnar.found import Found, with_room
from cdp.engine.columnar.frugal import use_fewest
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.matching import reach_of
from cdp.engine.columnar.memory import NONE
from cdp.engine.columnar.merging import group_end, has_first
from cdp.engine.columnar.queues import Arrivals, Queues, Room, Rules, arrive, chain_before, empty_queues, put, settle
from cdp.engine.columnar.strict import time_strict


@kernel
def walk_attempts(
    person: int,
    ts: Array,
    bits: Array,
    count: int,
    rules: Rules,
    is_strict: bool,
    queues: Queues,
    arrivals: Arrivals,
    room: Room,
    found: Found,
    rows: int,
) -> tuple[Found, int]:
    """Add a row for every attempt of the person whose events these are."""
    window, gaps, afters, _, start, end, as_of = rules
    came = arrivals[0]
    steps = len(gaps)
    opened, latest = -1, NONE
    deepest, completion, entry = -1, NONE, NONE
    first = 0
    while first < count:
        now = ts[first]
        after = group_end(ts, first, count)
        if opened >= 0 and now > latest + window:
            found = with_room(found, rows)
            write(person, ts, bits, opened, first, rules, is_strict, deepest, entry, completion, room, found, rows)
            found[3][rows] = 0
            rows += 1
            opened = -1
        while first < after:
            enters = start <= now < end and has_first(bits, first, after)
            if opened < 0:
                if not enters:
                    break
                opened = first
                deepest, completion, entry = -1, NONE, NONE
                empty_queues(queues)
            if after - first == 1 and len(afters) == 0:
                # One event takes one step; from the last step down, so that no chain takes it twice.
                for step in range(min(deepest + 1, steps - 1), -1, -1):
                    chain = chain_before(step, now, rules, queues) if (bits[first] >> step) & 1 else NONE
                    came[step] = chain
                    if is_strict:
                        queues[2][step] = queues[3][step]
                    if chain != NONE:
                        put(step, now, chain, queues)
                        if step > deepest:
                            deepest, completion, entry = step, now, chain
                used = 1
                is_alive = True
            else:
                arrive(now, bits, first, after, rules, is_strict, queues, arrivals, room[4])
                for step in range(steps):
                    if step > deepest and came[step] != NONE:
                        deepest, completion, entry = step, now, came[step]
                used = after - first
                if deepest == steps - 1:
                    used = convert(now, bits, first, after, rules, queues, room)
                    entry = chain_before(steps - used, now, rules, queues)
                is_alive = settle(now, bits, first, after, rules, is_strict, queues, arrivals)
            first += used
            if enters:
                latest = now
            if deepest == steps - 1 or not is_alive:
                found = with_room(found, rows)
                write(person, ts, bits, opened, first, rules, is_strict, deepest, entry, completion, room, found, rows)
                found[3][rows] = 0
                rows += 1
                opened = -1
        first = after
    if opened >= 0:
        found = with_room(found, rows)
        write(person, ts, bits, opened, count, rules, is_strict, deepest, entry, completion, room, found, rows)
        found[3][rows] = latest >= as_of - window
        rows += 1
    return found, rows


@kernel
def convert(now: int, bits: Array, first: int, after: int, rules: Rules, queues: Queues, room: Room) -> int:
    """How few events of this instant complete the attempt; they are brought to the front."""
    steps = len(rules[1])
    step_of, event_of, seen, waiting, reached_from = room[4]
    for step in range(steps - 1, -1, -1):
        if chain_before(step, now, rules, queues) == NONE:
            continue
        size = after - first
        reached = reach_of(step, steps, bits, first, size, step_of, event_of, seen, waiting, reached_from)
        if reached == steps - 1:
            use_fewest(steps, bits, first, after, step, room[3], room[4])
            return steps - step
    return after - first


@kernel
def write(
    person: int,
    ts: Array,
    bits: Array,
    low: int,
    high: int,
    rules: Rules,
    is_strict: bool,
    deepest: int,
    entry: int,
    completion: int,
    room: Room,
    found: Found,
    row: int,
) -> None:
    """The attempt with the events [low, high) and its times."""
    _, groups, candidate, _, scratch = room
    found[0][row], found[1][row], found[2][row] = person, deepest + 1, ts[low]
    out = found[4][row]
    if is_strict:
        time_strict(ts[low:high], bits[low:high], high - low, deepest + 1, rules, True, groups, candidate, out, scratch)
        return
    time_chain(ts[low:high], bits[low:high], high - low, deepest, entry, completion, rules, room, out)


@kernel
def time_chain(
    ts: Array,
    bits: Array,
    count: int,
    deepest: int,
    entry: int,
    completion: int,
    rules: Rules,
    room: Room,
    out: Array,
) -> None:
    """Write the times of the steps up to `deepest`."""
    _, gaps, afters, befores, _, _, _ = rules
    following, groups, _, _, scratch = room
    out[0] = entry
    if deepest > 0:
        out[deepest] = completion
    if deepest > 1:
        time_steps(
            ts, bits, count, deepest, gaps, entry, completion, afters, befores, True, following, groups, out, scratch
        )
