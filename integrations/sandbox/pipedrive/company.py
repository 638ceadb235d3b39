"""What a Pipedrive company holds, as plain data."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Row = dict[str, Any]
DEMO_TOKEN = "5adb0f00d2026c0ffee5adb0f00d2026c0ffee42"  # of the demo's sandbox; nobody else takes it

STANDARD_FIELDS: tuple[Row, ...] = (
    {"field_code": "name", "field_name": "Name", "field_type": "varchar"},
    {"field_code": "first_name", "field_name": "First name", "field_type": "varchar"},
    {"field_code": "last_name", "field_name": "Last name", "field_type": "varchar"},
    {"field_code": "emails", "field_name": "Email", "field_type": "varchar"},
    {"field_code": "phones", "field_name": "Phone", "field_type": "phone"},
    {"field_code": "label_ids", "field_name": "Labels", "field_type": "set"},
    {"field_code": "owner_id", "field_name": "Owner", "field_type": "user"},
    {"field_code": "org_id", "field_name": "Organization", "field_type": "org"},
)
LABELS = ((1, "Customer"), (2, "Hot lead"), (3, "Warm lead"), (4, "Cold lead"))


@dataclass(slots=True)
class Habits:
    """What the account does where nobody but a live one could say, and how much it allows."""

    takes_first_and_last: bool = True
    rejects_unknown_keys: bool = True
    takes_label_options: bool = True
    lists_deleted: bool = False
    shows_deleted: bool = True  # a deleted person is answered with is_deleted, else 404
    charges_failures: bool = True
    reset_unit: Literal["s", "ms"] = "s"
    daily_headers: bool = True
    rate_headers: bool = True
    normalises: bool = False  # trims names, writes phone numbers its own way, lowers addresses
    search_lag: float = 0.0  # seconds
    list_lag: float = 0.0
    burst: int | None = None  # calls in two seconds; None allows all
    daily: int | None = None  # tokens
    field_limit: int | None = None
    label_limit: int | None = None
    webhook_limit: int = 40


@dataclass(slots=True)
class Company:
    token: str
    id: int = 4242
    name: str = "Northlight Sales"
    domain: str = "northlight"
    currency: str = "USD"
    time_zone: str = "America/New_York"
    user_id: int = 1
    user_name: str = "Sam Sales"
    persons: dict[int, Row] = field(default_factory=dict)
    deals: dict[int, Row] = field(default_factory=dict)
    activities: dict[int, Row] = field(default_factory=dict)
    fields: list[Row] = field(default_factory=list)
    filters: dict[int, Row] = field(default_factory=dict)
    webhooks: dict[int, Row] = field(default_factory=dict)
    last_ids: dict[str, int] = field(default_factory=dict)
    spent: int = 0
    habits: Habits = field(default_factory=Habits)

    def next_id(self, kind: str) -> int:
        self.last_ids[kind] = self.last_ids.get(kind, 0) + 1
        return self.last_ids[kind]

    def field_by_code(self, code: str) -> Row | None:
        return next((one for one in self.fields if one["field_code"] == code), None)


def founded(token: str, **given: Any) -> Company:
    """A new company with the fields that every account has."""
    company = Company(token, **given)
    for standard in STANDARD_FIELDS:
        options = [{"id": key, "label": label} for key, label in LABELS]
        company.fields.append(
            {
                **standard,
                "id": company.next_id("field"),
                "options": options if standard["field_code"] == "label_ids" else None,
                "is_custom_field": False,
            }
        )
    company.last_ids["option"] = len(LABELS)
    return company


def new_code(company: Company, number: int) -> str:
    """40 hex digits, others in every account."""
    return hashlib.sha1(f"{company.domain}:{company.id}:{number}".encode(), usedforsecurity=False).hexdigest()


def stamp(now: Callable[[], datetime]) -> str:
    """Whole seconds: several edits may share one."""
    return now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def later(text: str, seconds: float) -> str:
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) + timedelta(seconds=seconds)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def dump(company: Company) -> dict[str, Any]:
    """As JSON takes it."""
    return asdict(company)


def load(state: dict[str, Any]) -> Company:
    known = {one.name for one in fields(Company)} - {"habits"}
    company = Company(**{name: value for name, value in state.items() if name in known})
    company.habits = Habits(**state.get("habits", {}))
    for name in ("persons", "deals", "activities", "filters", "webhooks"):
        setattr(company, name, {int(key): row for key, row in getattr(company, name).items()})
    return company
