"""Activities of the fake."""

from integrations.sandbox.pipedrive.company import Row
from integrations.sandbox.pipedrive.replies import good, page, refuse, whole
from integrations.sandbox.pipedrive.world import World, in_window, public
from integrations.sandbox.wire import Reply, Request

TYPES = (("call", "Call"), ("meeting", "Meeting"), ("task", "Task"), ("email", "Email"))


def listed(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    rows = list(world.company.activities.values())
    if "person_id" in request.params:
        rows = [one for one in rows if one["person_id"] == whole(request, "person_id")]
    return page(request, (public(one) for one in in_window(world, request, rows)))


def create(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    body = world.body(request)
    if not isinstance(body, dict) or not body.get("subject"):
        raise refuse(400, "subject is required", code="ERR_SCHEMA_VALIDATION_FAILED")
    if "person_id" in body:
        raise refuse(400, "person_id is read-only", code="ERR_SCHEMA_VALIDATION_FAILED")
    primary = [one["person_id"] for one in body.get("participants") or () if one.get("primary")]
    if primary and primary[0] not in world.company.persons:
        raise refuse(400, "participants: person does not exist", code="ERR_SCHEMA_VALIDATION_FAILED")
    row: Row = {
        "id": world.company.next_id("activity"),
        "subject": body["subject"],
        "type": body.get("type") or "task",
        "owner_id": world.company.user_id,
        "is_deleted": False,
        "add_time": world.second,
        "update_time": world.second,
        "_changed": world.moment(),
        "deal_id": None,
        "person_id": primary[0] if primary else None,
        "org_id": None,
        "due_date": body.get("due_date"),
        "due_time": body.get("due_time"),
        "busy": False,
        "done": bool(body.get("done")),
        "participants": body.get("participants") or [],
        "note": body.get("note"),
    }
    world.company.activities[row["id"]] = row
    world.touched = True
    return good(public(row))


def types(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    rows = [
        {"id": place, "key_string": key, "name": name, "icon_key": "task", "active_flag": True, "order_nr": place}
        for place, (key, name) in enumerate(TYPES, start=1)
    ]
    return good(rows)
