"""What computed traits say of one profile, on its page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.models import Profile
from cdp.queries import served_traits
from cdp.queries.served_traits import Value
from cdp.views import trait_words as words
from stratum.workspaces.access import MemberRequest


@dataclass(frozen=True, slots=True)
class TraitLine:
    """`as_of` is the instant that the value is of; `is_empty` where there is none."""

    id: UUID
    label: str
    value: str
    as_of: datetime | None
    is_empty: bool


def trait_lines(request: MemberRequest, profile: Profile) -> dict[str, object]:
    """The team's traits, and apart the ready-made ones that say something."""
    values = served_traits.values_of(request.workspace, profile.pk, now=request.now)
    zone = ZoneInfo(request.workspace.time_zone)
    own = [value for value in values if not value.trait.is_system]
    system = [value for value in values if value.trait.is_system and value.value is not None]
    return {"traits": list(_lines(own, zone)), "system_traits": list(_lines(system, zone))}


def _lines(values: list[Value], zone: ZoneInfo) -> Iterator[TraitLine]:
    for one in values:
        trait = one.trait
        told = words.value(trait.definition, one.value, zone)
        yield TraitLine(trait.id, trait.label or trait.name, told, trait.as_of, one.value is None)
