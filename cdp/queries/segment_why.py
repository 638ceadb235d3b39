"""Why somebody is in a segment or not: each part of its condition, whether it holds, and the events it is about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from cdp.definitions import condition_words
from cdp.definitions.conditions import (
    Both,
    Condition,
    Either,
    InSegment,
    Neither,
    OfEvents,
    ProfileCondition,
    RegularlyPerformed,
    Sequence,
    nodes,
)
from cdp.engine.base import Engine
from cdp.engine.events import BEGINNING, ENDLESS, EventName, is_named
from cdp.engine.predicate_refs import whatever_step
from cdp.engine.predicates import Elsewhere, Predicate, ProfileRef, holds, is_missing, look_up
from cdp.engine.timeline import TimelineEvent
from cdp.queries import segment_uses
from cdp.queries.engine import answering, fresh_engine
from cdp.queries.rfm import TraitValues
from cdp.queries.segment_answers import answers
from cdp.queries.trait_filters import documents_of
from cdp.queries.traits import zone_of
from cdp.queries.universe import universe
from cdp.segments.evaluation import blocks
from stratum.lib import clock
from stratum.lib.refusal import Missing
from stratum.workspaces.models import Workspace

LISTED = 10  # events; nobody reads on
MOST_READ = 20_000  # of the timeline of somebody who does more than people do


@dataclass(frozen=True, slots=True)
class Happened:
    name: str
    timestamp: datetime
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A node of the condition. `evidence`: what was found, in words; `events`: the newest it is about."""

    path: str
    depth: int
    sentence: str
    holds: bool
    evidence: str
    events: tuple[Happened, ...]


@dataclass(frozen=True, slots=True)
class Why:
    profile: int
    is_in: bool
    parts: tuple[Part, ...]
    as_of: datetime


def explain(
    workspace: Workspace,
    condition: Condition,
    source: Mapping[str, Any],
    profile_id: int,
    *,
    include_anonymous: bool,
    now: datetime,
) -> Why:
    """Of a live profile, by the same decision that lets it in. `source`: the condition as it was written. Raises
    Missing, and Refusals of the engine."""
    those = universe(workspace, np.array([profile_id], np.int64))
    if not len(those.profile):
        raise Missing("There is no profile with that number in this workspace.")
    with answering():
        engine = fresh_engine(workspace)
        found = answers(workspace, engine, [condition], those, now=now, is_everybody=False)
        truths = {path: bool(mask[0]) for path, mask in blocks(condition, found, 1)}
        read = _Reader(workspace, engine, int(those.profile[0]), now)
        by_path = {node.path: node for node in nodes(condition)}
        names = {str(one.pk): one.name for one in workspace.segments.filter(pk__in=segment_uses.segments_in(condition))}
        parts = tuple(
            Part(path, depth, words, truths[path], *read.evidence(by_path[path]))
            for path, depth, words in condition_words.lines(source, names, condition.path)
        )
    is_counted = bool(those.counted(include_anonymous)[0])
    return Why(int(those.profile[0]), parts[0].holds and is_counted, parts, now)


class _Reader:
    """One profile's timeline and facts, read when the first part asks for them."""

    def __init__(self, workspace: Workspace, engine: Engine, profile: int, now: datetime) -> None:
        self.workspace, self.engine, self.profile, self.now = workspace, engine, profile, now
        self.as_of = clock.to_micros(now)
        self.traits = TraitValues(workspace, engine, now)
        self.events: tuple[TimelineEvent, ...] | None = None
        self.fields: dict[str, Any] = {}

    def evidence(self, node: Condition) -> tuple[str, tuple[Happened, ...]]:
        match node:
            case Both() | Either() | Neither():
                return "", ()
            case ProfileCondition(predicate=predicate):
                return self._field(predicate.property), ()
            case InSegment():
                return "", ()
        return self._events(node) if isinstance(node, OfEvents) else ("", ())

    def _field(self, name: str) -> str:
        value = self._look_up(name)
        return f"{name} has no value" if is_missing(value) else f"{name} is {value}"

    def _look_up(self, name: str) -> Any:
        keys = np.array([self.profile], np.int64)
        (documents,) = documents_of(self.workspace, self.engine, {name}, self.as_of, keys, self.traits)
        return look_up(documents[self.profile], name)

    def _events(self, leaf: OfEvents) -> tuple[str, tuple[Happened, ...]]:
        if self.events is None:
            self.events = self.engine.timeline(self.profile, self.as_of, MOST_READ)
        matching = [event for event in self.events if self._is_about(leaf, event)]
        newest = tuple(
            Happened(event.name, clock.from_micros(event.ts), event.properties) for event in matching[:LISTED]
        )
        if not matching:
            return "no such event", ()
        count = len(matching)
        return f"{count:,} such event{'' if count == 1 else 's'}", newest

    def _is_about(self, leaf: OfEvents, event: TimelineEvent) -> bool:
        start, end = BEGINNING, ENDLESS
        if isinstance(leaf, RegularlyPerformed):
            start = self.as_of - leaf.periods * leaf.period + 1
        elif leaf.window is not None:
            start, end = leaf.window.bounds(self.as_of, zone_of(self.workspace))
        return start <= event.ts < end and any(
            (where is None or holds(whatever_step(where), event.properties, self.as_of, self._known))
            and any(is_named(event.name, name) for name in names)
            for names, where in _asked(leaf)
        )

    def _known(self, operand: Elsewhere) -> Any:
        """A field of the profile, as it is now."""
        assert isinstance(operand, ProfileRef)
        if operand.field not in self.fields:
            self.fields[operand.field] = self._look_up(operand.field)
        return self.fields[operand.field]


def _asked(leaf: OfEvents) -> Iterator[tuple[tuple[EventName, ...], Predicate | None]]:
    """Names and filters of the events that the condition is about."""
    if isinstance(leaf, Sequence):
        yield from ((one.events, one.where) for one in leaf.steps)
        yield from ((one.events, one.where) for one in leaf.exclusions)
    else:
        yield leaf.events, leaf.where
