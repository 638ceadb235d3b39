"""A company in time: what handlers share, and what people do in Pipedrive's own pages."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from integrations.sandbox.pipedrive.company import Company, Row, stamp
from integrations.sandbox.pipedrive.replies import refuse
from integrations.sandbox.wire import Request


class World:
    def __init__(self, company: Company, now: Callable[[], datetime]) -> None:
        self.company = company
        self.now = now
        self.hooks: list[Row] = []
        self.monotonic: Callable[[], float] = time.monotonic
        self.touched = False

    @property
    def second(self) -> str:
        return stamp(self.now)

    def moment(self) -> float:
        return self.now().timestamp()

    def body(self, request: Request) -> Any:
        try:
            return orjson.loads(request.body)
        except orjson.JSONDecodeError:
            raise refuse(400, "Request body is not valid JSON") from None

    def tell(self, entity: str, action: str, row: Row, before: Row | None, **meta: Any) -> None:
        """A webhook of the second version, for whoever subscribed."""
        self.touched = True
        for hook in self.company.webhooks.values():
            if hook["event_object"] in (entity, "*") and hook["event_action"] in (action, "*"):
                self.hooks.append(self._hook(hook, entity, action, row, before, meta))

    def _hook(self, hook: Row, entity: str, action: str, row: Row, before: Row | None, meta: dict[str, Any]) -> Row:
        changed = {name: value for name, value in (before or {}).items() if row.get(name) != value}
        return {
            "meta": {
                "action": action,
                "entity": entity,
                "entity_id": str(row["id"]),
                "id": str(uuid.uuid4()),
                "correlation_id": str(uuid.uuid4()),
                "company_id": str(self.company.id),
                "user_id": str(self.company.user_id),
                "timestamp": self.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "change_source": "app",
                "is_bulk_edit": False,
                "type": "general",
                "version": "2.0",
                "webhook_id": str(hook["id"]),
                "webhook_owner_id": str(self.company.user_id),
                "attempt": 1,
                "host": f"{self.company.domain}.pipedrive.com",
                "permitted_user_ids": [str(self.company.user_id)],
                **meta,
            },
            "data": None if action == "delete" else public(row),
            "previous": None if action == "create" else (row if action == "delete" else changed),
        }


def public(row: Row) -> Row:
    """Without what the fake keeps for itself."""
    return {name: value for name, value in row.items() if not name.startswith("_")}


def in_window(world: World, request: Request, rows: list[Row]) -> list[Row]:
    """`updated_since` is included, `updated_until` is not; a row without time is in no window."""
    since, until = (_second(request, name) for name in ("updated_since", "updated_until"))
    lag = world.company.habits.list_lag
    edge = world.moment() - lag
    seen = [row for row in rows if not lag or row.get("_changed", 0) <= edge]
    if since is None and until is None:
        return seen
    return [
        row
        for row in seen
        if row.get("update_time") and (since or "") <= row["update_time"] and (not until or row["update_time"] < until)
    ]


def _second(request: Request, name: str) -> str | None:
    text = request.params.get(name)
    if text is None:
        return None
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007
    except ValueError:
        raise refuse(400, f"{name} is not a valid datetime") from None
    return text
