"""Who did things one after the other: ClickHouse marks and orders the events, the kernel finds the chains."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse.asked import Question, named, numbers
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.sequences import PEOPLE_PER_RANGE, rules_of
from cdp.engine.columnar.tied_sequences import find_in
from cdp.engine.conditions import SequenceCondition, SequenceStep, Without
from cdp.engine.events import Events

Part = SequenceStep | Without


def sequence_members(question: Question, condition: SequenceCondition) -> Ints:
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
    terms = []
    for bit, part in enumerate(parts):
        events = Events(part.names, part.where, condition.start, condition.end)
        is_it = f"{named(part.names, statement)} AND {question.where(events, statement)}"
        terms.append(f"if({is_it}, {1 << bit}, 0)")
    return f"({' + '.join(terms)})"


def people(profile: Ints, bits: NDArray[np.uint32], steps: int) -> tuple[Ints, Ints, Ints]:
    """Who has events for all steps; the first of his rows, and where they end."""
    if not len(profile):
        return profile, profile, profile
    first = np.flatnonzero(np.diff(profile, prepend=profile[0] - 1))
    stop = np.append(first[1:], len(profile))
    every = (1 << steps) - 1
    has_all = np.bitwise_or.reduceat(bits, first) & every == every
    return profile[first[has_all]], first[has_all], stop[has_all]
