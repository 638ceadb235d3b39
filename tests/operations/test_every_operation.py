"""Every operation of the OpenAPI document, asked with made-up and with real parameters: no 5xx, and each answer is one
that the document promises. STRATUM_API_EXAMPLES=200 asks for longer.
"""

import os
from collections.abc import Iterator
from itertools import count

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from stratum.workspaces.models import Workspace
from stratum.wsgi import application
from tests import factories
from tests.addresses import MODELS, keys_of

EXAMPLES = int(os.environ.get("STRATUM_API_EXAMPLES", "5"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@pytest.fixture
def one_connection() -> Iterator[None]:
    """A request that ends closes its connection, and with it the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def operations(one_connection: None) -> list[APIOperation]:
    schema = schemathesis.openapi.from_wsgi("/api/schema?format=json", application)
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.clients
@pytest.mark.django_db
def test_every_operation_keeps_its_promise(
    operations: list[APIOperation], shop: Workspace, unhurried: None, subtests: pytest.Subtests
) -> None:
    # The client of WSGI applications reads no compressed answers.
    headers = {"Authorization": f"Bearer {factories.api_key(shop)}", "Accept-Encoding": "identity"}
    for operation in operations:
        with subtests.test(operation.label), transaction.atomic():
            ask(operation, places(operation, shop), headers)
            transaction.set_rollback(True)


def ask(operation: APIOperation, real: Iterator[dict[str, object]], headers: dict[str, str]) -> None:
    """Made-up and real rows by turns, with bodies that the document allows and with bodies that it does not."""
    for mode in GenerationMode:

        @hypothesis_settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def asked(case: Case) -> None:
            case.path_parameters = {**case.path_parameters, **next(real)}
            with transaction.atomic():
                case.call_and_validate(headers=headers, checks=CHECKS)

        asked()


def places(operation: APIOperation, workspace: Workspace) -> Iterator[dict[str, object]]:
    """Values for the path's parameters: by turns those of a row of the workspace and none."""
    named = [parameter.name for parameter in operation.path_parameters]
    rows = {name: keys_of(name, workspace) for name in named if name in MODELS}
    for turn in count():
        yield {name: keys[turn % len(keys)] for name, keys in rows.items() if keys}
        yield {}
