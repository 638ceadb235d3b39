"""The fake beside Pipedrive's specifications: whatever they allow to be asked, it answers as they say. Skipped where
they are not at hand."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error, response_schema_conformance

from integrations.sandbox import server
from integrations.sandbox.pipedrive import FakePipedrive, deals, founded, persons
from integrations.sandbox.pipedrive.fake import ROUTES
from tests.integrations.pipedrive import specs

TOKEN = "0123456789abcdef0123456789abcdef01234567"
EXAMPLES = 10
CHECKS = [not_a_server_error, response_schema_conformance]


def declared(method: str, address: str) -> Any:
    """The operation that the specifications declare there."""
    for version in ("v1", "v2"):
        for path, operations in specs.spec(version)["paths"].items():
            if method.lower() in operations and re.fullmatch(address, f"/api/{version}{re.sub(r'{[^}]+}', '1', path)}"):
                return version, loaded(version)[path][method]
    raise AssertionError(f"{method} {address} is in no specification")


@lru_cache
def loaded(version: str) -> Any:
    return schemathesis.openapi.from_dict(specs.spec(version))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a company in which somebody is to be found."""
    company = founded(TOKEN, currency="EUR", id=42, name="Acme Sales", domain="acme")
    fake = FakePipedrive(company, now=lambda: datetime.now(UTC))
    for name in ("Ada", "Grace"):
        persons.add(fake.world, {"name": name, "emails": [f"{name}@x.io"]})
    deals.add(fake.world, title="Big", value=10, status="won", person_id=1)
    with server.serving(fake.answer) as url:
        yield url


@pytest.mark.skipif(specs.folder() is None, reason="Pipedrive's specifications do not lie beside the checkout.")
@pytest.mark.parametrize("route", ROUTES, ids=[call for _, _, call, _ in ROUTES])
def test_it_answers_as_declared(address: str, route: tuple[str, str, str, Any]) -> None:
    version, operation = declared(route[0], route[1])

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @hypothesis.seed(1)
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        answer = case.call(base_url=f"{address}/api/{version}", headers={"x-api-token": TOKEN})
        case.validate_response(answer, checks=CHECKS)

    ask()
