"""Attributed revenue: of what somebody spent, the part that came after the first touch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cdp.definitions.traits import TraitDefinition
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.events import ANY_EVENT, ENDLESS, TIMESTAMP, Events
from cdp.engine.predicates import Test, holds
from cdp.engine.timeline import TimelineEvent
from cdp.traits.carry import State, folded, merged
from cdp.traits.evaluation import Values
from cdp.traits.facts import facts
from cdp.traits.stored import scaled

NAME = "attributed_revenue"
IS_TOUCH = Test("$platform", "exists")
TOUCH = Events((ANY_EVENT,), IS_TOUCH)
EVERYTHING = 1_000_000  # events of one profile


def since_first_touch(
    engine: Engine,
    definition: TraitDefinition,
    values: Values,
    *,
    as_of: int,
    profiles: Ints | None,
    touched: Mapping[int, int],
) -> Values:
    """The sums again, without what came before the first touch; who was never touched has nothing.

    `touched`: whose first touch has expired, and when it was. Hardly anybody buys first and is touched later: only of
    those each event is looked at.
    """
    specs = [AggregateSpec(events, "min", TIMESTAMP) for events in (TOUCH, Events(definition.part.events))]
    touch, bought = (
        dict(zip(answer.profile.tolist(), answer.value.tolist(), strict=True))
        for answer in engine.aggregates(specs, as_of, profiles)
    )
    touch |= touched
    found = values.only(np.array([one in touch for one in values.profile.tolist()], np.bool_))
    sums, present = found.column.value.copy(), found.present.copy()
    for place, profile in enumerate(found.profile.tolist()):
        if bought.get(profile, ENDLESS) < touch[profile]:
            counted = _counted(engine, definition, profile, touch[profile], as_of)
            sums[place], present[place] = sum(counted), bool(counted)
    return replace(found, column=scaled(sums), present=present)


def expired(
    definition: TraitDefinition, state: State | None, events: Sequence[TimelineEvent], as_of: int
) -> State | None:
    """What a profile's expiring events add to what it has carried so far. The first touch goes along: later purchases
    are attributed by it. A purchase that expires before any touch is never attributed."""
    touches = [event.ts for event in events if holds(IS_TOUCH, event.properties, as_of)]
    if state is not None and "touch" in state:
        touches.append(state["touch"])
    if not touches:
        return None
    touch = min(touches)
    bought = (event for event in events if event.ts >= touch)
    return merged({"events": 0, "touch": touch}, folded(definition, definition.part, None, bought, as_of))


def _counted(engine: Engine, definition: TraitDefinition, profile: int, start: int, as_of: int) -> list[int]:
    """Millionths."""
    timeline = engine.timeline(profile, as_of, EVERYTHING)
    told = facts(definition, definition.part, timeline, start, ENDLESS, as_of)
    return [value for fact in told if fact.fate == "counted" for value in fact.values]
