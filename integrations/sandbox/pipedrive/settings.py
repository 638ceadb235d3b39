"""Who the token belongs to, filters, webhooks."""

from typing import Any

from integrations.sandbox.pipedrive.company import Row
from integrations.sandbox.pipedrive.replies import Refused, good, refuse
from integrations.sandbox.pipedrive.world import World
from integrations.sandbox.wire import Reply, Request, reply

MOST_CONDITIONS = 16


def me(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    company = world.company
    return good(
        {
            "id": company.user_id,
            "name": company.user_name,
            "default_currency": company.currency,
            "email": "sam@example.com",
            "activated": True,
            "active_flag": True,
            "timezone_name": company.time_zone,
            "access": [{"app": "global", "admin": True, "permission_set_id": "5e9b1c7e"}],
            "is_you": True,
            "company_id": company.id,
            "company_name": company.name,
            "company_domain": company.domain,
        }
    )


def filters(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    return good([{name: one[name] for name in one if name != "conditions"} for one in world.company.filters.values()])


def create_filter(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    body = world.body(request)
    _check_conditions(world, body.get("conditions"))
    key = world.company.next_id("filter")
    world.company.filters[key] = _filter(world, key, body)
    world.touched = True
    return good({"id": key})


def update_filter(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    key, body = int(parts[0]), world.body(request)
    if key not in world.company.filters:
        raise refuse(404, "Filter not found")
    _check_conditions(world, body.get("conditions"))
    world.company.filters[key].update(body)
    world.touched = True
    return good({"id": key})


def delete_filter(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    if world.company.filters.pop(int(parts[0]), None) is None:
        raise refuse(404, "Filter not found")
    world.touched = True
    return good({"id": int(parts[0])})


def _filter(world: World, key: int, body: Row) -> Row:
    return {
        "id": key,
        "name": body["name"],
        "active_flag": True,
        "type": body["type"],
        "user_id": world.company.user_id,
        "add_time": world.second,
        "update_time": None,
        "conditions": body["conditions"],
    }


def _check_conditions(world: World, given: Any) -> None:
    """Fields are named by the numbers of the first version of the API."""
    if not isinstance(given, dict) or given.get("glue") != "and" or len(given.get("conditions") or ()) != 2:
        raise refuse(400, "Filter conditions are not valid")
    asked = [one for group in given["conditions"] for one in group["conditions"]]
    known = {str(one["id"]) for one in world.company.fields}
    if len(asked) > MOST_CONDITIONS or any(one["field_id"] not in known for one in asked):
        raise refuse(400, "Filter conditions are not valid")


def webhooks(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    return reply({"success": True, "status": "ok", "data": list(world.company.webhooks.values())})


def create_webhook(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    body = world.body(request)
    if not str(body.get("subscription_url", "")).startswith("http") or not body.get("name"):
        errors = {"subscription_url": ["invalid or non-reachable URL"]}
        raise Refused(reply({"success": False, "status": "error", "errors": errors}, 400))
    if len(world.company.webhooks) >= world.company.habits.webhook_limit:
        raise refuse(422, "Webhook limit reached")
    key = world.company.next_id("webhook")
    row = {
        "id": key,
        "company_id": world.company.id,
        "owner_id": world.company.user_id,
        "user_id": world.company.user_id,
        "event_action": body["event_action"],
        "event_object": body["event_object"],
        "subscription_url": body["subscription_url"],
        "version": body.get("version", "2.0"),
        "is_active": 1,
        "add_time": world.second,
        "type": "general",
        "http_auth_user": body.get("http_auth_user"),
        "http_auth_password": body.get("http_auth_password"),
        "last_http_status": None,
        "name": body["name"],
    }
    world.company.webhooks[key] = row
    world.touched = True
    return reply({"success": True, "status": "ok", "data": row}, 201)


def delete_webhook(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    if world.company.webhooks.pop(int(parts[0]), None) is None:
        raise Refused(reply({"success": False, "status": "error", "errors": {"id": ["not found"]}}, 404))
    world.touched = True
    return reply({"success": True, "status": "ok"})
