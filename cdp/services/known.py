"""Who and what is known already of what a batch mentions: stored messages, profiles, identifiers."""

from dataclasses import dataclass

from cdp.models import Identifier, Profile
from cdp.services.identity import Person
from cdp.tracking.messages import Message
from stratum.lib.clock import from_micros
from stratum.lib.raw import raw_cursor, text_array
from stratum.workspaces.models import Workspace


def pair_key(message: Message) -> str | None:
    return f"{message.name}\x1f{message.event_id}" if message.event_id else None


@dataclass(frozen=True, slots=True)
class Seen:
    messages: set[str]
    pairs: set[str]


def look_up(
    workspace: Workspace, messages: list[Message]
) -> tuple[Seen, dict[int, Person], dict[tuple[str, str], int]]:
    """One round trip: which messages are stored, and who owns the identifiers of the others."""
    asked = {identifier for message in messages for identifier in message.identifiers}
    for message in messages:
        if message.previous_id is not None:
            asked |= {("anonymous_id", message.previous_id), ("user_id", message.previous_id)}
    order = sorted(asked)
    pairs = [key for key in map(pair_key, messages) if key]
    parameters = {
        "workspace": workspace.pk,
        "messages": text_array([message.message_id for message in messages]),
        "pairs": text_array(pairs),
        "kinds": text_array([kind for kind, _ in order]),
        "values": text_array([value for _, value in order]),
    }
    seen = Seen(set(), set())
    people: dict[int, Person] = {}
    owners: dict[tuple[str, str], int] = {}
    with raw_cursor() as cursor:
        cursor.execute(_LOOK_UP if pairs else _LOOK_UP_UNPAIRED, parameters, prepare=True)
        for what, first, second, owner, created in cursor:
            if what == "identifier":
                owners[first, second] = owner
            elif what == "person":
                people[owner] = Person(owner, first, from_micros(created))
            elif what == "message":
                seen.messages.add(first)
            else:
                seen.pairs.add(first)
    return seen, people, owners


def load_whole(workspace: Workspace, people: dict[int, Person]) -> None:
    """Complete `people` with what merging and attributes need."""
    rows = Profile.objects.filter(pk__in=people).values_list("id", "attributes", "attribute_times", "merges")
    for pk, attributes, times, merges in rows:
        person = people[pk]
        person.attributes, person.attribute_times, person.merges = attributes, times, merges
    for pk, kind, value in Identifier.objects.filter(profile_id__in=people).values_list("profile_id", "kind", "value"):
        people[pk].identifiers.add((kind, value))
        people[pk].known = people[pk].known or kind in {"user_id", "email", "phone"}
    for alias in Profile.objects.filter(merged_into__in=people):
        people[alias.merged_into or alias.pk].aliases.append(alias.pk)


# LATERAL … LIMIT 1 and `workspace_id + 0` leave the planner one way, a probe of the unique index per value. With
# statistics that do not know a new workspace yet it else takes hash joins over whole tables, or walks all events of the
# workspace for each message: forty times and four hundred times as long.
# A person is read once, however many identifiers lead there; instants come as numbers, which are read faster.
_LOOK_UP_IDENTIFIERS = """
WITH found AS MATERIALIZED (
    SELECT asked.kind, asked.value, i.profile_id
    FROM unnest(%(kinds)s::text[], %(values)s::text[]) AS asked(kind, value)
    CROSS JOIN LATERAL (SELECT profile_id FROM cdp_identifier
        WHERE value = asked.value AND kind = asked.kind AND workspace_id = %(workspace)s LIMIT 1) i
), reached AS MATERIALIZED (
    SELECT mentioned.profile_id, coalesce(p.id, o.id) AS owner,
        CASE WHEN p.id IS NULL THEN o.user_id ELSE p.user_id END AS user_id,
        coalesce(p.created_at, o.created_at) AS created_at
    FROM (SELECT DISTINCT profile_id FROM found) AS mentioned
    CROSS JOIN LATERAL (SELECT id, user_id, created_at, merged_into FROM cdp_profile
        WHERE id = mentioned.profile_id LIMIT 1) o
    LEFT JOIN LATERAL (SELECT id, user_id, created_at FROM cdp_profile WHERE id = o.merged_into LIMIT 1) p ON true
)
SELECT 'person' AS what, user_id AS first, NULL AS second, owner,
    (extract(epoch FROM created_at) * 1000000)::bigint AS created
FROM reached
UNION ALL
SELECT 'identifier', found.kind, found.value, reached.owner, NULL
FROM found JOIN reached USING (profile_id)
"""
_LOOK_UP_MESSAGES = """
UNION ALL
SELECT 'message', e.message_id, NULL, NULL, NULL
FROM unnest(%(messages)s::text[]) AS asked(message_id)
CROSS JOIN LATERAL (SELECT message_id FROM cdp_event
    WHERE message_id = asked.message_id AND workspace_id + 0 = %(workspace)s LIMIT 1) e
"""
_LOOK_UP_PAIRS = """
UNION ALL
SELECT 'pair', e.pair_key, NULL, NULL, NULL
FROM unnest(%(pairs)s::text[]) AS asked(pair_key)
CROSS JOIN LATERAL (SELECT pair_key FROM cdp_event
    WHERE pair_key = asked.pair_key AND workspace_id + 0 = %(workspace)s LIMIT 1) e
"""
_LOOK_UP_UNPAIRED = _LOOK_UP_IDENTIFIERS + _LOOK_UP_MESSAGES
_LOOK_UP = _LOOK_UP_UNPAIRED + _LOOK_UP_PAIRS
