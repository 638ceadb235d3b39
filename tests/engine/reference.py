"""The oracle: every question answered over plain lists in the most obvious way, however slow.

It has the engine's interface, so that one suite of tests runs against both.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from cdp.engine.base import Cursor
from cdp.engine.batches import AttributeBatch, EventBatch
from cdp.engine.funnels import (
    OTHER,
    Breakdown,
    Bucket,
    ByAttribute,
    ByGroups,
    ByProperty,
    Exclusion,
    FunnelAnswer,
    FunnelPeople,
    FunnelSpec,
    Group,
    Step,
    StepAnswer,
)
from cdp.engine.overviews import FACTORS, Activity, Census, Daily
from cdp.engine.predicates import exact, holds, is_missing, is_number, look_up
from cdp.engine.timeline import AttributeValue, Position, TimelineEvent
from tests.engine.chains import Attempt, Mark, attempts, enters

DAY = 86_400_000_000
MISSING = "missing"
TYPES = {int: "number", float: "number", str: "text", bool: "bool", list: "list", dict: "object"}
NOT_REACHED = object()


class Reference:
    """Takes changes at once: `writing` gives itself."""

    def __init__(self) -> None:
        self.events: list[TimelineEvent] = []
        self.values: list[tuple[int, str, int, Any]] = []
        self.links: dict[int, int] = {}
        self.voided: set[int] = set()
        self.erased: set[int] = set()
        self.purged_before = -(2**62)

    # -- changes -------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self, timeout: float) -> Iterator["Reference"]:
        yield self

    def commit(self, cursor: Cursor) -> None:
        pass

    def compact(self) -> bool:
        return True

    def append(self, batch: EventBatch) -> None:
        for row in range(len(batch)):
            self.events.append(
                TimelineEvent(
                    seq=int(batch.seq[row]),
                    profile=int(batch.profile[row]),
                    ts=int(batch.ts[row]),
                    received=int(batch.received[row]),
                    name=batch.name[row],
                    kind=int(batch.kind[row]),
                    properties=batch.properties[row],
                )
            )

    def retract(self, seqs: Iterable[int]) -> None:
        self.voided |= set(seqs)

    def relink(self, links: Mapping[int, int]) -> None:
        for loser, survivor in links.items():
            self.links.pop(loser, None)
            if loser == survivor:
                continue
            for profile in self.path(survivor):
                if self.links.get(profile) == loser:
                    del self.links[profile]
            self.links[loser] = survivor

    def forget(self, profiles: Iterable[int]) -> None:
        wanted = set(profiles)
        everybody = wanted | set(self.links)
        self.erased |= {profile for profile in everybody if profile in wanted or self.owner(profile) in wanted}

    def purge(self, before_ts: int) -> None:
        self.purged_before = max(self.purged_before, before_ts)

    def set_attributes(self, batch: AttributeBatch) -> None:
        rows = zip(batch.profile.tolist(), batch.name, batch.ts.tolist(), batch.value, strict=True)
        self.values += rows

    # -- what counts ---------------------------------------------------------------------------------------------

    def path(self, profile: int) -> list[int]:
        path = [profile]
        while path[-1] in self.links:
            path.append(self.links[path[-1]])
        return path

    def owner(self, profile: int) -> int:
        return self.path(profile)[-1]

    def counting(self, as_of: int) -> list[tuple[int, TimelineEvent]]:
        """Owner and event of all that count, in the total order."""
        return sorted(
            (
                (self.owner(event.profile), event)
                for event in self.events
                if event.seq not in self.voided
                and event.profile not in self.erased
                and self.purged_before <= event.ts <= as_of
            ),
            key=lambda one: one[1].position,
        )

    # -- funnels -------------------------------------------------------------------------------------------------

    def histories(self, spec: FunnelSpec, as_of: int) -> dict[int, list[TimelineEvent]]:
        """The events that count of everybody who is asked about."""
        histories: dict[int, list[TimelineEvent]] = {}
        for owner, event in self.counting(as_of):
            if spec.profiles is None or owner in spec.profiles:
                histories.setdefault(owner, []).append(event)
        return dict(sorted(histories.items()))

    def people(self, spec: FunnelSpec, as_of: int) -> list[Attempt]:
        return [
            one
            for profile, events in self.histories(spec, as_of).items()
            for one in attempts(profile, marks_of(events, spec, as_of), spec, as_of)
        ]

    def funnel_people(self, spec: FunnelSpec, as_of: int) -> FunnelPeople:
        if spec.breakdown is None:
            return people_of([(one, 0) for one in self.people(spec, as_of)], len(spec.steps))
        groups = self.groups(spec, spec.breakdown, as_of)
        rows = [(one, place) for place, (_, people) in enumerate(groups) for one in people]
        rows.sort(key=lambda row: (row[0].profile, row[1] if is_by_value(spec.breakdown) else 0, row[0].opened))
        people = people_of(rows, len(spec.steps))
        group = np.array([place for _, place in rows], np.int64)
        return replace(people, group=group, groups=tuple(value for value, _ in groups))

    def funnel(self, spec: FunnelSpec, as_of: int) -> FunnelAnswer:
        answer = answer_of(self.people(spec, as_of), spec)
        if spec.breakdown is None:
            return answer
        groups = self.groups(spec, spec.breakdown, as_of)
        return replace(answer, breakdown=tuple(Group(value, answer_of(people, spec)) for value, people in groups))

    def trend(self, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> tuple[Bucket, ...]:
        return tuple(
            Bucket(start, end, end - 1 + spec.window >= as_of, self.bucket(spec, start, end, as_of))
            for start, end in pairwise(edges)
        )

    def bucket(self, spec: FunnelSpec, start: int, end: int, as_of: int) -> FunnelAnswer:
        if spec.counting == "totals":
            people = [one for one in self.people(spec, as_of) if start <= one.opened < end]
            return answer_of(people, spec)
        return self.funnel(replace(spec, start=max(start, spec.start), end=min(end, spec.end)), as_of)

    def groups(self, spec: FunnelSpec, breakdown: Breakdown, as_of: int) -> list[tuple[Any, list[Attempt]]]:
        """The values of the breakdown with their people."""
        if is_by_value(breakdown):
            return self.funnel_per_value(spec, breakdown, as_of)
        histories = self.histories(spec, as_of)
        people: dict[str, list[Attempt]] = {}
        values: dict[str, Any] = {}
        for one in self.people(spec, as_of):
            value = self.value_of(one, histories[one.profile], spec, breakdown, as_of)
            if value is not NOT_REACHED:
                values.setdefault(label(value), value)
                people.setdefault(label(value), []).append(one)
        kept, rest = ranked({key: len(found) for key, found in people.items()}, breakdown)
        values = {label(value): value for value in breakdown.values or ()} | values
        named = [(None if key == MISSING else values[key], people.get(key, [])) for key in kept]
        others = [one for key in rest for one in people[key]]
        return [*named, (OTHER, others)] if rest else named

    def value_of(
        self, one: Attempt, events: list[TimelineEvent], spec: FunnelSpec, breakdown: Breakdown, as_of: int
    ) -> Any:
        by = breakdown.by
        if isinstance(by, ByAttribute):
            return self.current(one.profile, by.attribute, as_of)
        if isinstance(by, ByGroups):
            return dict(zip(by.profile.tolist(), by.label, strict=True)).get(one.profile)
        if by.attribution == "step":
            assert by.step is not None
            if by.step >= len(one.times):
                return NOT_REACHED
            step = spec.steps[by.step]
            then = [event for event in events if event.ts == one.times[by.step] and serves(step, event, as_of)]
            return look_up(then[0].properties, by.property)
        matching = [event for event in events if any(serves(step, event, as_of) for step in spec.steps)]
        values = [look_up(event.properties, by.property) for event in matching]
        present = [value for value in values if not is_missing(value)] or [None]
        return present[0 if by.attribution == "first_touch" else -1]

    def current(self, profile: int, name: str, as_of: int) -> Any:
        history = [one for one in self.attributes(profile).get(name, ()) if one.ts <= as_of]
        return (
            max(
                history, key=lambda one: (one.ts, json.dumps(one.value, separators=(",", ":"), ensure_ascii=False))
            ).value
            if history
            else None
        )

    def funnel_per_value(self, spec: FunnelSpec, breakdown: Breakdown, as_of: int) -> list[tuple[Any, list[Attempt]]]:
        """Attribution "all_steps": the events of one value only, ranked by the people who have such an entry."""
        assert isinstance(breakdown.by, ByProperty)
        name, histories = breakdown.by.property, self.histories(spec, as_of)
        entered: dict[str, set[int]] = {}
        values: dict[str, Any] = {}
        for profile, events in histories.items():
            for mark, event in zip(marks_of(events, spec, as_of), events, strict=True):
                if enters(mark, spec):
                    value = look_up(event.properties, name)
                    values.setdefault(label(value), value)
                    entered.setdefault(label(value), set()).add(profile)
        kept, rest = ranked({key: len(found) for key, found in entered.items()}, breakdown)
        values = {label(value): value for value in breakdown.values or ()} | values
        wanted = [(None if key == MISSING else values[key], {key}) for key in kept]
        wanted += [(OTHER, set(rest))] if rest else []
        return [(value, self.people_with(histories, keys, name, spec, as_of)) for value, keys in wanted]

    def people_with(
        self, histories: dict[int, list[TimelineEvent]], keys: set[str], name: str, spec: FunnelSpec, as_of: int
    ) -> list[Attempt]:
        found = []
        for profile, events in histories.items():
            marks = [
                mark if label(look_up(event.properties, name)) in keys else replace(mark, steps=frozenset())
                for mark, event in zip(marks_of(events, spec, as_of), events, strict=True)
            ]
            found += attempts(profile, marks, spec, as_of)
        return found

    # -- the rest ------------------------------------------------------------------------------------------------

    def timeline(
        self, profile: int, as_of: int, limit: int, before: Position | None = None
    ) -> tuple[TimelineEvent, ...]:
        owned = [event for owner, event in self.counting(as_of) if owner == self.owner(profile)]
        seen = [event for event in owned if before is None or event.position < before]
        return tuple(TimelineEvent(**vars(event) | {"profile": self.owner(profile)}) for event in seen[::-1][:limit])

    def attributes(self, profile: int) -> dict[str, tuple[AttributeValue, ...]]:
        owner = self.owner(profile)
        rows = [row for row in self.values if self.owner(row[0]) == owner and row[0] not in self.erased]
        return {
            name: tuple(
                sorted((AttributeValue(ts, value) for _, n, ts, value in rows if n == name), key=lambda one: one.ts)
            )
            for name in {row[1] for row in rows}
        }

    def counts(self, since: int, as_of: int) -> dict[str, tuple[int, int]]:
        """Per event name: events and profiles."""
        rows = [(owner, event) for owner, event in self.counting(as_of) if event.ts >= since]
        names = Counter(event.name for _, event in rows)
        return {name: (names[name], len({owner for owner, event in rows if event.name == name})) for name in names}

    def properties(self, since: int, as_of: int) -> dict[tuple[str, str], tuple[int, tuple[str, ...]]]:
        """Per event name and property: how many events have it, null is none, and of which types it is.
        One without a name is not listed."""
        values: dict[tuple[str, str], list[Any]] = {}
        for _, event in self.counting(as_of):
            for name, value in event.properties.items() if event.ts >= since else ():
                if name and value is not None:
                    values.setdefault((event.name, name), []).append(value)
        return {key: (len(some), tuple(sorted({TYPES[type(one)] for one in some}))) for key, some in values.items()}

    def activity(self, as_of: int) -> Activity:
        times: dict[int, list[int]] = {}
        for owner, event in self.counting(as_of):
            times.setdefault(owner, []).append(event.ts)
        rows = [(owner, min(times[owner]), max(times[owner]), len(times[owner])) for owner in sorted(times)]
        columns = np.array(rows, np.int64).reshape(-1, 4).T
        return Activity(*columns)

    def daily(self, start: int, end: int, as_of: int, offset: int = 0) -> Daily:
        days = list(range((start + offset) // DAY, -(-(end + offset) // DAY)))
        rows = [(owner, event) for owner, event in self.counting(as_of) if start <= event.ts < end]
        of_day = [[owner for owner, event in rows if (event.ts + offset) // DAY == day] for day in days]
        return Daily(
            np.array([day * DAY - offset for day in days], np.int64),
            np.array([len(owners) for owners in of_day], np.int64),
            np.array([len(set(owners)) for owners in of_day], np.int64),
        )

    def census(self, as_of: int) -> Census:
        counts: dict[tuple[str, int], tuple[int, int]] = {}
        for owner, event in self.counting(as_of):
            key = event.name, event.ts // DAY
            events, marks = counts.get(key, (0, 0))
            marks += mark(event.seq, owner, event.ts, event.received)
            counts[key] = events + 1, (marks + 2**63) % 2**64 - 2**63
        return Census(counts)


def mark(*parts: int) -> int:
    mixed = 0
    for part, factor in zip(parts, FACTORS, strict=True):
        mixed ^= part * factor % 2**64
    return (mixed ^ mixed >> 32) * FACTORS[0] % 2**64


def marks_of(events: list[TimelineEvent], spec: FunnelSpec, as_of: int) -> list[Mark]:
    return [
        Mark(
            number,
            event.ts,
            frozenset(place for place, step in enumerate(spec.steps) if serves(step, event, as_of)),
            frozenset(place for place, one in enumerate(spec.exclusions) if serves(one, event, as_of)),
        )
        for number, event in enumerate(events)
    ]


def serves(step: Step | Exclusion, event: TimelineEvent, as_of: int) -> bool:
    is_named = "*" in step.events or event.name in step.events
    return is_named and (step.where is None or holds(step.where, event.properties, as_of))


def is_by_value(breakdown: Breakdown) -> bool:
    return isinstance(breakdown.by, ByProperty) and breakdown.by.attribution == "all_steps"


def label(value: Any) -> str:
    """Equal for values that are one: 1 and 1.0; every missing one is MISSING."""
    if is_missing(value):
        return MISSING
    number = exact(value) if is_number(value) else None
    if number is not None:
        return f"number {number.normalize() + 0}"
    return f"{type(value).__name__} {json.dumps(value, sort_keys=True)}"


def ranked(sizes: dict[str, int], breakdown: Breakdown) -> tuple[list[str], list[str]]:
    """The labels that keep a group of their own, and the rest; the missing one comes last and counts for nothing."""
    order = sorted(sizes.keys() - {MISSING}, key=lambda key: (-sizes[key], key))
    kept = order[: breakdown.limit] if breakdown.values is None else [label(value) for value in breakdown.values]
    return kept + ([MISSING] if MISSING in sizes else []), [key for key in order if key not in kept]


def people_of(rows: list[tuple[Attempt, int]], steps: int) -> FunnelPeople:
    times = [[*one.times, *[-1] * (steps - len(one.times))] for one, _ in rows]
    return FunnelPeople(
        np.array([one.profile for one, _ in rows], np.int64),
        np.array([len(one.times) for one, _ in rows], np.int64),
        np.array(times, np.int64).reshape(len(rows), steps),
    )


def answer_of(people: list[Attempt], spec: FunnelSpec) -> FunnelAnswer:
    answer = timed_answer(people, len(spec.steps))
    if spec.timed:
        return answer
    untimed = tuple(replace(step, average_us=None, median_us=None) for step in answer.steps)
    return replace(answer, steps=untimed, average_us=None, median_us=None)


def timed_answer(people: list[Attempt], steps: int) -> FunnelAnswer:
    converted = [one.times[-1] - one.times[0] for one in people if len(one.times) == steps]
    return FunnelAnswer(
        steps=tuple(step_answer(people, step) for step in range(steps)),
        converted=len(converted),
        in_progress=sum(one.in_progress for one in people),
        average_us=average(converted) if steps > 1 else None,
        median_us=float(median(converted)) if converted and steps > 1 else None,
    )


def step_answer(people: list[Attempt], step: int) -> StepAnswer:
    reached = [one.times for one in people if len(one.times) > step]
    if step == 0 or not reached:
        return StepAnswer(len(reached), None, None)
    durations = [times[step] - times[step - 1] for times in reached]
    return StepAnswer(len(reached), average(durations), float(median(durations)))


def average(durations: list[int]) -> float | None:
    return sum(durations) / len(durations) if durations else None
