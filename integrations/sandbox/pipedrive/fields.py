"""Person fields of the fake, in both versions of the API."""

from typing import Any

from integrations.pipedrive.fields import TYPES
from integrations.sandbox.pipedrive.company import Row, new_code
from integrations.sandbox.pipedrive.replies import good, page, refuse, whole
from integrations.sandbox.pipedrive.world import World
from integrations.sandbox.wire import Reply, Request, reply

V1_KEYS = {"label_ids": "label", "emails": "email", "phones": "phone"}


def listed(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    return page(request, ({**_second(one), "id": one["id"]} for one in world.company.fields))


def _second(row: Row) -> Row:
    return {
        "field_name": row["field_name"],
        "field_code": row["field_code"],
        "field_type": row["field_type"],
        "options": row["options"],
        "subfields": None,
        "is_custom_field": row["is_custom_field"],
        "is_optional_response_field": False,
    }


def create(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    body = world.body(request)
    if not isinstance(body, dict) or body.get("field_type") not in TYPES or not body.get("field_name"):
        raise refuse(400, "field_name and field_type are required", code="ERR_SCHEMA_VALIDATION_FAILED")
    company = world.company
    custom = sum(one["is_custom_field"] for one in company.fields)
    if company.habits.field_limit is not None and custom >= company.habits.field_limit:
        raise refuse(403, "Field limit reached", code="feature_capping_persons_limit")
    labels = [one["label"] for one in body.get("options") or ()]
    return good(_second(add(world, body["field_name"], body["field_type"], labels)))


def add(world: World, name: str, kind: str, labels: list[str] | None = None) -> Row:
    """Names are not unique."""
    company = world.company
    number = company.next_id("field")
    row: Row = {
        "id": number,
        "field_code": new_code(company, number),
        "field_name": name,
        "field_type": kind,
        "options": [_option(world, label) for label in labels or ()] if kind in ("enum", "set") else None,
        "is_custom_field": True,
    }
    company.fields.append(row)
    world.touched = True
    return row


def _option(world: World, label: str) -> Row:
    return {"id": world.company.next_id("option"), "label": label}


def add_options(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    row = world.company.field_by_code(parts[0])
    habits = world.company.habits
    if row is None or row["options"] is None:
        raise refuse(404, "Field not found")
    if not row["is_custom_field"] and not habits.takes_label_options:
        raise refuse(400, "Only options of custom fields can be added", code="ERR_SCHEMA_VALIDATION_FAILED")
    body: Any = world.body(request)
    if habits.label_limit is not None and len(row["options"]) + len(body) > habits.label_limit:
        raise refuse(403, "Label limit reached", code="feature_capping_labels_limit")
    new = [_option(world, one["label"]) for one in body]
    row["options"] = [*row["options"], *new]
    world.touched = True
    return good(new)


def numbered(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    start, limit = whole(request, "start"), whole(request, "limit", 100)
    if start < 0 or limit < 1:
        raise refuse(400, "start and limit must not be negative")
    rows = [_first(one) for one in world.company.fields]
    more = len(rows) > start + limit
    about = {"start": start, "limit": limit, "more_items_in_collection": more}
    return reply({"success": True, "data": rows[start : start + limit], "additional_data": about})


def _first(row: Row) -> Row:
    return {
        "id": row["id"],
        "key": V1_KEYS.get(row["field_code"], row["field_code"]),
        "name": row["field_name"],
        "field_type": row["field_type"],
        "edit_flag": row["is_custom_field"],
        "active_flag": True,
        "options": row["options"],
    }


def replace_options(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    """All at once: an option that is not named is deleted."""
    row = next((one for one in world.company.fields if one["id"] == int(parts[0])), None)
    if row is None:
        raise refuse(404, "Field not found")
    limit = world.company.habits.label_limit
    body = world.body(request)
    given = body.get("options") or row["options"] or []
    if limit is not None and len(given) > limit:
        raise refuse(403, "Label limit reached", code="feature_capping_labels_limit")
    row["field_name"] = body.get("name") or row["field_name"]
    if row["options"] is not None:
        row["options"] = [one if one.get("id") else _option(world, one["label"]) for one in given]
    world.touched = True
    return good(_first(row))


def delete(world: World, code: str) -> None:
    """By an admin of the account: its values go with it."""
    company = world.company
    company.fields = [one for one in company.fields if one["field_code"] != code]
    for person in company.persons.values():
        person["custom_fields"].pop(code, None)
    world.touched = True


def delete_option(world: World, code: str, option: int) -> None:
    row = world.company.field_by_code(code)
    assert row is not None
    row["options"] = [one for one in row["options"] if one["id"] != option]
    for person in world.company.persons.values():
        if code == "label_ids":
            person["label_ids"] = [one for one in person["label_ids"] if one != option]
    world.touched = True
