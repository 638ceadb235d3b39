"""Values of stored events and what expired ones had come to, put together.

For counts, sums, extremes, first and last the value of the stored events says enough. Averages, ratios, frequencies and
distinct values need the stored events themselves, of those profiles only that have something carried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np

from cdp.definitions.traits import TraitDefinition
from cdp.engine.events import ENDLESS, TIMESTAMP
from cdp.engine.timeline import TimelineEvent
from cdp.traits.carry import State, folded, merged, value_of
from cdp.traits.evaluation import Values
from cdp.traits.facts import facts
from cdp.traits.questions import fn_of
from cdp.traits.stored import labels

LAST_OF_ALL = [ENDLESS, 0, 0]  # what is stored happened after everything that expired
TOLD_BY_VALUE = ("count", "sum", "min", "max", "first", "last")

States = Sequence[State | None]


def needs_events(definition: TraitDefinition) -> bool:
    """Whether the stored events of those who have something carried have to be given."""
    return definition.kind == "ratio" or fn_of(definition) not in TOLD_BY_VALUE


def with_carried(
    definition: TraitDefinition,
    values: Values,
    carried: Mapping[int, States],
    events: Mapping[int, Sequence[TimelineEvent]],
    *,
    as_of: int,
    zone: ZoneInfo,
) -> Values:
    """`carried`: by profile a state per part, None for a part with a window. `events`: see `needs_events`. Whom a
    profile filter keeps out stays out."""
    whom = [one for one in carried if not values.is_filtered or one in values.profile]
    if not whom:
        return values
    everybody = np.union1d(values.profile, np.array(whom, np.int64))
    values = values.over(everybody)
    decoded, present, counted = list(values.value), values.present.copy(), values.events.copy()
    for profile, place in zip(whom, np.searchsorted(everybody, whom).tolist(), strict=True):
        if needs_events(definition):
            states = _with_events(definition, carried[profile], events.get(profile, ()), as_of, zone)
        else:
            states = [merged(carried[profile][0], _stored_state(definition, values, place))]
        decoded[place] = value_of(definition, states, zone)
        present[place] = decoded[place] is not None
        counted[place] += sum((state or {}).get("events", 0) for state in carried[profile])
    known = labels(np.arange(len(everybody)), decoded)
    return replace(values, present=present, column=known, events=counted)


def _with_events(
    definition: TraitDefinition, states: States, events: Sequence[TimelineEvent], as_of: int, zone: ZoneInfo
) -> list[State | None]:
    found = []
    for part, state in zip(definition.parts, states, strict=True):
        if part.window is not None:
            start, end = part.window.bounds(as_of, zone)
            within = [fact.event for fact in facts(definition, part, events, start, end, as_of)]
            found.append(folded(definition, part, None, within, as_of))
        else:
            found.append(folded(definition, part, state, events, as_of))
    return found


def _stored_state(definition: TraitDefinition, values: Values, place: int) -> State | None:
    """A state that comes to the value of the stored events."""
    events = int(values.events[place])
    if not values.present[place]:
        return {"events": events} if events else None
    fn, value = fn_of(definition), int(values.column.value[place])
    if fn == "count":
        return {"events": events, "n": value}
    if fn in ("first", "last") or definition.property_name == TIMESTAMP:
        return _end_state(definition, values, place, events)
    return {"events": events, "n": 1, fn: value}


def _end_state(definition: TraitDefinition, values: Values, place: int, events: int) -> State:
    is_time = definition.property_name == TIMESTAMP
    end = [LAST_OF_ALL, int(values.column.value[place]) if is_time else values.value[place]]
    return {"events": events, "first": end, "last": end}
