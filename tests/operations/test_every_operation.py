"""Every operation of the OpenAPI document, asked with made-up and with real parameters: no 5xx, and each answer is one
that the document promises. STRATUM_API_EXAMPLES=200 asks for longer.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import count

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.db.models import Model
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

from autopilot.models import Action, DryRun, Rule
from cdp.models import Funnel, Profile, Segment, Trait
from cdp.services import demo
from integrations.models import AdConnection, AdEntity, PipedriveDuplicate, PipedriveRow, PipedriveRun
from stratum.workspaces import plans
from stratum.workspaces.models import Job, Workspace
from stratum.wsgi import application
from tests import factories
from trustlayer.models import LedgerEntry

EXAMPLES = int(os.environ.get("STRATUM_API_EXAMPLES", "5"))
MOST_ROWS = 5  # of one kind
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
# Where a parameter of a path finds rows that exist.
MODELS: dict[str, type[Model]] = {
    "funnel_id": Funnel,
    "trait_id": Trait,
    "segment_id": Segment,
    "profile_id": Profile,
    "action_id": Action,
    "dry_run_id": DryRun,
    "rule_id": Rule,
    "connection_id": AdConnection,
    "entity_id": AdEntity,
    "run_id": PipedriveRun,
    "row_id": PipedriveRow,
    "duplicate_id": PipedriveDuplicate,
    "entry_id": LedgerEntry,
    "job_id": Job,
}

OWNERS = {"row_id": "run__connection__workspace", "duplicate_id": "connection__workspace"}


@pytest.fixture
def shop(db: None, now: datetime) -> Workspace:
    """The demo workspace, small: something of everything."""
    build = {"profiles": 60, "events": 800, "workers": 1, "days": 2}
    return demo.build(now=now, progress=lambda done, total: None, **build).workspace


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute of the tests' clock never ends."""
    free = replace(
        plans.PROFESSIONAL, requests_a_minute=10**6, limits={**plans.PROFESSIONAL.limits, "api_requests": 10**9}
    )
    monkeypatch.setitem(plans.PLANS, "professional", free)


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
    rows = {name: existing(MODELS[name], name, workspace) for name in named if name in MODELS}
    for turn in count():
        yield {name: keys[turn % len(keys)] for name, keys in rows.items() if keys}
        yield {}


def existing(model: type[Model], name: str, workspace: Workspace) -> list[str]:
    """The keys of the oldest rows, in an order that each run repeats although the keys are made up."""
    fields = {field.name for field in model._meta.fields}
    order = [field for field in ("created_at", "name", "pk") if field in fields or field == "pk"]
    rows = model._default_manager.filter(**{OWNERS.get(name, "workspace"): workspace}).order_by(*order)
    return [str(key) for key in rows.values_list("pk", flat=True)[:MOST_ROWS]]
