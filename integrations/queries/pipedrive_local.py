"""Our side of the mapping: which fields a profile has, and what they say, for many profiles at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cdp.queries import profiles as cdp_profiles
from cdp.queries import segments as cdp_segments
from cdp.queries import served_traits
from cdp.queries.profiles import ProfileCard
from integrations.pipedrive.canonical import email, name_part, phone
from integrations.pipedrive.fields import ATTRIBUTES, TRAITS
from stratum.lib import clock
from stratum.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Local:
    """A profile as the mapping sees it. `times`: when a field got its value, where that is known."""

    profile_id: int
    values: Mapping[str, Any]
    times: Mapping[str, datetime]
    segments: frozenset[str]
    card: ProfileCard

    @property
    def email(self) -> str:
        return str(self.values.get("email") or "")


def currencies(workspace: Workspace, names: Iterable[str]) -> dict[str, str]:
    """What the amounts of these traits are in: as the trait says, else the workspace's."""
    asked = [name.removeprefix(TRAITS) for name in names if name.startswith(TRAITS)]
    served = served_traits.serving(workspace, asked) if asked else []
    return {f"{TRAITS}{one.name}": one.definition.currency or workspace.currency for one in served}


def read(
    workspace: Workspace,
    profile_ids: Sequence[int],
    *,
    names: Iterable[str],
    now: datetime,
) -> dict[int, Local]:
    """The live ones among these profiles, by number: values of `names`, and in which segments they are."""
    asked = list(names)
    found = list(cdp_profiles.live(workspace).filter(pk__in=profile_ids))
    cards = cdp_profiles.cards(workspace, found, now=now)
    times = {profile.pk: profile.attribute_times for profile in found}
    traits = [name.removeprefix(TRAITS) for name in asked if name.startswith(TRAITS)]
    ids = [card.id for card in cards]
    current = served_traits.current(workspace, ids, now=now, names=traits) if traits else {}
    inside = cdp_segments.ids_of(ids)
    return {
        card.id: Local(
            card.id,
            {name: _value(card, name, current.get(card.id, {}), workspace) for name in asked},
            _times(asked, times[card.id]),
            frozenset(map(str, inside.get(card.id, ()))),
            card,
        )
        for card in cards
    }


def _value(card: ProfileCard, name: str, traits: Mapping[str, Any], workspace: Workspace) -> Any:
    if name.startswith(TRAITS):
        return traits.get(name.removeprefix(TRAITS))
    attributes = card.attributes
    match name:
        case "id":
            return str(card.id)
        case "user_id":
            return card.user_id
        case "email":
            return email(attributes.get("email")) or card.email
        case "phone":
            return phone(attributes.get("phone"), workspace.default_country) or card.phone
        case "first_name":
            return name_part(attributes.get("first_name") or attributes.get("firstName"))
        case "last_name":
            return name_part(attributes.get("last_name") or attributes.get("lastName"))
        case "lifecycle_stage":
            return card.lifecycle_stage
        case "created_at":
            return card.created_at.isoformat()
        case "last_seen_at":
            return card.facts.last_seen_at and card.facts.last_seen_at.isoformat()
    return attributes.get(name.removeprefix(ATTRIBUTES))


def _times(names: Iterable[str], times: Mapping[str, int]) -> dict[str, datetime]:
    """Of attributes, the time of the event that told them."""
    known = ((name, times.get(name.removeprefix(ATTRIBUTES))) for name in names)
    return {name: clock.from_micros(at) for name, at in known if at is not None}
