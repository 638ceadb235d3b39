"""Who did things one after the other: ClickHouse marks and orders the events, the kernel finds the chains.

Of sequences whose steps have events of one name of their own, ClickHouse tells who surely did them, and who did or did
not depending on the order of events of one instant: only these are followed here. Where a pattern with gaps is tried in
too many ways for somebody, the time of the whole chain tells less, and more of them are followed.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse.asked import Question, named, numbers
from cdp.engine.clickhouse.failures import Intricate
from cdp.engine.clickhouse.server import array_of
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.columnar.memory import FOREVER
from cdp.engine.columnar.plain_sequences import is_plain
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.sequences import PEOPLE_PER_RANGE, rules_of
from cdp.engine.columnar.tied_sequences import find_in
from cdp.engine.conditions import SequenceCondition, SequenceStep, Without
from cdp.engine.events import BEGINNING, ENDLESS, Events

Part = SequenceStep | Without
LARGEST = 2**63


def sequence_members(question: Question, condition: SequenceCondition) -> Ints:
    """Ascending."""
    if not is_plain(condition):
        return followed(question, condition)
    found = chained(question, condition)
    likely, is_sure = numbers(found, "profile"), array_of(found.column("sure"), np.uint8) == 1
    members: Ints = likely[is_sure]
    if is_sure.all():
        return members
    return np.sort(np.append(members, followed(replace(question, profiles=likely[~is_sure]), condition)))


def chained(question: Question, condition: SequenceCondition) -> pa.Table:
    """Everybody of whom it is possible (`profile`), and whether it is `sure`."""
    if any(step.max_gap is not None for step in condition.steps[1:]):
        with suppress(Intricate):  # as of a robot that did one thing thousands of times
            if (found := matched(question, condition)) is not None:
                return found
    return within(question, condition)


def matched(question: Question, condition: SequenceCondition) -> pa.Table | None:
    """By the gaps themselves. None where instants are too far apart to be numbered. Raises Intricate."""
    events = all_of(condition.steps, condition)
    asked = question.about("profile_matches", events)
    first, last = question.head.known.ranges.get("ts", (BEGINNING, ENDLESS))
    size, span = len(condition.steps), last - first
    if (span + 1) * (size + 1) >= LARGEST:
        return None
    steps = [is_part(question, step, condition, asked) for step in condition.steps]
    rising = ", ".join(f"{step}, {place}" for place, step in enumerate(steps, 1))
    falling = ", ".join(f"{step}, {size - place}" for place, step in enumerate(steps))

    def match(places: str, later: int) -> str:
        """`later`: by how much the number of a step is greater than that of the one before, at one instant."""
        limits = [pattern_of(step.max_gap, span, size + 1, later) for step in condition.steps[1:]]
        if None in limits:
            return "0"
        pattern = "".join(f"{limit}(?{place})" for place, limit in enumerate(["", *limits], 1))
        number = f"toUInt64((ts - {first}) * {size + 1} + multiIf({places}, 0))"
        return f"sequenceMatch('{pattern}')({number}, {', '.join(steps)})"

    asked.parts |= {"possible": match(rising, 1), "sure": match(falling, -1)}
    return question.table(asked)


def pattern_of(gap: int | None, span: int, factor: int, later: int) -> str | None:
    """What has to be between a step and the one before. None where nothing can be."""
    if gap is None or gap >= span:
        return ".*"
    longest = gap * factor + later
    return f"(?t<={longest})" if longest > 0 else None


def within(question: Question, condition: SequenceCondition) -> pa.Table:
    """By the time that the whole chain takes: at most the total or all gaps together, surely enough within one gap."""
    events = all_of(condition.steps, condition)
    asked = question.about("profile_chains", events)
    asked.parameters["start"], _ = question.times(events)
    steps = (is_part(question, step, condition, asked) for step in condition.steps)
    longest, shortest = spans(condition)
    asked.parts |= {
        "longest": str(longest),
        "shortest": str(shortest),
        "chain": ", ".join(["toUInt64(ts - {start:Int64})", *steps]),
        "size": str(len(condition.steps)),
    }
    return question.table(asked)


def spans(condition: SequenceCondition) -> tuple[int, int]:
    """How long a chain can be at most, and a length that is never too much for it."""
    if condition.total is not None:
        return condition.total, condition.total
    gaps = [FOREVER if step.max_gap is None else step.max_gap for step in condition.steps[1:]] or [FOREVER]
    return min(sum(gaps), FOREVER), min(gaps)


def followed(question: Question, condition: SequenceCondition) -> Ints:
    """Ascending."""
    parts: Sequence[Part] = (*condition.steps, *condition.exclusions)
    events = all_of(parts, condition)
    asked = question.about("profile_steps", events)
    asked.parts["bits"] = bits_of(question, parts, condition, asked)
    found = question.table(asked)
    profile, bits = numbers(found, "profile"), numbers(found, "bits").astype(np.uint32)
    ids, first, stop = people(profile, bits, len(condition.steps))
    start, last = question.times(events)
    rules, ts = rules_of(condition, start, last + 1), numbers(found, "ts")
    does = np.zeros(len(ids), np.uint8)
    place = np.arange(len(ids))

    def work(low: int, high: int) -> None:
        find_in(place[low:high], first[low:high], stop[low:high], ts, bits, rules, does)

    spread(work, len(ids), PEOPLE_PER_RANGE)
    members: Ints = ids[does == 1]
    return members


def all_of(parts: Sequence[Part], condition: SequenceCondition) -> Events:
    """The events that the condition is about."""
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    return Events(names, None, condition.start, condition.end)


def bits_of(question: Question, parts: Sequence[Part], condition: SequenceCondition, statement: Statement) -> str:
    terms = [f"if({is_part(question, part, condition, statement)}, {1 << bit}, 0)" for bit, part in enumerate(parts)]
    return f"({' + '.join(terms)})"


def is_part(question: Question, part: Part, condition: SequenceCondition, statement: Statement) -> str:
    """SQL: an event is one of the step's, or of what must not happen."""
    events = Events(part.names, part.where, condition.start, condition.end)
    return f"({named(part.names, statement)} AND {question.where(events, statement)})"


def people(profile: Ints, bits: NDArray[np.uint32], steps: int) -> tuple[Ints, Ints, Ints]:
    """Who has events for all steps; the first of his rows, and where they end."""
    if not len(profile):
        return profile, profile, profile
    first = np.flatnonzero(np.diff(profile, prepend=profile[0] - 1))
    stop = np.append(first[1:], len(profile))
    every = (1 << steps) - 1
    has_all = np.bitwise_or.reduceat(bits, first) & every == every
    return profile[first[has_all]], first[has_all], stop[has_all]
