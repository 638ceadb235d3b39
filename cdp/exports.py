"""The tables of the customer data rooms that can be exported."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.engine.arrays import Ints
from cdp.models import Trait
from cdp.queries import profiles, segments, trait_analysis, traits
from cdp.queries.profiles import ProfileCard
from cdp.queries.segment_members import members_of
from stratum.lib.refusal import Missing
from stratum.reports.registry import Exporter
from stratum.reports.sheets import Sheet
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

CHUNK = 1_000  # profiles read at once
WHO_COLUMNS = ("profile", "name", "user_id", "email", "phone")
PROFILE_COLUMNS = (*WHO_COLUMNS, "lifecycle_stage", "events", "first_seen", "last_seen")


def segment_members(workspace: Workspace, parameters: Mapping[str, str], by: Actor, now: datetime) -> Sheet:
    """`segment`: its id. The newest profiles first."""
    try:
        segment = segments.get(workspace, UUID(parameters.get("segment", "")))
    except ValueError as error:
        raise Missing("There is no segment with that address in this workspace.") from error
    keys = members_of(workspace, segment)[::-1]
    day = now.astimezone(ZoneInfo(workspace.time_zone)).date()
    rows = _profiles(workspace, keys, now)
    return Sheet(f"segment-{day}", f"Members of “{segment.name}”", PROFILE_COLUMNS, rows, len(keys))


def _profiles(workspace: Workspace, keys: Ints, now: datetime) -> Iterator[Sequence[object]]:
    for start in range(0, len(keys), CHUNK):
        for card in profiles.shown(workspace, keys[start : start + CHUNK].tolist(), now=now):
            yield _row(card)


def _row(card: ProfileCard) -> Sequence[object]:
    who = (card.id, card.name, card.user_id, card.email, card.phone, card.lifecycle_stage)
    return *who, card.facts.events, card.created_at, card.facts.last_seen_at


def trait_values(workspace: Workspace, parameters: Mapping[str, str], by: Actor, now: datetime) -> Sheet:
    """`trait`: its id. Everybody who has a value, by number; the values as they were when the first row is read."""
    try:
        trait = traits.get(workspace, UUID(parameters.get("trait", "")))
    except ValueError as error:
        raise Missing("There is no computed trait with that address in this workspace.") from error
    stored = trait_analysis.stored(trait)
    day = now.astimezone(ZoneInfo(workspace.time_zone)).date()
    title = f"Values of “{trait.label or trait.name}”"
    rows = _values(workspace, trait, now)
    return Sheet(f"{trait.name}-{day}", title, (*WHO_COLUMNS, trait.name, "changed_at"), rows, stored.count())


def _values(workspace: Workspace, trait: Trait, now: datetime) -> Iterator[Sequence[object]]:
    """Erased and merged profiles, whose values are about to go, are left out."""
    after = -1
    while some := list(trait_analysis.stored(trait).filter(profile_id__gt=after)[:CHUNK]):
        after = some[-1].profile_id
        cards = {card.id: card for card in profiles.shown(workspace, [row.profile_id for row in some], now=now)}
        for one in trait_analysis.shown(workspace, trait, some, now=now):
            if card := cards.get(one.profile):
                yield card.id, card.name, card.user_id, card.email, card.phone, _cell(one.value), one.changed_at


def _cell(value: object) -> object:
    """A list is one cell."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


SEGMENT_MEMBERS = Exporter("segment_members", "Members of a segment", segment_members)
TRAIT_VALUES = Exporter("trait_values", "Values of a computed trait", trait_values)
