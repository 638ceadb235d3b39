"""The tables of the customer data rooms that can be exported."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.engine.base import Ints
from cdp.queries import profiles, segments
from cdp.queries.profiles import ProfileCard
from stratum.lib.refusal import Missing
from stratum.reports.registry import Exporter
from stratum.reports.sheets import Sheet
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

CHUNK = 1_000  # profiles read at once
PROFILE_COLUMNS = (
    *("profile", "name", "user_id", "email", "phone", "lifecycle_stage"),
    *("events", "first_seen", "last_seen"),
)


def segment_members(workspace: Workspace, parameters: Mapping[str, str], by: Actor, now: datetime) -> Sheet:
    """`segment`: its id. The newest profiles first."""
    try:
        segment = segments.get(workspace, UUID(parameters.get("segment", "")))
    except ValueError as error:
        raise Missing("There is no segment with that address in this workspace.") from error
    keys = segments.members(workspace, segment)[::-1]
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


SEGMENT_MEMBERS = Exporter("segment_members", "Members of a segment", segment_members)
