"""Attributed revenue: of what somebody spent, the part that came after the first touch."""

from dataclasses import replace

import numpy as np

from cdp.definitions.traits import TraitDefinition
from cdp.engine.base import ANY_EVENT, ENDLESS, TIMESTAMP, AggregateSpec, Engine, Events, Ints
from cdp.engine.predicates import Test
from cdp.traits.evaluation import Values
from cdp.traits.facts import facts
from cdp.traits.stored import scaled

NAME = "attributed_revenue"
TOUCH = Events((ANY_EVENT,), Test("$platform", "exists"))
EVERYTHING = 1_000_000  # events of one profile


def since_first_touch(
    engine: Engine, definition: TraitDefinition, values: Values, *, as_of: int, profiles: Ints | None
) -> Values:
    """The sums again, without what came before the first touch; who was never touched has nothing.

    Hardly anybody buys first and is touched later: only of those each event is looked at.
    """
    specs = [AggregateSpec(events, "min", TIMESTAMP) for events in (TOUCH, Events(definition.part.events))]
    touch, bought = (
        dict(zip(answer.profile.tolist(), answer.value.tolist(), strict=True))
        for answer in engine.aggregates(specs, as_of, profiles)
    )
    found = values.only(np.array([one in touch for one in values.profile.tolist()], np.bool_))
    sums, present = found.column.value.copy(), found.present.copy()
    for place, profile in enumerate(found.profile.tolist()):
        if bought.get(profile, ENDLESS) < touch[profile]:
            counted = _counted(engine, definition, profile, touch[profile], as_of)
            sums[place], present[place] = sum(counted), bool(counted)
    return replace(found, column=scaled(sums), present=present)


def _counted(engine: Engine, definition: TraitDefinition, profile: int, start: int, as_of: int) -> list[int]:
    """Millionths."""
    timeline = engine.timeline(profile, as_of, EVERYTHING)
    told = facts(definition, definition.part, timeline, start, ENDLESS, as_of)
    return [value for fact in told if fact.fate == "counted" for value in fact.values]
