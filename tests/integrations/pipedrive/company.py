"""A small company in Pipedrive, as far as connecting and mapping ask of it, and a workspace connected with it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from django.conf import LazySettings

from integrations.models import PipedriveConnection
from integrations.services.pipedrive import connecting
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.wire import Received, Reply, serving

TOKEN = "0123456789abcdef0123456789abcdef01234567"
OTHERS_TOKEN = "f" * 40
LTV, CITY = "a" * 40, "b" * 40


def person_field(code: str, name: str, kind: str, *, custom: bool = True) -> dict[str, Any]:
    return {"field_code": code, "field_name": name, "field_type": kind, "is_custom_field": custom, "options": None}


@dataclass
class Company:
    """Answers by path. `refused`: the token is accepted no more."""

    refused: bool = False
    down: bool = False
    fields: list[dict[str, Any]] = field(
        default_factory=lambda: [
            person_field("emails", "Email", "varchar", custom=False),
            person_field("first_name", "First Name", "varchar", custom=False),
            person_field(LTV, "LTV", "monetary"),
            person_field(CITY, "City", "varchar"),
        ]
    )

    def __call__(self, request: Received) -> Reply:
        token = request.headers.get("x-api-token")
        if self.down:
            return Reply(500, b'{"success":false,"error":"Internal"}')
        if self.refused or token not in (TOKEN, OTHERS_TOKEN):
            return Reply(401, b'{"success":false,"error":"unauthorized access","errorCode":401}')
        if request.path.endswith("/users/me"):
            return self._me(43 if token == OTHERS_TOKEN else 42)
        if request.path.endswith("/personFields"):
            return self._fields(request)
        if request.path.endswith("/activityTypes"):
            return told([{"key_string": "task", "name": "Task"}, {"key_string": "demo", "name": "Demo"}])
        return told([])

    def _me(self, company: int) -> Reply:
        name = "Acme Sales" if company == 42 else "Somebody Else"
        return told(
            {
                "id": 7,
                "name": "Ada Admin",
                "company_id": company,
                "company_name": name,
                "company_domain": "acme",
                "default_currency": "EUR",
                "timezone_name": "Europe/Berlin",
                "access": [{"app": "global", "admin": True}],
            }
        )

    def _fields(self, request: Received) -> Reply:
        if request.method == "POST":
            body = json.loads(request.body)
            code = f"{len(self.fields):040x}"
            self.fields.append(person_field(code, body["field_name"], body["field_type"]))
            return told(self.fields[-1])
        return told(self.fields)


def told(data: Any) -> Reply:
    return Reply(body=json.dumps({"success": True, "data": data, "additional_data": {"next_cursor": None}}).encode())


@pytest.fixture
def pipedrive(settings: LazySettings) -> Iterator[Company]:
    """Anybody's to connect with."""
    company = Company()
    with serving(company) as server:
        settings.PIPEDRIVE_URL = server.url
        yield company


@pytest.fixture
def connection(workspace: Workspace, by_alice: Actor, now: datetime, pipedrive: Company) -> PipedriveConnection:
    return connecting.connect(workspace=workspace, by=by_alice, api_token=TOKEN, now=now).connection
