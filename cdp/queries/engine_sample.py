"""What two engines are asked to tell whether they hold the same: everything by day and event name, and a sample of the
questions that people ask. The seed chooses the sample."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from cdp.definitions.conditions import FirstPerformed, LastPerformed, Performed, RegularlyPerformed, profile_refs
from cdp.definitions.conditions import Sequence as InOrder
from cdp.engine.aggregates import Aggregate, AggregateSpec, Fn
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.conditions import Condition, EventCondition, Members, SequenceCondition, SequenceStep
from cdp.engine.events import BEGINNING, Events
from cdp.engine.funnels import Breakdown, ByProperty, Counting, FunnelSpec, Mode, Step
from cdp.engine.overviews import Catalog
from cdp.queries import funnels, segment_uses, segments, traits
from cdp.segments.evaluation import asked
from cdp.segments.questions import question
from cdp.traits.questions import Question
from stratum.lib import clock, periods
from stratum.workspaces.models import Workspace

DAY = 86_400_000_000
SAVED = 10  # of each kind, the ones that were changed last
INVENTED = 5
PROPERTIES = 12
PROFILES = 30
TIMELINE = 200
COMMON = 12  # the most frequent event names, of which questions are invented
OF_EVENTS = Performed, FirstPerformed, LastPerformed, RegularlyPerformed, InOrder

Ask = Callable[[Engine], object]


@dataclass(frozen=True)
class Sampled:
    """`name` says to a person what is asked; `ask` gives something that equals what an equal engine gives."""

    name: str
    ask: Ask


def questions(workspace: Workspace, engine: Engine, *, now: datetime, seed: int) -> Iterator[Sampled]:
    """`engine` tells which names and profiles there are."""
    dice, as_of = random.Random(seed), clock.to_micros(now)
    catalog, profiles = engine.catalog(BEGINNING, as_of), engine.activity(as_of).profile
    yield Sampled("the numbers of events by day and name", lambda one: one.census(as_of).counts)
    yield Sampled("the event catalogue", lambda one: _names(one.catalog(BEGINNING, as_of)))
    yield Sampled("the activity of every profile", lambda one: plain(one.activity(as_of)))
    yield Sampled("events and people per day", lambda one: plain(one.daily(as_of - 90 * DAY, as_of, as_of)))
    yield from _saved_funnels(workspace, now)
    yield from _invented_funnels(catalog, dice, as_of)
    yield from _saved_traits(workspace, as_of)
    yield from _of_properties(catalog, dice, as_of)
    yield from _saved_segments(workspace, profiles, as_of)
    yield from _invented_conditions(catalog, profiles, as_of)
    yield from _of_people(profiles, dice, as_of)


def _names(catalog: Catalog) -> object:
    """Sample values come from other rows on every engine, and rare properties are listed by one only."""
    return [(one.name, one.count, one.profiles, one.last_ts) for one in catalog.events]


def _saved_funnels(workspace: Workspace, now: datetime) -> Iterator[Sampled]:
    as_of, period = clock.to_micros(now), periods.last_days(90, now, funnels.zone_of(workspace))
    for saved in workspace.funnels.filter(archived_at=None).order_by("-updated_at", "id")[:SAVED]:
        spec = funnels.definition_of(saved, workspace).spec(period)
        yield from _of_funnel(f"the funnel “{saved.name}”", spec, as_of)


def _invented_funnels(catalog: Catalog, dice: random.Random, as_of: int) -> Iterator[Sampled]:
    names = [event.name for event in catalog.events[:COMMON]]
    modes: Sequence[Mode] = ("ordered", "any_order", "strict")
    countings: Sequence[Counting] = ("unique", "totals")
    for place in range(INVENTED if names else 0):
        steps = dice.sample(names, min(len(names), dice.randint(2, 4)))
        spec = FunnelSpec(
            steps=tuple(Step((name,)) for name in steps),
            mode=modes[place % 3],
            window=dice.randint(1, 14) * DAY,
            counting=countings[place % 2],
            start=as_of - 180 * DAY,
            end=as_of + 1,
        )
        yield from _of_funnel(f"a funnel {' → '.join(steps)} ({spec.mode})", spec, as_of)
    for event, name in _properties(catalog, dice, 2):
        by = Breakdown(ByProperty(name))
        spec = FunnelSpec((Step((event,)),), "ordered", DAY, "unique", as_of - 180 * DAY, as_of + 1, breakdown=by)
        yield Sampled(f"a funnel of {event} by {name}", partial(_funnel, spec, as_of))


def _of_funnel(name: str, spec: FunnelSpec, as_of: int) -> Iterator[Sampled]:
    yield Sampled(name, partial(_funnel, spec, as_of))
    yield Sampled(f"{name}, its people", lambda one: plain(one.funnel_people(spec, as_of)))


def _funnel(spec: FunnelSpec, as_of: int, engine: Engine) -> object:
    return plain(engine.funnel(spec, as_of))


def _saved_traits(workspace: Workspace, as_of: int) -> Iterator[Sampled]:
    zone = traits.zone_of(workspace)
    for saved in workspace.traits.filter(deleted_at=None).order_by("-updated_at", "id")[:SAVED]:
        needed = Question(as_of, zone)
        needed.plan(traits.definition_of(saved, workspace))
        yield Sampled(f"the trait {saved.name}", partial(_aggregates, tuple(needed.now.asked), as_of))


def _of_properties(catalog: Catalog, dice: random.Random, as_of: int) -> Iterator[Sampled]:
    """All values of some properties, of everybody."""
    for event, name in _properties(catalog, dice, PROPERTIES):
        functions: Sequence[Fn] = ("unique_list", "last", "sum")
        specs = tuple(AggregateSpec(Events((event,)), fn, name) for fn in functions)
        yield Sampled(f"the values of {name} of {event}", partial(_aggregates, specs, as_of))


def _properties(catalog: Catalog, dice: random.Random, most: int) -> list[tuple[str, str]]:
    """Pairs of an event name and one of its properties."""
    known = [(event.name, one.name) for event in catalog.events for one in event.properties]
    return dice.sample(known, min(most, len(known)))


def _aggregates(specs: tuple[AggregateSpec, ...], as_of: int, engine: Engine) -> object:
    return [_aggregate(one) for one in engine.aggregates(specs, as_of)]


def _aggregate(answer: Aggregate) -> object:
    columns = (answer.profile, answer.events, answer.skipped, answer.ts)
    return [None if one is None else one.tolist() for one in columns], answer.decoded()


def _saved_segments(workspace: Workspace, profiles: Ints, as_of: int) -> Iterator[Sampled]:
    zone = traits.zone_of(workspace)
    for saved in [one for one in segments.find(workspace) if not one.is_static][:SAVED]:
        condition = segment_uses.condition_of(saved, workspace.time_zone)
        for leaf in asked([condition]):
            if isinstance(leaf, OF_EVENTS) and not profile_refs(leaf):
                name = f"a condition of the segment “{saved.name}”"
                yield Sampled(name, partial(_members, question(leaf, as_of, zone, {}), profiles, as_of))


def _invented_conditions(catalog: Catalog, profiles: Ints, as_of: int) -> Iterator[Sampled]:
    names = [event.name for event in catalog.events[:COMMON]]
    for name in names[:3]:
        often = EventCondition(Events((name,), start=as_of - 30 * DAY, end=as_of + 1), op="gte", value=2)
        yield Sampled(f"who did {name} twice in 30 days", partial(_members, often, profiles, as_of))
    if len(names) > 1:
        in_order = SequenceCondition(tuple(SequenceStep((name,)) for name in names[:2]))
        yield Sampled(f"who did {names[1]} after {names[0]}", partial(_members, in_order, profiles, as_of))


def _members(condition: Condition, profiles: Ints, as_of: int, engine: Engine) -> object:
    found: Members = engine.members(condition, as_of)
    return found.among(profiles).tolist()


def _of_people(profiles: Ints, dice: random.Random, as_of: int) -> Iterator[Sampled]:
    for profile in sorted(dice.sample(profiles.tolist(), min(PROFILES, len(profiles)))):
        yield Sampled(f"the timeline of profile {profile}", partial(_timeline, profile, as_of))
        yield Sampled(f"the attributes of profile {profile}", partial(_attributes, profile))


def _timeline(profile: int, as_of: int, engine: Engine) -> object:
    return plain(engine.timeline(profile, as_of, TIMELINE))


def _attributes(profile: int, engine: Engine) -> object:
    """What merged profiles were told at one instant has no order."""
    history = engine.attributes(profile)
    return {
        name: sorted((one.ts, json.dumps(one.value, sort_keys=True)) for one in values)
        for name, values in history.items()
    }


def plain(answer: object) -> Any:
    """The same as lists and dictionaries, which compare by their contents."""
    if isinstance(answer, np.ndarray):
        return answer.tolist()
    if is_dataclass(answer):
        return {one.name: plain(getattr(answer, one.name)) for one in fields(answer)}
    if isinstance(answer, Mapping):
        return {key: plain(value) for key, value in answer.items()}
    return [plain(one) for one in answer] if isinstance(answer, list | tuple) else answer


def first_difference(ours: object, theirs: object) -> str:
    """Where two answers begin to differ, in few words."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        different = sorted((key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)), key=repr)
        told = (f"{key}: {ours.get(key)!r} here, {theirs.get(key)!r} there" for key in different)
        return "; ".join(islice(map(shortened, told), 3)) + (f" and {len(different) - 3} more" * (len(different) > 3))
    return f"{shortened(repr(ours))} here, {shortened(repr(theirs))} there"


def shortened(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}…"
