"""Who and what is known already of what a batch mentions: stored messages, profiles, identifiers."""

from dataclasses import dataclass

from cdp.models import Identifier, Profile
from cdp.services.identity import Identifier as Found
from cdp.services.identity import Person
from cdp.tracking.messages import Message
from cdp.tracking.read import QUESTIONABLE
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
    workspace: Workspace, messages: list[Message], *, every_message: bool
) -> tuple[Seen, dict[int, Person], dict[Found, int]]:
    """Who owns the identifiers, and which of the messages are stored.

    Messages whose people are settled are looked up only with `every_message`: a repeat of them changes nothing, and the
    insertion finds out that they are stored.
    """
    people, owners = _owners(workspace, _asked(messages))
    unsure = [message for message in messages if every_message or not _is_settled(message, owners)]
    return _seen(workspace, unsure), people, owners


def _asked(messages: list[Message]) -> list[Found]:
    asked = {identifier for message in messages for identifier in message.identifiers}
    for message in messages:
        if message.previous_id is not None:
            asked |= {("anonymous_id", message.previous_id), ("user_id", message.previous_id)}
    return sorted(asked)


def _is_settled(message: Message, owners: dict[Found, int]) -> bool:
    """All of its identifiers belong to one profile, and it tells nothing about it and has no second copy."""
    if message.event_id or message.kind not in QUESTIONABLE:
        return False
    found = {owners.get(identifier) for identifier in message.identifiers}
    return len(found) == 1 and None not in found


def _owners(workspace: Workspace, asked: list[Found]) -> tuple[dict[int, Person], dict[Found, int]]:
    people: dict[int, Person] = {}
    owners: dict[Found, int] = {}
    parameters = {
        "workspace": workspace.pk,
        "kinds": text_array([kind for kind, _ in asked]),
        "values": text_array([value for _, value in asked]),
    }
    with raw_cursor() as cursor:
        cursor.execute(_LOOK_UP_OWNERS, parameters, prepare=True)
        for place, owner, user_id, created in cursor.fetchall():  # which reads faster than the cursor itself
            owners[asked[place - 1]] = owner
            if owner not in people:
                people[owner] = Person(owner, user_id, from_micros(created))
    return people, owners


def _seen(workspace: Workspace, messages: list[Message]) -> Seen:
    seen = Seen(set(), set())
    if not messages:
        return seen
    pairs = [key for key in map(pair_key, messages) if key]
    parameters = {
        "workspace": workspace.pk,
        "messages": text_array([message.message_id for message in messages]),
        "pairs": text_array(pairs),
    }
    with raw_cursor() as cursor:
        cursor.execute(_LOOK_UP_PAIRED if pairs else _LOOK_UP_MESSAGES, parameters, prepare=True)
        for what, found in cursor.fetchall():
            (seen.messages if what == "message" else seen.pairs).add(found)
    return seen


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
# A profile is read once per identifier: to read it once, and to join it back, takes longer. Instants come as numbers,
# which are read faster.
_LOOK_UP_OWNERS = """
SELECT asked.place, coalesce(s.id, p.id), CASE WHEN s.id IS NULL THEN p.user_id ELSE s.user_id END,
    (extract(epoch FROM coalesce(s.created_at, p.created_at)) * 1000000)::bigint
FROM unnest(%(kinds)s::text[], %(values)s::text[]) WITH ORDINALITY AS asked(kind, value, place)
CROSS JOIN LATERAL (SELECT profile_id FROM cdp_identifier
    WHERE value = asked.value AND kind = asked.kind AND workspace_id = %(workspace)s LIMIT 1) i
CROSS JOIN LATERAL (SELECT id, user_id, created_at, merged_into FROM cdp_profile WHERE id = i.profile_id LIMIT 1) p
LEFT JOIN LATERAL (SELECT id, user_id, created_at FROM cdp_profile WHERE id = p.merged_into LIMIT 1) s
    ON p.merged_into IS NOT NULL
"""
# Of events that lie elsewhere a hash is here; most workspaces have none.
_MOVED = """
UNION ALL
SELECT '{what}', asked.one
FROM (SELECT FROM cdp_archivedmessage WHERE workspace_id = %(workspace)s LIMIT 1) has_any
CROSS JOIN unnest(%({asked})s::text[]) AS asked(one)
CROSS JOIN LATERAL (SELECT FROM cdp_archivedmessage
    WHERE {column} = md5(asked.one)::uuid AND workspace_id + 0 = %(workspace)s LIMIT 1) m
"""
_LOOK_UP_MESSAGES = """
SELECT 'message', e.message_id
FROM unnest(%(messages)s::text[]) AS asked(message_id)
CROSS JOIN LATERAL (SELECT message_id FROM cdp_event
    WHERE message_id = asked.message_id AND workspace_id + 0 = %(workspace)s LIMIT 1) e
""" + _MOVED.format(what="message", asked="messages", column="message")
_LOOK_UP_PAIRED = (
    _LOOK_UP_MESSAGES
    + """
UNION ALL
SELECT 'pair', e.pair_key
FROM unnest(%(pairs)s::text[]) AS asked(pair_key)
CROSS JOIN LATERAL (SELECT pair_key FROM cdp_event
    WHERE pair_key = asked.pair_key AND workspace_id + 0 = %(workspace)s LIMIT 1) e
"""
    + _MOVED.format(what="pair", asked="pairs", column="pair")
)
