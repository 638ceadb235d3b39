"""The stored values of one trait: listed profile by profile, and grouped."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import QuerySet

from cdp.definitions.traits import TraitDefinition
from cdp.engine.events import TIMESTAMP
from cdp.models import Trait, TraitValue
from cdp.queries import profiles, served_traits
from cdp.queries import trait_distribution as distributions
from cdp.queries.served_traits import Served
from cdp.queries.trait_distribution import Distribution
from stratum.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Reading:
    """What the trait says of a profile; `changed_at` is None where nothing was ever counted."""

    profile: int
    value: Any
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """How the values lie over the live `profiles` of the workspace."""

    profiles: int
    distribution: Distribution


def stored(trait: Trait) -> QuerySet[TraitValue]:
    """Of the version that serves; of a trait that is not live, none."""
    if trait.status != Trait.Status.LIVE or trait.version is None:
        return TraitValue.objects.none()
    return TraitValue.objects.filter(
        version__trait=trait.pk, version__number=trait.version, value__isnull=False
    ).order_by("profile_id")


def shown(workspace: Workspace, trait: Trait, rows: Iterable[TraitValue], *, now: datetime) -> list[Reading]:
    """As every reader sees them."""
    served, zone = serving(workspace, trait), ZoneInfo(workspace.time_zone)
    return [
        Reading(row.profile_id, served.value(row.value, has_row=True, now=now, zone=zone), row.changed_at)
        for row in rows
        if served is not None
    ]


def of_profile(workspace: Workspace, trait: Trait, profile_id: int, *, now: datetime) -> Reading:
    """Of one live profile, who need not have a value."""
    values = served_traits.values_of(workspace, profile_id, now=now)
    own = next((one for one in values if one.trait.id == trait.pk), None)
    return Reading(profile_id, own.value if own else None, own.changed_at if own else None)


def analysis(workspace: Workspace, trait: Trait, *, now: datetime) -> Analysis:
    """Group profiles by trait: who has no value is in no group."""
    served = serving(workspace, trait)
    spread = distributions.NOTHING if served is None else _spread(workspace, served, now)
    return Analysis(profiles.live(workspace).count(), spread)


def _spread(workspace: Workspace, served: Served, now: datetime) -> Distribution:
    _, written = served_traits.stored(served.version_id)
    texts = [text for text in written if text is not None]
    zone = ZoneInfo(workspace.time_zone)
    if is_instant(served.definition):
        instants = np.array([text.strip('"').rstrip("Z") for text in texts], "M8[us]")
        return distributions.of_instants(instants.astype(np.int64), zone)
    if served.definition.calculation is None and not any(text[:1] in '"[{tf' for text in texts):
        return distributions.of_numbers(np.array(texts, np.float64))
    labels = served_traits.groups(workspace, served.name, now=now).label
    return distributions.of_json(label for label in labels if label is not None)


def is_instant(definition: TraitDefinition) -> bool:
    """Whether its values are times of events, and shown as such."""
    return definition.property_name == TIMESTAMP and definition.calculation is None and definition.fn != "count"


def serving(workspace: Workspace, trait: Trait) -> Served | None:
    """The trait as readers know it; None where it is not live."""
    return next((one for one in served_traits.serving(workspace, [trait.name]) if one.id == trait.pk), None)
