"""The oracle's conditions: about each profile's events, one after the other, over plain lists."""

from collections.abc import Iterator, Sequence
from typing import Any

from cdp.engine.aggregates import AggregateSpec
from cdp.engine.conditions import Condition, EventCondition, FirstEvent, LastEvent, Regular, SequenceCondition, Without
from cdp.engine.events import Events
from cdp.engine.predicates import Elsewhere, OfProfile, Others, StepRef, exact, holds, look_up
from cdp.engine.timeline import TimelineEvent
from tests.engine.reference import Reference
from tests.engine.reference_aggregates import came_to, histories, matches

Chain = tuple[int, ...]


def members(reference: Reference, condition: Condition, as_of: int, universe: Sequence[int]) -> list[int]:
    """Who of the ascending universe fulfils the condition."""
    found = histories(reference, as_of, universe)
    return [profile for profile in universe if fulfils(condition, found.get(profile, []), as_of, about(profile))]


def about(profile: int) -> Others:
    """What is known of the profile."""

    def value(operand: Elsewhere) -> Any:
        assert isinstance(operand, OfProfile)
        places = operand.profile.tolist()
        return operand.labels[int(operand.code[places.index(profile)])] if profile in places else operand.otherwise

    return value


def fulfils(condition: Condition, history: list[TimelineEvent], as_of: int, others: Others) -> bool:
    match condition:
        case EventCondition(events):
            value = measured(condition, [event for event in history if matches(events, event, as_of, others)])
            return compares(condition.op, value, condition.value)
        case FirstEvent(events, start, end):
            found = [event for event in history if matches(events, event, as_of, others)]
            return bool(found) and start <= found[0].ts < end
        case LastEvent(events, has):
            found = [event for event in history if matches(events, event, as_of, others)]
            return bool(found) and holds(has, found[-1].properties, as_of, others)
        case Regular():
            return is_regular(condition, history, as_of, others)
        case SequenceCondition():
            return any(True for _ in chains(condition, history, as_of, others))


def measured(condition: EventCondition, events: list[TimelineEvent]) -> Any:
    return came_to(AggregateSpec(condition.events, condition.fn, condition.property), events).value


def compares(op: str, value: Any, operand: float | tuple[float, float]) -> bool:
    if op == "neq":
        return not compares("eq", value, operand)
    if value is None:
        return False
    if isinstance(operand, tuple):
        low, high = exact(operand[0]), exact(operand[1])
        assert low is not None
        assert high is not None
        return bool(low <= value <= high)
    number = exact(operand)
    assert number is not None
    return {
        "gt": value > number,
        "gte": value >= number,
        "lt": value < number,
        "lte": value <= number,
        "eq": value == number,
    }[op]


def is_regular(condition: Regular, history: list[TimelineEvent], as_of: int, others: Others) -> bool:
    regular = 0
    for k in range(condition.periods):
        first, last = as_of - (k + 1) * condition.period, as_of - k * condition.period
        events = [
            event for event in history if matches(condition.events, event, as_of, others) and first < event.ts <= last
        ]
        regular += compares(condition.op, len(events), condition.value)
    return regular >= condition.at_least


def chains(condition: SequenceCondition, history: list[TimelineEvent], as_of: int, others: Others) -> Iterator[Chain]:
    """Every way to take the steps, as places in the history."""
    events = [event for event in history if condition.start <= event.ts < condition.end]
    for chain in taken(condition, events, (), as_of, others):
        total = events[chain[-1]].ts - events[chain[0]].ts
        is_short = condition.total is None or total <= condition.total
        if is_short and not any(tainted(one, events, chain, as_of, others) for one in condition.exclusions):
            yield chain


def beside(events: list[TimelineEvent], chain: Chain, others: Others) -> Others:
    """With the properties of the steps that the chain took."""

    def value(operand: Elsewhere) -> Any:
        if isinstance(operand, StepRef):
            return look_up(events[chain[operand.step]].properties, operand.path)
        return others(operand)

    return value


def taken(
    condition: SequenceCondition, events: list[TimelineEvent], chain: Chain, as_of: int, others: Others
) -> Iterator[Chain]:
    if len(chain) == len(condition.steps):
        yield chain
        return
    step, known = condition.steps[len(chain)], beside(events, chain, others)
    for place in range(chain[-1] + 1 if chain else 0, len(events)):
        gap = events[place].ts - events[chain[-1]].ts if chain else step.min_gap
        is_near = gap >= step.min_gap and (not chain or step.max_gap is None or gap <= step.max_gap)
        if is_near and matches(Events(step.names, step.where), events[place], as_of, known):
            yield from taken(condition, events, (*chain, place), as_of, others)


def tainted(one: Without, events: list[TimelineEvent], chain: Chain, as_of: int, others: Others) -> bool:
    between, known = events[chain[one.after] + 1 : chain[one.before]], beside(events, chain, others)
    return any(matches(Events(one.names, one.where), event, as_of, known) for event in between)
