"""What expired events had come to, for those who ask for values of all time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.db.models import Max

from cdp.definitions.traits import TraitDefinition
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.events import BEGINNING
from cdp.engine.timeline import TimelineEvent
from cdp.models import TraitCarry
from cdp.queries import arrays, attributed
from cdp.traits import carry
from cdp.traits.carry import State
from stratum.lib import clock
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

EVERYTHING = 1_000_000  # events of one profile


@dataclass(frozen=True, slots=True)
class Carried:
    """All time begins at `since` in the engine (microseconds); `states` of earlier events by key and profile."""

    since: int
    states: Mapping[str, Mapping[int, State]]

    def of(self, definition: TraitDefinition, zone: ZoneInfo) -> dict[int, list[State | None]]:
        """By profile one state per part, for those who have any."""
        by_part = [self.states.get(key, {}) if key else {} for key in keys(definition, zone)]
        whom = set().union(*by_part)
        return {profile: [states.get(profile) for states in by_part] for profile in sorted(whom)}


NOTHING = Carried(BEGINNING, {})


def keys(definition: TraitDefinition, zone: ZoneInfo) -> tuple[str | None, ...]:
    """Attributed revenue is what was spent after the first touch, so it carries a state of its own."""
    return (attributed.NAME,) if definition.name == attributed.NAME else carry.keys(definition, zone)


def carried(
    workspace: Workspace, definitions: Sequence[TraitDefinition], zone: ZoneInfo, profiles: Ints | None = None
) -> Carried:
    """Read after the engine is up to date: what it has let go is in here."""
    until = TraitCarry.objects.filter(workspace=workspace).aggregate(last=Max("until"))["last"]
    if until is None:
        return NOTHING
    wanted = sorted({key for definition in definitions for key in keys(definition, zone) if key})
    states: dict[str, dict[int, State]] = {}
    for key, profile, state in _rows(workspace, wanted, profiles):
        known = states.setdefault(key, {})
        both = carry.merged(known.get(profile), state)
        assert both is not None
        known[profile] = both
    return Carried(clock.to_micros(until), states)


def _rows(
    workspace: Workspace, wanted: Sequence[str], profiles: Ints | None
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    whom = None if profiles is None else arrays.literal(profiles)
    with raw_cursor() as cursor:
        asked = {"workspace": workspace.pk, "keys": list(wanted), "whom": whom}
        cursor.execute(_EVERYBODYS if whom is None else _SOME, asked)
        for key, profile, text in cursor:
            yield key, profile, orjson.loads(text)


# States stay with the profile they were given to: a merged one's count for its survivor as long as they are one.
_EVERYBODYS = """
SELECT c.key, coalesce(p.merged_into, p.id), c.state::text FROM cdp_traitcarry c
JOIN cdp_profile p ON p.id = c.profile_id AND p.erased_at IS NULL
WHERE c.workspace_id = %(workspace)s AND c.key = ANY (%(keys)s)
"""
_SOME = """
WITH whom AS (
    SELECT id AS owner, id AS of FROM unnest(%(whom)s::bigint[]) AS g(id)
    UNION ALL SELECT p.merged_into, p.id FROM cdp_profile p WHERE p.merged_into = ANY (%(whom)s::bigint[])
)
SELECT c.key, whom.owner, c.state::text FROM whom
JOIN cdp_traitcarry c ON c.profile_id = whom.of AND c.workspace_id = %(workspace)s AND c.key = ANY (%(keys)s)
"""


def stored_events(engine: Engine, profile: int, as_of: int, since: int) -> list[TimelineEvent]:
    """What has not expired of a profile."""
    return [event for event in engine.timeline(profile, as_of, EVERYTHING) if event.ts >= since]
