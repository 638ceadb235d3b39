"""Why a profile has the value of a trait that it has: the events that made it, as a page and the API list them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np

from cdp.definitions.traits import TraitDefinition
from cdp.engine.base import Engine
from cdp.engine.events import TIMESTAMP
from cdp.engine.predicates import look_up
from cdp.engine.timeline import Position, TimelineEvent
from cdp.models import Trait
from cdp.queries import trait_analysis, trait_outcomes
from cdp.queries.engine import answering, fresh_engine
from cdp.queries.traits import definition_of, zone_of
from cdp.traits.questions import CURRENCY, fn_of
from cdp.traits.shown import nothing_counted, shown
from cdp.traits.why import Evidence
from cdp.traits.why import why as evidence_of
from stratum.lib import clock
from stratum.workspaces.models import Workspace

Part = Literal["event", "numerator", "denominator"]
RATIO: tuple[Part, ...] = ("numerator", "denominator")
ONE_GIVES = ("first", "last", "min", "max", "mode")  # the value is that of one event, or of some alike
LISTED = 50  # events; nobody reads on
AT_ONCE = 500  # events of the timeline read together
MOST_READ = 20_000  # of the timeline of somebody who does more than people do


@dataclass(frozen=True, slots=True)
class CountedEvent:
    """An event that the trait looked at. `skipped` says why its value does not count, None where it does."""

    id: int
    name: str
    timestamp: datetime
    value: Any
    part: Part
    gave_value: bool
    skipped: str | None


@dataclass(frozen=True, slots=True)
class Why:
    """`value` as every reader sees it, with the latest of the `events_counted` events, and the one that gave it."""

    profile: int
    value: Any
    reason: str
    events_counted: int
    events: tuple[CountedEvent, ...]
    as_of: datetime


def why(workspace: Workspace, trait: Trait, profile_id: int, *, now: datetime) -> Why:
    """Of a live profile. A trait that is computed now and then is explained as of then. Raises Refusal."""
    served = trait_analysis.serving(workspace, trait)
    definition = definition_of(trait, workspace) if served is None else served.definition
    as_of = served.as_of if served and served.as_of and definition.frequency != "realtime" else now
    with answering():
        engine = fresh_engine(workspace)
        (allowed,) = trait_outcomes.passing(
            workspace, engine, [definition], now=as_of, profiles=np.array([profile_id], np.int64)
        )
        value, counted, events = explained(workspace, engine, definition, profile_id, now=as_of)
    if allowed is not None and not len(allowed):
        return Why(profile_id, None, "This profile does not pass the trait's filter, so it has no value.", 0, (), as_of)
    if served is not None:
        value = trait_analysis.of_profile(workspace, trait, profile_id, now=now).value
    return Why(profile_id, value, reason(definition, counted), counted, events, as_of)


def reason(definition: TraitDefinition, counted: int) -> str:
    if counted:
        verb = "makes" if counted == 1 else "make"
        return f"{counted:,} event{'' if counted == 1 else 's'} {verb} this value."
    nothing = nothing_counted(definition)
    if nothing is None:
        return "None of its events count, so it has no value."
    return f"None of its events count, so the value is {nothing}."


def explained(
    workspace: Workspace, engine: Engine, definition: TraitDefinition, profile_id: int, *, now: datetime
) -> tuple[Any, int, tuple[CountedEvent, ...]]:
    """The value computed now, from how many events, and the latest of these. Raises EngineError."""
    as_of, zone = clock.to_micros(now), zone_of(workspace)
    one = np.array([profile_id], np.int64)
    (values,) = trait_outcomes.values(workspace, engine, [definition], now=now, profiles=one)
    stored = values.value[0] if len(values.profile) else None
    counted = int(values.events[0]) if len(values.profile) else 0
    found = evidence_of(definition, timeline(engine, profile_id, as_of), as_of=as_of, zone=zone)
    value = shown(definition, stored, now=now, zone=zone)
    return value, counted, tuple(_event(definition, each) for each in _listed(definition, found))


def timeline(engine: Engine, profile_id: int, as_of: int) -> Iterator[TimelineEvent]:
    """The latest first."""
    before: Position | None = None
    for _ in range(MOST_READ // AT_ONCE):
        part = engine.timeline(profile_id, as_of, AT_ONCE, before)
        yield from part
        if len(part) < AT_ONCE:
            return
        before = part[-1].position


def _listed(definition: TraitDefinition, found: Sequence[Evidence]) -> list[Evidence]:
    """The latest ones, and behind them the one that gave the value, however old it is."""
    latest, older = list(found[:LISTED]), found[LISTED:]
    if fn_of(definition) not in ONE_GIVES or any(each.makes for each in latest):
        return latest
    return latest + [each for each in older if each.makes][:1]


def _event(definition: TraitDefinition, each: Evidence) -> CountedEvent:
    name = definition.property_name
    is_of_property = name is not None and name != TIMESTAMP
    return CountedEvent(
        id=each.event.seq,
        name=each.event.name,
        timestamp=clock.from_micros(each.event.ts),
        value=look_up(each.event.properties, name) if is_of_property and name else None,
        part=RATIO[each.part] if definition.kind == "ratio" else "event",
        gave_value=each.makes and fn_of(definition) in ONE_GIVES,
        skipped=_skipped(each, is_of_property=is_of_property),
    )


def _skipped(each: Evidence, *, is_of_property: bool) -> str | None:
    if each.fate == "foreign":
        return f"in {each.event.properties.get(CURRENCY)}"
    if not is_of_property or each.values:
        return None
    return "not a number" if each.skipped else "no value"
