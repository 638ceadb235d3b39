"""What traits come to for profiles, as it is stored: events, filters and what expired events left, in one place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from cdp.definitions.traits import TraitDefinition
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.queries import attributed, carries, served_traits
from cdp.queries.carries import Carried
from cdp.queries.trait_filters import let_through
from cdp.queries.traits import zone_of
from cdp.traits.evaluation import Values
from cdp.traits.evaluation import evaluate as values_by_events
from cdp.traits.lifetime import needs_events, with_carried
from stratum.lib import clock
from stratum.workspaces.models import Workspace


@dataclass(frozen=True, eq=False)
class Rows:
    """What is to be stored for each ascending `profile`: the JSON text of its value, None for none, and when it is due
    (microseconds, ENDLESS for never)."""

    profile: Ints
    text: Sequence[str | None]
    due: Ints

    def __len__(self) -> int:
        return len(self.profile)

    def part(self, start: int, end: int) -> "Rows":
        return Rows(self.profile[start:end], self.text[start:end], self.due[start:end])

    def above(self, profile: int) -> "Rows":
        return self.part(int(np.searchsorted(self.profile, profile, "right")), len(self))

    def parts(self, size: int) -> Iterator["Rows"]:
        for start in range(0, len(self), size):
            yield self.part(start, start + size)

    @property
    def with_value(self) -> int:
        return sum(text is not None for text in self.text)


@dataclass(frozen=True, eq=False)
class Outcome:
    """`skipped`: values that are no numbers or dates. `currencies`: events left out, by the currency they are in."""

    rows: Rows
    skipped: int
    currencies: Mapping[str, int]


def evaluate(
    workspace: Workspace,
    engine: Engine,
    definitions: Sequence[TraitDefinition],
    *,
    now: datetime,
    profiles: Ints | None = None,
) -> list[Outcome]:
    """One per definition: of everybody, or of the ascending `profiles`. Traits that filters ask are those stored."""
    found = values(workspace, engine, definitions, now=now, profiles=profiles)
    return [_outcome(one) for one in found]


def values(
    workspace: Workspace,
    engine: Engine,
    definitions: Sequence[TraitDefinition],
    *,
    now: datetime,
    profiles: Ints | None = None,
) -> list[Values]:
    """Of stored events, and of expired ones what they had come to."""
    as_of, zone = clock.to_micros(now), zone_of(workspace)
    allowed = passing(workspace, engine, definitions, now=now, profiles=profiles)
    kept = carries.carried(workspace, definitions, zone, profiles)
    found = values_by_events(
        engine, definitions, as_of=as_of, zone=zone, profiles=profiles, allowed=allowed, beginning=kept.since
    )
    return [
        _lifelong(engine, definition, one, kept, as_of, zone, profiles)
        for definition, one in zip(definitions, found, strict=True)
    ]


def _lifelong(
    engine: Engine,
    definition: TraitDefinition,
    values: Values,
    kept: Carried,
    as_of: int,
    zone: ZoneInfo,
    profiles: Ints | None,
) -> Values:
    states = kept.of(definition, zone)
    if definition.name == attributed.NAME:
        touched = {profile: state["touch"] for profile, (state,) in states.items() if state}
        values = attributed.since_first_touch(
            engine, definition, values, as_of=as_of, profiles=profiles, touched=touched
        )
    events = (
        {profile: carries.stored_events(engine, profile, as_of, kept.since) for profile in states}
        if needs_events(definition)
        else {}
    )
    return with_carried(definition, values, states, events, as_of=as_of, zone=zone) if states else values


def passing(
    workspace: Workspace,
    engine: Engine,
    definitions: Sequence[TraitDefinition],
    *,
    now: datetime,
    profiles: Ints | None = None,
) -> list[Ints | None]:
    """Per definition the ascending profiles that pass its filter, None where it has none."""

    def values(names: set[str], keys: Ints) -> dict[int, dict[str, Any]]:
        return served_traits.current(workspace, keys.tolist(), now=now, names=names)

    filters = [one.profile_filter.predicate if one.profile_filter else None for one in definitions]
    return let_through(workspace, engine, filters, as_of=clock.to_micros(now), profiles=profiles, values=values)


def _outcome(values: Values) -> Outcome:
    stored = values.only(values.to_store)
    rows = Rows(stored.profile, stored.json_texts(), stored.due)
    return Outcome(rows, int(values.skipped.sum()), values.currencies)
