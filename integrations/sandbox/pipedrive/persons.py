"""Persons of the fake."""

import re
from collections.abc import Mapping
from typing import Any

from integrations.sandbox.pipedrive.company import Row
from integrations.sandbox.pipedrive.replies import good, page, refuse
from integrations.sandbox.pipedrive.world import World, in_window, public
from integrations.sandbox.wire import Reply, Request

PROPERTIES = frozenset(
    {"name", "owner_id", "org_id", "emails", "phones", "visible_to", "label_ids", "marketing_status", "custom_fields"}
)
NAMES = frozenset({"first_name", "last_name"})
LONGEST = 255


def listed(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    habits = world.company.habits
    rows = [one for one in world.company.persons.values() if not one.get("_hidden")]
    rows = [one for one in rows if habits.lists_deleted or not one["is_deleted"]]
    if "ids" in request.params:
        wanted = set(request.params["ids"].split(","))
        if len(wanted) > 100 or not all(one.strip().isdecimal() for one in wanted):
            raise refuse(400, "ids: at most 100 numbers")
        rows = [one for one in rows if str(one["id"]) in wanted]
    found = sorted(in_window(world, request, rows), key=lambda one: one["id"])
    return page(request, (public(one) for one in found))


def one(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    return good(public(_seen(world, parts[0])))


def _seen(world: World, key: str, *, to_write: bool = False) -> Row:
    row = world.company.persons.get(int(key))
    gone = row is None or (row["is_deleted"] and (to_write or not world.company.habits.shows_deleted))
    if row is None or gone:
        raise refuse(404, "Person not found")
    if row.get("_hidden"):
        raise refuse(403, "You do not have permission to do this")
    return row


def search(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    """As the index knows it: late, and exact only in the sense of its words."""
    term = request.params.get("term", "").strip().lower()
    if len(term) < 2:
        raise refuse(400, "term must be at least 2 characters")
    edge = world.moment() - world.company.habits.search_lag
    rows = [one for one in world.company.persons.values() if not one["is_deleted"] and not one.get("_hidden")]
    found = [one for one in rows if one.get("_changed", 0) <= edge and _matches(one, term, request.params)]
    items = [{"result_score": 1.0, "item": _item(one)} for one in found[:100]]
    return good({"items": items})


def _matches(row: Row, term: str, params: Mapping[str, str]) -> bool:
    asked = params.get("fields", "email")
    if asked == "custom_fields":
        return any(str(value).lower() == term for value in row["custom_fields"].values())
    texts = [one["value"].lower() for one in row["emails" if asked == "email" else "phones"]]
    return term in texts if params.get("exact_match") == "true" else any(term in one for one in texts)


def _item(row: Row) -> Row:
    return {
        "id": row["id"],
        "type": "person",
        "name": row["name"],
        "phones": [one["value"] for one in row["phones"]],
        "emails": [one["value"] for one in row["emails"]],
        "visible_to": row["visible_to"],
        "owner": {"id": row["owner_id"]},
        "organization": None,
        "custom_fields": [str(value) for value in row["custom_fields"].values()],
        "notes": [],
    }


def create(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    body = world.body(request)
    _check(world, body)
    if not (body.get("name") or (body.get("first_name") is not None and body.get("last_name") is not None)):
        raise refuse(400, "name is required", code="ERR_SCHEMA_VALIDATION_FAILED")
    return good(public(add(world, body)))


def add(world: World, body: Row) -> Row:
    """Also for salespeople: `emails` and `phones` may be plain texts."""
    company = world.company
    row: Row = {
        "id": company.next_id("person"),
        "name": "",
        "first_name": "",
        "last_name": "",
        "owner_id": company.user_id,
        "org_id": None,
        "add_time": world.second,
        "update_time": None,
        "emails": [],
        "phones": [],
        "is_deleted": False,
        "visible_to": 3,
        "label_ids": [],
        "picture_id": None,
        "custom_fields": {},
    }
    _put(world, row, body)
    company.persons[row["id"]] = row
    world.tell("person", "create", row, None)
    return row


def update(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    row = _seen(world, parts[0], to_write=True)
    body = world.body(request)
    _check(world, body)
    return good(public(edit(world, row["id"], body)))


def edit(world: World, person_id: int, body: Row) -> Row:
    row = world.company.persons[person_id]
    before = {**row, "custom_fields": dict(row["custom_fields"])}
    _put(world, row, body)
    world.tell("person", "change", row, before)
    return row


def _put(world: World, row: Row, body: Row) -> None:
    tidy = _tidy if world.company.habits.normalises else _as_is
    if "name" in body:
        row["name"] = tidy(body["name"], "name")
        row["first_name"], _, row["last_name"] = row["name"].partition(" ")
    elif NAMES & body.keys():
        row["first_name"] = tidy(body.get("first_name", row["first_name"]) or "", "name")
        row["last_name"] = tidy(body.get("last_name", row["last_name"]) or "", "name")
        row["name"] = f"{row['first_name']} {row['last_name']}".strip()
    for kind, label in (("emails", "work"), ("phones", "work")):
        if kind in body:
            row[kind] = _contacts(body[kind], kind, label, tidy)
    if "label_ids" in body:
        row["label_ids"] = list(dict.fromkeys(body["label_ids"]))
    for code, value in (body.get("custom_fields") or {}).items():
        if value is None:
            row["custom_fields"].pop(code, None)
        else:
            row["custom_fields"][code] = tidy(value, "custom") if isinstance(value, str) else value
    if "org_id" in body:
        row["org_id"] = body["org_id"]
    row["update_time"], row["_changed"] = world.second, world.moment()


def _contacts(given: Any, kind: str, label: str, tidy: Any) -> list[Row]:
    rows = [{"value": one} if isinstance(one, str) else one for one in given or ()]
    has_primary = any(one.get("primary") for one in rows)
    return [
        {
            "value": tidy(one["value"], kind),
            "primary": bool(one.get("primary")) if has_primary else not place,
            "label": one.get("label") or label,
        }
        for place, one in enumerate(rows)
    ]


def _as_is(text: str, kind: str) -> str:
    return text


def _tidy(text: str, kind: str) -> str:
    if kind == "emails":
        return text.strip().lower()
    if kind == "phones":
        digits = re.sub(r"[^\d+]", "", text)
        return " ".join(filter(None, (digits[:3], digits[3:6], digits[6:])))
    return " ".join(text.split())


def _check(world: World, body: Any) -> None:
    company = world.company
    if not isinstance(body, dict):
        raise refuse(400, "Request body must be an object", code="ERR_SCHEMA_VALIDATION_FAILED")
    allowed = PROPERTIES | (NAMES if company.habits.takes_first_and_last else frozenset())
    if company.habits.rejects_unknown_keys and (unknown := set(body) - allowed):
        raise refuse(
            400, f"Unrecognized key(s) in object: {', '.join(sorted(unknown))}", code="ERR_SCHEMA_VALIDATION_FAILED"
        )
    for kind in ("emails", "phones"):
        if sum(bool(one.get("primary")) for one in body.get(kind) or ()) > 1:
            raise refuse(400, f"{kind}: only one can be primary", code="ERR_SCHEMA_VALIDATION_FAILED")
    labels = company.field_by_code("label_ids") or {}
    known = {one["id"] for one in labels.get("options") or ()}
    if unknown_labels := set(body.get("label_ids") or ()) - known:
        raise refuse(400, f"label_ids: unknown option {min(unknown_labels)}", code="ERR_SCHEMA_VALIDATION_FAILED")
    for code, value in (body.get("custom_fields") or {}).items():
        _check_custom(world, code, value)


def _check_custom(world: World, code: str, value: Any) -> None:
    found = world.company.field_by_code(code)
    if found is None or not found["is_custom_field"]:
        raise refuse(400, f"custom_fields.{code} does not exist", code="ERR_SCHEMA_VALIDATION_FAILED")
    if value is None:
        return
    options = {one["id"] for one in found.get("options") or ()}
    match found["field_type"]:
        case "varchar" | "varchar_auto" | "phone":
            fits = isinstance(value, str) and len(value) <= LONGEST
        case "text":
            fits = isinstance(value, str)
        case "double":
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        case "monetary":
            fits = isinstance(value, dict) and isinstance(value.get("value"), int | float) and "currency" in value
        case "date":
            fits = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
        case "enum":
            fits = value in options
        case "set":
            fits = isinstance(value, list) and bool(value) and set(value) <= options
        case "address":
            fits = isinstance(value, dict)
        case _:
            fits = True
    if not fits:
        sentence = f"custom_fields.{code}: invalid value for {found['field_type']}"
        raise refuse(400, sentence, code="ERR_SCHEMA_VALIDATION_FAILED")


def delete(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    remove(world, _seen(world, parts[0], to_write=True)["id"])
    return good({"id": int(parts[0])})


def remove(world: World, person_id: int, **meta: Any) -> None:
    row = world.company.persons[person_id]
    row["is_deleted"], row["update_time"], row["_changed"] = True, world.second, world.moment()
    world.tell("person", "delete", row, None, **meta)


def merge(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    loser, survivor = int(parts[0]), int(world.body(request)["merge_with_id"])
    if loser == survivor or not {loser, survivor} <= world.company.persons.keys():
        raise refuse(400, "Cannot merge")
    unite(world, loser, survivor)
    return good({"id": survivor, "merge_what_id": loser})


def unite(world: World, loser: int, survivor: int) -> None:
    """The survivor keeps its own values and gets the loser's addresses, deals and labels."""
    company = world.company
    gone, kept = company.persons[loser], company.persons[survivor]
    before = dict(kept)
    for kind in ("emails", "phones"):
        known = {one["value"] for one in kept[kind]}
        kept[kind] = kept[kind] + [{**one, "primary": False} for one in gone[kind] if one["value"] not in known]
    kept["label_ids"] = list(dict.fromkeys([*kept["label_ids"], *gone["label_ids"]]))
    kept["custom_fields"] = {**gone["custom_fields"], **kept["custom_fields"]}
    kept["update_time"], kept["_changed"] = world.second, world.moment()
    for deal in company.deals.values():
        if deal["person_id"] == loser:
            deal["person_id"], deal["update_time"] = survivor, world.second
    remove(world, loser, merged_to_id=str(survivor))
    world.tell("person", "change", kept, before, merged_from_id=str(loser))
