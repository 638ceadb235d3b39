"""What we send, as JSON Schemas by which every request is checked before it leaves; and what we read of answers.

The schemas are narrower than Pipedrive's: they allow what Stratum sends and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jsonschema import Draft202012Validator

from integrations.pipedrive.fields import TYPES

Json = dict[str, Any]


def _object(properties: Json, *, required: tuple[str, ...] = (), forbids: Sequence[str] = (), **rest: Any) -> Json:
    """`forbids`: what must not come together."""
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    apart = {"not": {"required": list(forbids)}} if forbids else {}
    return {**schema, **apart, **rest}


TEXT: Json = {"type": "string", "minLength": 1, "maxLength": 255}
ID: Json = {"type": "integer", "minimum": 1}
# Fractions of a second are refused: "not a valid datetime".
SECOND: Json = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
CURSOR: Json = {"type": "string", "minLength": 1}
LIMIT: Json = {"type": "integer", "minimum": 1, "maximum": 500}
CONTACTS: Json = {
    "type": "array",
    "maxItems": 100,
    "items": _object({"value": TEXT, "primary": {"type": "boolean"}, "label": {"type": "string"}}, required=("value",)),
}
CURRENCY: Json = {"type": "string", "pattern": "^[A-Z]{3}$"}
CUSTOM: Json = {
    "type": "object",
    "propertyNames": {"pattern": "^[0-9a-f]{40}$"},
    "additionalProperties": {
        "anyOf": [
            {"type": "null"},
            {"type": "string", "maxLength": 65_000},
            {"type": "number"},
            {"type": "array", "minItems": 1, "items": ID},
            _object(
                {"value": {"type": "number"}, "currency": {"pattern": "^[A-Z]{3}$"}}, required=("value", "currency")
            ),
            _object({"value": {"type": "string"}}, required=("value",)),
        ]
    },
}
NAMES = {"name": TEXT, "first_name": {"type": "string", "maxLength": 255}, "last_name": {"type": "string"}}
PERSON_FIELDS: Json = {
    **NAMES,
    "emails": CONTACTS,
    "phones": CONTACTS,
    "label_ids": {"type": "array", "items": ID, "uniqueItems": True},
    "custom_fields": CUSTOM,
}
BOTH_NAMES: Json = {"first_name": ["last_name"], "last_name": ["first_name"]}  # never one alone
WINDOW: Json = {"updated_since": SECOND, "updated_until": SECOND, "sort_by": {"enum": ["id"]}, "limit": LIMIT}
PAGE: Json = {"limit": LIMIT, "cursor": CURSOR}
FILTER: Json = {
    "name": TEXT,
    "type": {"enum": ["people"]},
    "conditions": _object(
        {
            "glue": {"enum": ["and"]},
            "conditions": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "items": _object(
                    {
                        "glue": {"enum": ["and", "or"]},
                        "conditions": {
                            "type": "array",
                            "maxItems": 16,
                            "items": _object(
                                {
                                    "object": {"enum": ["person"]},
                                    "field_id": {"type": "string", "pattern": "^[0-9]+$"},
                                    "operator": {"type": "string"},
                                    "value": {"type": "string"},
                                    "extra_value": {"type": "null"},
                                },
                                required=("object", "field_id", "operator", "value", "extra_value"),
                            ),
                        },
                    },
                    required=("glue", "conditions"),
                ),
            },
        },
        required=("glue", "conditions"),
    ),
}

BODIES: Mapping[str, Json] = {
    "POST persons": _object(
        PERSON_FIELDS,
        dependentRequired=BOTH_NAMES,
        oneOf=[{"required": ["name"]}, {"required": ["first_name", "last_name"]}],
    ),
    "PATCH persons/{id}": _object(
        PERSON_FIELDS,
        minProperties=1,
        dependentRequired=BOTH_NAMES,
        forbids=["name", "first_name"],
    ),
    "PUT persons/{id}/merge": _object({"merge_with_id": ID}, required=("merge_with_id",)),
    "POST activities": _object(
        {
            "subject": TEXT,
            "type": TEXT,
            "done": {"type": "boolean"},
            "due_date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
            "due_time": {"type": "string", "pattern": r"^\d\d:\d\d$"},
            "participants": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1,
                "items": _object({"person_id": ID, "primary": {"const": True}}, required=("person_id", "primary")),
            },
            "note": {"type": "string", "maxLength": 65_000},
        },
        required=("subject", "type", "done", "participants", "note"),
    ),
    "POST personFields": _object(
        {
            "field_name": TEXT,
            "field_type": {"enum": list(TYPES)},
            "options": {"type": "array", "items": _object({"label": TEXT}, required=("label",))},
        },
        required=("field_name", "field_type"),
    ),
    "POST personFields/{code}/options": {
        "type": "array",
        "minItems": 1,
        "items": _object({"label": TEXT}, required=("label",)),
    },
    "PUT personFields/{id} v1": _object(
        {
            "options": {
                "type": "array",
                "minItems": 1,
                "items": _object({"id": ID, "label": TEXT}, required=("label",)),
            }
        },
        required=("options",),
    ),
    "POST filters": _object(FILTER, required=("name", "type", "conditions")),
    "PUT filters/{id}": _object({name: FILTER[name] for name in ("name", "conditions")}, required=("conditions",)),
    "POST webhooks": _object(
        {
            "subscription_url": {"type": "string", "pattern": "^https?://"},
            "event_action": {"enum": ["*"]},
            "event_object": {"enum": ["person", "deal"]},
            "name": TEXT,
            "version": {"const": "2.0"},
            "http_auth_user": TEXT,
            "http_auth_password": TEXT,
        },
        required=("subscription_url", "event_action", "event_object", "name", "version"),
    ),
}
PARAMETERS: Mapping[str, Json] = {
    "GET persons": _object({**WINDOW, **PAGE, "ids": {"type": "string", "pattern": r"^\d+(,\d+){0,99}$"}}),
    "GET persons/search": _object(
        {
            "term": TEXT,
            "fields": {"enum": ["email", "phone", "custom_fields"]},
            "exact_match": {"enum": ["true"]},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        },
        required=("term", "fields", "exact_match"),
    ),
    "GET activities": _object({**WINDOW, **PAGE, "person_id": ID}),
    "GET deals": _object({**WINDOW, **PAGE, "status": {"enum": ["deleted"]}}),
    "GET deals/archived": _object({**WINDOW, **PAGE}),
    "GET personFields": _object(PAGE),
    "GET personFields v1": _object({"start": {"type": "integer", "minimum": 0}, "limit": LIMIT}),
    "GET filters": _object({"type": {"enum": ["people"]}}),
}

_BODIES = {call: Draft202012Validator(schema) for call, schema in BODIES.items()}
_PARAMETERS = {call: Draft202012Validator(schema) for call, schema in PARAMETERS.items()}


class Malformed(Exception):
    """A request of ours that is not what it should be: a mistake in the program, found before it leaves."""


def check(call: str, params: Mapping[str, Any] | None, body: Any) -> None:
    """Raises Malformed. A call without schema takes no parameters and no body."""
    for what, given, known in (("parameters", dict(params or {}), _PARAMETERS), ("body", body, _BODIES)):
        validator = known.get(call)
        if validator is None:
            if given:
                raise Malformed(f"{call} takes no {what}.")
            continue
        error = next(validator.iter_errors(given), None)
        if error is not None:
            place = "/".join(map(str, error.absolute_path))
            raise Malformed(f"{call}: {what} {place}: {error.message[:200]}")


# Answers


@dataclass(frozen=True, slots=True)
class Me:
    """Whose token it is."""

    user_id: int
    user_name: str
    company_id: int
    company_name: str
    company_domain: str
    currency: str
    time_zone: str
    is_admin: bool


@dataclass(frozen=True, slots=True)
class RemoteField:
    """A field of persons. `options`: (id, label) of enum and set."""

    code: str
    name: str
    type: str
    is_custom: bool
    options: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """An e-mail address or a phone number of a person, as written there."""

    value: str
    primary: bool
    label: str


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str
    first_name: str
    last_name: str
    emails: tuple[Contact, ...]
    phones: tuple[Contact, ...]
    label_ids: tuple[int, ...]
    custom_fields: Mapping[str, Any]
    update_time: datetime | None
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Deal:
    id: int
    title: str
    status: str
    value: float
    currency: str
    won_time: datetime | None
    person_id: int | None
    update_time: datetime | None
    is_archived: bool
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Activity:
    id: int
    note: str
    person_id: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Items as they came, and where the next page begins; None at the end."""

    items: list[Json]
    next_cursor: str | None


def read_me(data: Json) -> Me:
    access = data.get("access") or []
    return Me(
        user_id=int(data["id"]),
        user_name=data.get("name") or "",
        company_id=int(data["company_id"]),
        company_name=data.get("company_name") or "",
        company_domain=data.get("company_domain") or "",
        currency=data.get("default_currency") or "",
        time_zone=data.get("timezone_name") or "UTC",
        is_admin=any(one.get("admin") for one in access if isinstance(one, dict)),
    )


def read_field(data: Json) -> RemoteField:
    options = tuple(
        (int(one["id"]), str(one.get("label") or ""))
        for one in data.get("options") or ()
        if str(one.get("id", "")).isdecimal()
    )
    return RemoteField(
        code=data["field_code"],
        name=data["field_name"],
        type=data["field_type"],
        is_custom=bool(data.get("is_custom_field")),
        options=options,
    )


def read_person(data: Json) -> Person:
    return Person(
        id=int(data["id"]),
        name=data.get("name") or "",
        first_name=data.get("first_name") or "",
        last_name=data.get("last_name") or "",
        emails=_contacts(data.get("emails")),
        phones=_contacts(data.get("phones")),
        label_ids=tuple(data.get("label_ids") or ()),
        custom_fields=data.get("custom_fields") or {},
        update_time=read_time(data.get("update_time")),
        is_deleted=bool(data.get("is_deleted")),
    )


def read_deal(data: Json, *, archived: bool = False) -> Deal:
    status = data.get("status") or "open"
    return Deal(
        id=int(data["id"]),
        title=data.get("title") or "",
        status=status,
        value=data.get("value") or 0,
        currency=data.get("currency") or "",
        won_time=read_time(data.get("won_time")),
        person_id=_id_of(data.get("person_id")),
        update_time=read_time(data.get("update_time")),
        is_archived=archived or bool(data.get("is_archived")),
        is_deleted=bool(data.get("is_deleted")) or status == "deleted",
    )


def read_activity(data: Json) -> Activity:
    return Activity(int(data["id"]), data.get("note") or "", _id_of(data.get("person_id")))


def read_time(text: object) -> datetime | None:
    """`2026-01-01T00:00:00Z`, or with a blank between, as older calls write it; in UTC."""
    if not isinstance(text, str) or not text:
        return None
    found = datetime.fromisoformat(text.replace(" ", "T").replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def second(instant: datetime) -> str:
    """An instant as Pipedrive takes it: whole seconds, rounded down."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _contacts(data: Any) -> tuple[Contact, ...]:
    return tuple(
        Contact(one["value"], bool(one.get("primary")), one.get("label") or "")
        for one in data or ()
        if isinstance(one, dict) and isinstance(one.get("value"), str) and one["value"].strip()
    )


def _id_of(data: Any) -> int | None:
    """A reference is a number, in older answers an object."""
    if isinstance(data, dict):
        data = data.get("value") or data.get("id")
    return int(data) if data else None
