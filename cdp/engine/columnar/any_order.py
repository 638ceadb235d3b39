"""Funnels in any order: as many steps as possible by distinct events of one window.

Which sets of events can do steps of their own is a matroid, so taking events greedily by time finds the most steps, and
the earliest times for them.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.found import Found, with_room
from cdp.engine.columnar.frugal import bring_forward, sort_for_next
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import NONE
from cdp.engine.columnar.merging import group_end
from cdp.engine.columnar.queues import Rules

# The event that does each step or -1; events waiting, the step that each of them did, the place in this queue from
# which each step was reached; and the times of a chain (all steps,).
Matching = tuple[Array, Array, Array, Array, Array]


@kernel
def make_matching(steps: int) -> Matching:
    return (
        np.empty(steps, np.int64),
        np.empty(steps + 1, np.int64),
        np.empty(steps + 1, np.int64),
        np.empty(steps, np.int64),
        np.empty(steps, np.int64),
    )


@kernel
def take(event: int, bits: Array, matching: Matching) -> bool:
    """Find the event a step of its own, other events changing theirs if need be."""
    doer, waiting, did, reached_from, _ = matching
    seen = 0
    waiting[0], did[0] = event, -1
    head, tail = 0, 1
    while head < tail:
        mask = bits[waiting[head]]
        for step in range(len(doer)):
            if (seen >> step) & 1 or not (mask >> step) & 1:
                continue
            seen |= 1 << step
            reached_from[step] = head
            if doer[step] < 0:
                while step >= 0:
                    place = reached_from[step]
                    doer[step] = waiting[place]
                    step = did[place]
                return True
            waiting[tail], did[tail] = doer[step], step
            tail += 1
        head += 1
    return False


@kernel
def nobody_does(matching: Matching) -> None:
    for step in range(len(matching[0])):
        matching[0][step] = -1


@kernel
def most_steps(ts: Array, bits: Array, low: int, high: int, rules: Rules, matching: Matching, out: Array) -> int:
    """The most steps done in one window by events [low, high) that begins in the range, and in `out` their times:
    earliest completion, then latest entry, then earliest middle events."""
    window, _, _, _, start, end, _ = rules
    steps, times = len(out), matching[4]
    best = 0
    first = low
    while first < high and start <= ts[first] < end:
        if best == steps and ts[first] > out[best - 1]:
            break
        nobody_does(matching)
        depth = 0
        event = first
        while event < high and depth < steps and ts[event] - ts[first] <= window:
            if take(event, bits, matching):
                times[depth] = ts[event]
                depth += 1
            event += 1
        if (
            depth > 0
            and times[0] == ts[first]
            and (depth > best or (depth == best and times[depth - 1] <= out[depth - 1]))
        ):
            best = depth
            for step in range(depth):
                out[step] = times[step]
        first = group_end(ts, first, high)
    for step in range(best, steps):
        out[step] = -1
    return best


@kernel
def tally(counts: Array, mask: int, change: int) -> None:
    """How many events of the window match each step."""
    for step in range(len(counts)):
        if (mask >> step) & 1:
            counts[step] += change


@kernel
def all_seen(counts: Array) -> bool:
    seen = 0
    for step in range(len(counts)):
        seen += counts[step] > 0
    return seen == len(counts)


@kernel
def convert_any(low: int, bits: Array, first: int, after: int, spare: Array, matching: Matching) -> int:
    """How few events of the instant [first, after) complete all steps together with the events [low, first); they are
    brought to the front. 0 when all together do not."""
    steps = len(matching[0])
    nobody_does(matching)
    depth = 0
    for event in range(low, first):
        depth += take(event, bits, matching)
    before = depth
    sort_for_next(steps, bits, first, after)
    for event in range(first, after):
        spare[event - first] = 0
        if depth < steps and take(event, bits, matching):
            depth += 1
        else:
            spare[event - first] = bits[event]
    if depth < steps:
        return 0
    for event in range(first, after):
        if spare[event - first]:
            bits[event] = 0
    bring_forward(bits, first, after, spare)
    return depth - before


@kernel
def walk_any_order(
    person: int,
    ts: Array,
    bits: Array,
    count: int,
    rules: Rules,
    counts: Array,
    spare: Array,
    matching: Matching,
    found: Found,
    rows: int,
) -> tuple[Found, int]:
    """Add a row for every attempt of the person whose events these are."""
    window, gaps, _, _, start, end, as_of = rules
    steps = len(gaps)
    opened, latest, low = -1, NONE, 0
    first = 0
    while first < count:
        now = ts[first]
        after = group_end(ts, first, count)
        if opened >= 0 and now > latest + window:
            found, rows = write_any(person, ts, bits, opened, first, rules, matching, False, found, rows)
            opened = -1
        while first < after:
            if opened < 0:
                if not start <= now < end:
                    break
                opened, low = first, first
                for step in range(steps):
                    counts[step] = 0
            while ts[low] < now - window:
                tally(counts, bits[low], -1)
                low += 1
            for event in range(first, after):
                tally(counts, bits[event], 1)
            used = convert_any(low, bits, first, after, spare, matching) if ts[low] < end and all_seen(counts) else 0
            if now < end:
                latest = now
            if not used:
                break
            first += used
            found, rows = write_any(person, ts, bits, opened, first, rules, matching, False, found, rows)
            opened = -1
        first = after
    if opened >= 0:
        is_open = latest >= as_of - window
        found, rows = write_any(person, ts, bits, opened, count, rules, matching, is_open, found, rows)
    return found, rows


@kernel
def write_any(
    person: int,
    ts: Array,
    bits: Array,
    low: int,
    high: int,
    rules: Rules,
    matching: Matching,
    is_open: bool,
    found: Found,
    rows: int,
) -> tuple[Found, int]:
    """Add the attempt with the events [low, high)."""
    found = with_room(found, rows)
    found[0][rows], found[2][rows], found[3][rows] = person, ts[low], is_open
    found[1][rows] = most_steps(ts, bits, low, high, rules, matching, found[4][rows])
    return found, rows + 1
