"""Who fulfils a condition about events."""

from collections.abc import Sequence
from dataclasses import replace

from cdp.engine.aggregates import AggregateSpec
from cdp.engine.arrays import MOST, Ints, Mask
from cdp.engine.clickhouse.aggregate import aggregates
from cdp.engine.clickhouse.asked import Question, numbers
from cdp.engine.clickhouse.sequences import Part, all_of, sequence_members
from cdp.engine.clickhouse.shipped import properties_in, shipped
from cdp.engine.columnar.conditions import ZERO_WITHOUT_EVENTS, answer, passing_range, refuse_condition, whole_range
from cdp.engine.columnar.picked import AskedSide
from cdp.engine.columnar.tied_sequences import is_tied
from cdp.engine.conditions import (
    Condition,
    EventCondition,
    FirstEvent,
    LastEvent,
    Members,
    Regular,
    SequenceCondition,
)
from cdp.engine.events import TIMESTAMP, Events


def members(question: Question, condition: Condition) -> Members:
    refuse_condition(condition)
    found = by_clickhouse(question, condition)
    if found is None:
        found = answer([side_of(question, condition)], condition, question.as_of, question.head.floor)
    return found if question.profiles is None else Members(found.among(question.profiles))


def by_clickhouse(question: Question, condition: Condition) -> Members | None:
    """None for steps that are compared with earlier ones."""
    match condition:
        case EventCondition():
            return compared(question, condition)
        case FirstEvent():
            return first_within(question, condition)
        case LastEvent():
            return last_having(question, condition)
        case Regular():
            return regular(question, condition)
        case SequenceCondition():
            return None if is_tied(condition) else Members(sequence_members(question, condition))


def compared(question: Question, condition: EventCondition) -> Members:
    least, most = passing_range(condition)
    does_nothing_pass = condition.fn in ZERO_WITHOUT_EVENTS and least <= 0 <= most
    least, most = max(least, -MOST), min(most, MOST)
    if condition.fn == "count" and condition.property is None:
        others = counted(question, condition.events, least, most, is_within=not does_nothing_pass)
    else:
        (found,) = aggregates(question, [AggregateSpec(condition.events, condition.fn, condition.property)])
        passes = found.present & (found.value >= least) & (found.value <= most)
        others = found.profile[passes != does_nothing_pass]
    return Members(others, does_nothing_pass != (condition.op == "neq"))


def counted(question: Question, events: Events, least: int, most: int, *, is_within: bool) -> Ints:
    """Who did any of the events, and a number of times that is within the bounds or is not."""
    asked = question.about("profile_counts", events)
    asked.parts["where"] = question.where(events, asked)
    asked.parameters |= {"least": least, "most": most, "is_within": int(is_within)}
    return numbers(question.table(asked), "profile")


def first_within(question: Question, condition: FirstEvent) -> Members:
    (found,) = aggregates(question, [AggregateSpec(condition.events, "min", TIMESTAMP)])
    return Members(found.profile[(found.value >= condition.start) & (found.value < condition.end)])


def last_having(question: Question, condition: LastEvent) -> Members:
    asked = question.about("profile_last", condition.events, in_order=question.head.known.in_order)
    asked.parts["where"] = question.where(condition.events, asked)
    asked.parts["has"] = question.where(replace(condition.events, where=condition.has), asked)
    return Members(numbers(question.table(asked), "profile"))


def regular(question: Question, condition: Regular) -> Members:
    least, most = whole_range(condition.op, condition.value)
    is_negated = condition.op == "neq"
    does_nothing_fill = (least <= 0 <= most) != is_negated
    events = recent(question, condition)
    asked = question.about("profile_periods", events)
    asked.parts["where"] = question.where(events, asked)
    bounds = {"least": max(least, -MOST), "most": min(most, MOST)}
    asked.parameters |= {"as_of": question.as_of, "period": condition.period, **bounds}
    found = question.table(asked)
    periods, within = numbers(found, "periods"), numbers(found, "filled")
    filled = periods - within if is_negated else within
    if does_nothing_fill:
        filled = filled + condition.periods - periods
    passes: Mask = filled >= condition.at_least
    return Members(numbers(found, "profile")[passes != does_nothing_fill], does_nothing_fill)


def recent(question: Question, condition: Regular) -> Events:
    """The events in any of the periods."""
    first = question.as_of - condition.period * condition.periods + 1
    return replace(condition.events, start=max(condition.events.start, first))


def side_of(question: Question, condition: Condition) -> AskedSide:
    """All that the condition looks at."""
    if isinstance(condition, SequenceCondition):
        parts: Sequence[Part] = (*condition.steps, *condition.exclusions)
        asked_of = (one for part in parts for one in properties_in(part.where))
        return shipped(question, all_of(parts, condition), asked_of)
    asked = set(properties_in(condition.events.where))
    if isinstance(condition, EventCondition) and condition.property is not None:
        asked.add(condition.property)
    if isinstance(condition, LastEvent):
        asked.update(properties_in(condition.has))
    events = recent(question, condition) if isinstance(condition, Regular) else condition.events
    return shipped(question, events, asked)
