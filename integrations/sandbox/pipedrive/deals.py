"""Deals of the fake."""

from typing import Any

from integrations.sandbox.pipedrive.company import Row
from integrations.sandbox.pipedrive.replies import good, page, refuse
from integrations.sandbox.pipedrive.world import World, in_window, public
from integrations.sandbox.wire import Reply, Request


def listed(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    """Neither archived ones nor, unless asked for by status, deleted ones."""
    wanted = {one for one in request.params.get("status", "").split(",") if one}
    return _page(world, request, [one for one in world.company.deals.values() if _is_wanted(one, wanted)])


def _is_wanted(row: Row, wanted: set[str]) -> bool:
    if row["is_deleted"]:
        return "deleted" in wanted
    return not row["is_archived"] and (not wanted or row["status"] in wanted)


def archived(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    rows = world.company.deals.values()
    return _page(world, request, [one for one in rows if one["is_archived"] and not one["is_deleted"]])


def _page(world: World, request: Request, rows: list[Row]) -> Reply:
    found = sorted(in_window(world, request, rows), key=lambda one: one["id"])
    return page(request, (public(one) for one in found))


def one(world: World, request: Request, parts: tuple[str, ...]) -> Reply:
    row = world.company.deals.get(int(parts[0]))
    if row is None:
        raise refuse(404, "Deal not found")
    return good(public(row))


def add(world: World, **given: Any) -> Row:
    """By a salesperson."""
    company = world.company
    row: Row = {
        "id": company.next_id("deal"),
        "title": "Deal",
        "value": 0,
        "currency": company.currency,
        "status": "open",
        "person_id": None,
        "org_id": None,
        "owner_id": company.user_id,
        "pipeline_id": 1,
        "stage_id": 1,
        "add_time": world.second,
        "won_time": None,
        "lost_time": None,
        "close_time": None,
        "is_deleted": False,
        "is_archived": False,
        "label_ids": [],
        "custom_fields": {},
    }
    company.deals[row["id"]] = row
    _put(world, row, given)
    world.tell("deal", "create", row, None)
    return row


def edit(world: World, deal_id: int, **given: Any) -> Row:
    row = world.company.deals[deal_id]
    before = dict(row)
    _put(world, row, given)
    world.tell("deal", "change", row, before)
    return row


def _put(world: World, row: Row, given: Row) -> None:
    if given.get("status") == "won" and row["status"] != "won":
        row["won_time"] = row["close_time"] = given.get("won_time") or world.second
    elif "status" in given and given["status"] != "won":
        row["won_time"] = None
        row["close_time"] = row["lost_time"] = world.second if given["status"] == "lost" else None
    row.update(given)
    row["update_time"], row["_changed"] = given.get("update_time") or world.second, world.moment()


def delete(world: World, deal_id: int) -> None:
    row = world.company.deals[deal_id]
    _put(world, row, {"is_deleted": True})
    world.tell("deal", "delete", row, None)
