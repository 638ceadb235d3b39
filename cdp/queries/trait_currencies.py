"""Which currencies the events of a trait are in: sums over several would mean nothing."""

import re
from dataclasses import replace
from datetime import datetime

import numpy as np

from cdp.definitions.traits import EventPart, TraitDefinition
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.events import Events
from cdp.engine.predicates import AllOf, Test
from cdp.queries.engine import answering, fresh_engine
from stratum.lib import clock
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.models import Workspace

CURRENCY = "currency"
CODE = re.compile("[A-Z]{3}")
NO_MONEY = frozenset({"quantity", "count", "items", "units", "duration", "score", "rating", "timestamp"})


def pinned(workspace: Workspace, definition: TraitDefinition, *, now: datetime, pointer: str = "") -> TraitDefinition:
    """The definition with the currency that its events have: of several the workspace's own, and what is in another
    one is told as left out. Raises Invalid when none of several is the workspace's."""
    if not is_open(definition):
        return definition
    found = seen(workspace, definition.part, definition.property_name or "", now=now)
    if workspace.currency in found:
        return replace(definition, currency=workspace.currency)
    if len(found) > 1:
        sentence = (
            f"“{definition.property_name}” comes in several currencies: {', '.join(found)}. Choose one; events in "
            "another one are left out."
        )
        raise Invalid([Fault(f"{pointer}/currency", sentence, "mixed_currencies")])
    return replace(definition, currency=found[0]) if found else definition


def is_open(definition: TraitDefinition) -> bool:
    """Whether its values may be in a currency, and it does not say in which."""
    return definition.is_money and definition.currency is None and definition.property_name not in NO_MONEY


def settled(workspace: Workspace, definition: TraitDefinition, *, now: datetime, profiles: Ints | None = None) -> str:
    """The currency that an open definition is about from now on; empty while no event names one.

    Events that come together in several are never added up: the workspace's own currency decides, else the first.
    """
    found = seen(workspace, definition.part, definition.property_name or "", now=now, profiles=profiles)
    if not found:
        return ""
    return workspace.currency if workspace.currency in found else found[0]


def seen(workspace: Workspace, part: EventPart, name: str, *, now: datetime, profiles: Ints | None = None) -> list[str]:
    """The currencies of these events that have the property, by their letters."""
    has = Test(name, "exists")
    events = Events(part.events, AllOf((has, part.predicate)) if part.predicate else has)
    with answering():
        (answer,) = fresh_engine(workspace).aggregates(
            [AggregateSpec(events, "unique_list", CURRENCY)], clock.to_micros(now), profiles
        )
    places = np.unique(answer.items) if answer.items is not None else ()
    told = {answer.labels[place] for place in places}
    return sorted({text.upper() for text in told if isinstance(text, str) and CODE.fullmatch(text.upper())})
