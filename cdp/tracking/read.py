"""One item through every rule of the tracking API. Never raises: what cannot be a Message becomes a Rejection."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cdp.tracking.body import Envelope
from cdp.tracking.identity import identifiers, is_blocked, read_email, read_id
from cdp.tracking.messages import Kind, Message, Rejection, Unreadable
from cdp.tracking.origin import device, origin
from cdp.tracking.posthog import from_posthog, is_posthog
from cdp.tracking.rules import Rules
from cdp.tracking.soundness import ITEM_BYTES, checked_size, storable
from cdp.tracking.times import read_instant, settle_time

LONGEST_NAME = 200
LONGEST_MESSAGE_ID = 255
LONGEST_KEY = 255
MOST_TRAITS = 300

KINDS: Mapping[str, Kind] = {kind.name.lower(): kind for kind in Kind}
PLAIN_NAMES: Mapping[Kind, str] = {
    Kind.PAGE: "page_view",
    Kind.SCREEN: "screen_view",
    Kind.IDENTIFY: "identify",
    Kind.GROUP: "group",
    Kind.ALIAS: "alias",
}
QUESTIONABLE = frozenset({Kind.TRACK, Kind.PAGE, Kind.SCREEN})


def read_item(
    raw: object, index: int, *, rules: Rules, received_at: datetime, kind: Kind | None, envelope: Envelope
) -> Message | Rejection:
    """`kind` is what a single endpoint forces (`body.forced_kind`), None in a batch. `raw` is left as it was."""
    try:
        return _read(raw, index, rules, received_at, kind, envelope)
    except Unreadable as fault:
        return _rejection(raw, index, fault)


def _read(
    raw: object, index: int, rules: Rules, received_at: datetime, kind: Kind | None, envelope: Envelope
) -> Message:
    if not isinstance(raw, dict):
        raise Unreadable("invalid_item", "Every message must be a JSON object.")
    checked_size(raw, ITEM_BYTES - envelope.context_bytes)
    item = from_posthog(raw) if kind is None and is_posthog(raw) else raw
    kind = _kind(item.get("type")) if kind is None else kind
    context = _object(item, "context")
    if envelope.context:
        context = _merged(envelope.context, context)
    traits, person = _traits(item, kind, context)
    properties = _properties(item, kind)
    user_id, anonymous_id = read_id(item.get("userId"), "userId"), read_id(item.get("anonymousId"), "anonymousId")
    previous_id = _previous_id(item, user_id, anonymous_id) if kind is Kind.ALIAS else None
    if not user_id and not anonymous_id:
        raise Unreadable("missing_identity", "Send a userId or an anonymousId that names one person.")
    name, original_name = _name(item, kind, rules.aliases)
    ts, original, sent_at, flags = _times(item, rules, received_at, envelope.sent_at)
    platform, campaign = origin(context, properties)
    return Message(
        index=index,
        message_id=_message_id(item.get("messageId")),
        kind=kind,
        name=name,
        original_name=original_name,
        user_id=user_id,
        anonymous_id=anonymous_id,
        identifiers=identifiers(
            user_id=user_id,
            anonymous_id=anonymous_id,
            person=person,
            context=context,
            default_country=rules.default_country,
        ),
        previous_id=previous_id,
        group_id=_group_id(item) if kind is Kind.GROUP else None,
        traits=traits,
        properties=properties,
        context=context,
        ts=ts,
        received_at=received_at,
        sent_at=sent_at,
        original_timestamp=original,
        platform=platform,
        device=device(context),
        campaign=campaign,
        event_id=_event_id(properties) if kind in QUESTIONABLE else None,
        flags=flags,
    )


def _kind(given: object) -> Kind:
    kind = KINDS.get(given.strip().lower()) if isinstance(given, str) else None
    if kind is None:
        raise Unreadable("unknown_type", f"Give the message a type: {', '.join(KINDS)}.")
    return kind


def _object(item: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The object in `field`, empty when it is missing; PHP sends an empty one as an empty list."""
    value = item.get(field)
    if not value and not isinstance(value, bool | int | float | str):
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"invalid_{field}", f"{field} must be an object.")
    return value


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Objects merged key by key at every depth (both are checked to be shallow); `over` wins."""
    merged = {**under, **over}
    for key in under.keys() & over.keys():
        if isinstance(under[key], dict) and isinstance(over[key], dict):
            merged[key] = _merged(under[key], over[key])
    return merged


def _traits(item: Mapping[str, Any], kind: Kind, context: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the message's traits, the person's). A group's own traits describe a company: they name no person."""
    own, carried = _object(item, "traits"), _object(context, "traits")
    if not own and not carried:
        return {}, {}
    traits = own if kind is Kind.GROUP else {**carried, **own}
    if len(traits) > MOST_TRAITS:
        raise Unreadable("too_many_traits", f"Send at most {MOST_TRAITS} traits; this has {len(traits)}.")
    _check_keys(traits, "traits")
    person = carried if kind is Kind.GROUP else traits
    if kind is not Kind.GROUP and (email := read_email(traits.get("email"))):
        traits["email"] = email
    return traits, person


def _properties(item: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    properties = _object(item, "properties")
    _check_keys(properties, "properties")
    if kind in (Kind.PAGE, Kind.SCREEN):
        told = {key: item[key] for key in ("name", "category") if item.get(key)}
        return {**told, **properties}
    return properties


def _check_keys(fields: Mapping[str, Any], where: str) -> None:
    if fields and max(map(len, fields)) > LONGEST_KEY:
        raise Unreadable("key_too_long", f"The names in {where} may have at most {LONGEST_KEY} characters.")


def _previous_id(item: Mapping[str, Any], user_id: str | None, anonymous_id: str | None) -> str:
    previous_id = read_id(item.get("previousId"), "previousId") or anonymous_id
    if not previous_id or not user_id:
        raise Unreadable("missing_identity", "An alias needs a previousId and a userId that each name one person.")
    return previous_id


def _group_id(item: Mapping[str, Any]) -> str:
    group_id = read_id(item.get("groupId"), "groupId")
    if not group_id:
        raise Unreadable("missing_group", "A group message needs a groupId.")
    return group_id


def _name(item: Mapping[str, Any], kind: Kind, aliases: Mapping[str, str]) -> tuple[str, str]:
    if kind is not Kind.TRACK:
        return PLAIN_NAMES[kind], PLAIN_NAMES[kind]
    given = item.get("event")
    if given is None or (isinstance(given, str) and not given.strip()):
        raise Unreadable("missing_event", "A track message needs the event's name in `event`.")
    if not isinstance(given, str):
        raise Unreadable("invalid_event", "The event's name must be text.")
    original = given.strip()
    if len(original) > LONGEST_NAME:
        raise Unreadable("event_too_long", f"An event's name may have at most {LONGEST_NAME} characters.")
    return aliases.get(original, original), original


def _message_id(given: object) -> str:
    """Without one, a random id: a resend could not be recognised anyway."""
    if given is None:
        return str(uuid.uuid4())
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise Unreadable("invalid_message_id", "messageId must be text or a number.")
    message_id = str(given).strip() or str(uuid.uuid4())
    if len(message_id) > LONGEST_MESSAGE_ID:
        raise Unreadable("invalid_message_id", f"messageId may have at most {LONGEST_MESSAGE_ID} characters.")
    return message_id


def _times(
    item: Mapping[str, Any], rules: Rules, received_at: datetime, sent_with_all: datetime | None
) -> tuple[datetime, datetime | None, datetime | None, tuple[str, ...]]:
    """(ts, original_timestamp, sent_at, flags). The request's own sentAt is the one that its resend renews."""
    own, naive = _instant(item, "timestamp")
    original, original_naive = _instant(item, "originalTimestamp")
    sent_at = sent_with_all or _item_sent_at(item.get("sentAt"))
    ts, flags = settle_time(
        own or original,
        original or own,
        sent_at=sent_at,
        received_at=received_at,
        client_side=rules.client_side,
        retention_days=rules.retention_days,
    )
    if naive or original_naive:
        flags = (*flags, "naive_time")
    return ts, original or own, sent_at, flags


def _instant(item: Mapping[str, Any], field: str) -> tuple[datetime | None, bool]:
    try:
        return read_instant(item.get(field))
    except ValueError:
        raise Unreadable(
            "invalid_timestamp", f"{field} is not a time; send ISO 8601 such as 2026-05-01T12:00:00Z."
        ) from None


def _item_sent_at(given: object) -> datetime | None:
    try:
        return read_instant(given)[0]
    except ValueError:
        return None


def _event_id(properties: Mapping[str, Any]) -> str | None:
    """What the browser's and the server's copy of one event share."""
    given = properties.get("event_id") or properties.get("eventId")
    if not isinstance(given, str | int | float) or isinstance(given, bool):
        return None
    event_id = str(given).strip()
    return None if len(event_id) > LONGEST_MESSAGE_ID or is_blocked(event_id) else event_id


def _rejection(raw: object, index: int, fault: Unreadable) -> Rejection:
    told = raw if isinstance(raw, dict) else {}
    return Rejection(
        index=index,
        message_id=_shown(told.get("messageId") or told.get("uuid"), LONGEST_MESSAGE_ID),
        name=_shown(told.get("event") or told.get("type"), LONGEST_NAME),
        code=fault.code,
        reason=storable(fault.reason),
        item=_as_received(raw),
    )


def _shown(value: object, longest: int) -> str:
    return storable(value)[:longest] if isinstance(value, str | int | float) else ""


def _as_received(raw: object) -> str:
    try:
        text = json.dumps(raw, ensure_ascii=False, default=str)
    except (RecursionError, ValueError, TypeError):
        return "(nested too deeply to be shown)"
    return storable(text).encode()[:ITEM_BYTES].decode(errors="ignore")
