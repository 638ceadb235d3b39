"""PostHog's shape of a message in Segment's terms, as posthog-python, -node, -go and -js send it to /batch/."""

import re
from typing import Any

from cdp.tracking.messages import Unreadable

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
TYPES = {
    "$identify": "identify",
    "$set": "identify",
    "$create_alias": "alias",
    "$groupidentify": "group",
    "$pageview": "page",
    "$screen": "screen",
}


def is_posthog(item: dict[str, Any]) -> bool:
    if "userId" in item or "anonymousId" in item or "event" not in item:
        return False
    return "distinct_id" in item or "distinct_id" in _properties(item)


def from_posthog(item: dict[str, Any]) -> dict[str, Any]:
    """`item` as a Segment SDK would have sent it; its properties are kept whole.

    `$set_once` and `$unset` stay in the properties and change no trait: Segment's traits know neither.
    """
    properties = _properties(item)
    kind = TYPES.get(str(item["event"]), "track")
    told = {
        "type": kind,
        "event": item["event"],
        "messageId": item.get("messageId") or item.get("uuid"),
        "timestamp": item.get("timestamp"),
        "context": _context(item, properties),
        "properties": item.get("properties"),
        "traits": _traits(item, properties),
    }
    told.update(_alias(item, properties) if kind == "alias" else _who(item, properties))
    if kind == "group":
        told.update(_group(item, properties))
    if kind == "screen":
        told["name"] = properties.get("$screen_name")
    return told


def _properties(item: dict[str, Any]) -> dict[str, Any]:
    properties = item.get("properties")
    return properties if isinstance(properties, dict) else {}


def _distinct_id(item: dict[str, Any], properties: dict[str, Any]) -> object:
    return item.get("distinct_id", properties.get("distinct_id"))


def _who(item: dict[str, Any], properties: dict[str, Any]) -> dict[str, object]:
    """A distinct_id is anonymous where posthog-js says so, else a user's."""
    distinct_id = _distinct_id(item, properties)
    person = properties.get("$is_identified", properties.get("$process_person_profile"))
    if person is False or (item["event"] != "$identify" and distinct_id == properties.get("$device_id")):
        return {"anonymousId": distinct_id}
    return {
        "userId": distinct_id,
        "anonymousId": properties.get("$anon_distinct_id") or properties.get("$device_id"),
    }


def _alias(item: dict[str, Any], properties: dict[str, Any]) -> dict[str, object]:
    """The alias joins the distinct_id, unless only the distinct_id looks made up by a browser."""
    user_id, previous_id = properties.get("distinct_id", item.get("distinct_id")), properties.get("alias")
    if _made_up(user_id) and not _made_up(previous_id):
        user_id, previous_id = previous_id, user_id
    return {"userId": user_id, "previousId": previous_id}


def _made_up(distinct_id: object) -> bool:
    return isinstance(distinct_id, str) and UUID.fullmatch(distinct_id) is not None


def _group(item: dict[str, Any], properties: dict[str, Any]) -> dict[str, object]:
    kind, key = properties.get("$group_type"), properties.get("$group_key")
    if str(_distinct_id(item, properties)).removeprefix("$") == f"{kind}_{key}":
        raise Unreadable("no_person", "This describes a group but no member; send it with a person's distinct_id.")
    return {"groupId": key, "traits": properties.get("$group_set")}


def _traits(item: dict[str, Any], properties: dict[str, Any]) -> object:
    return item.get("$set") or properties.get("$set")


def _context(item: dict[str, Any], properties: dict[str, Any]) -> object:
    context = item.get("context") or {}
    if not isinstance(context, dict):
        return context
    told = {
        "library": _filled(name=properties.get("$lib"), version=properties.get("$lib_version")),
        "page": _filled(
            url=properties.get("$current_url"), referrer=properties.get("$referrer"), title=properties.get("title")
        ),
        "campaign": _filled(source=properties.get("utm_source"), name=properties.get("utm_campaign")),
        "device": _filled(type=properties.get("$device_type")),
        "userAgent": properties.get("$raw_user_agent") or properties.get("$useragent"),
        "ip": properties.get("$ip"),
    }
    return {**_filled(**told), **context}


def _filled(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}
