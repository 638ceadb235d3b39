"""What traits come to for profiles, as it is stored: events, filters and what expired events left, in one place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from cdp.definitions.traits import TraitDefinition
from cdp.engine.base import Engine, Ints
from cdp.queries import attributed, served_traits
from cdp.queries.trait_filters import let_through
from cdp.queries.traits import zone_of
from cdp.traits.evaluation import Values
from cdp.traits.evaluation import evaluate as values_by_events
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
    as_of, zone = clock.to_micros(now), zone_of(workspace)
    allowed = passing(workspace, engine, definitions, now=now, profiles=profiles)
    found = values_by_events(engine, definitions, as_of=as_of, zone=zone, profiles=profiles, allowed=allowed)
    for place, definition in enumerate(definitions):
        if definition.name == attributed.NAME:
            found[place] = attributed.since_first_touch(
                engine, definition, found[place], as_of=as_of, profiles=profiles
            )
    return [_outcome(values) for values in found]


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
