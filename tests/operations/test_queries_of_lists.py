"""No page and no list of the API asks the database more often because there are more rows."""

import pytest
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from stratum.notifications.models import Message
from stratum.workspaces.models import ApiKey, Member, User, Workspace, WriteKey
from tests.addresses import MODELS, OWNERS, routes
from tests.conftest import api_client
from tests.factories import api_key

MANY: list[tuple[type[Model], str]] = [
    *((model, OWNERS.get(name, "workspace")) for name, model in MODELS.items()),
    (ApiKey, "workspace"),
    (WriteKey, "workspace"),
    (Message, "workspace"),
]
KEPT = {"Event", "Profile", "LedgerEntry", "Job", "Checkpoint"}  # beneath what pages show, or never deleted
SLACK = 2  # what is asked only where a certain row is there


@pytest.mark.usefixtures("unhurried")
def test_more_rows_are_no_more_queries(shop: Workspace, subtests: pytest.Subtests) -> None:
    owner, program = Client(), api_client(api_key(shop))
    owner.force_login(User.objects.get(memberships__workspace=shop, memberships__role="owner"))
    many = asked(owner, program)
    assert len(many) > 60
    with transaction.atomic():
        leave_one_of_each(shop)
        few = asked(owner, program)
        transaction.set_rollback(True)
    for name, count in many.items():
        with subtests.test(name):
            assert count <= few[name] + SLACK, f"{name}: {few[name]} queries with one row of each, {count} with all"


def leave_one_of_each(workspace: Workspace) -> None:
    for model, owner in MANY:
        if model.__name__ in KEPT:
            continue
        rows = model._default_manager.filter(**{owner: workspace})
        left = rows.filter(role="owner") if model is Member else rows.order_by("-pk" if model is ApiKey else "pk")
        rows.exclude(pk__in=list(left.values_list("pk", flat=True)[:1])).delete()


def asked(owner: Client, program: APIClient) -> dict[str, int]:
    """The number of queries of every address without parameters that can be read; the second time, when all is warm."""
    found = {}
    for name, address in routes():
        if "<" in address or name in {"api_schema", "api_docs", "logout"}:
            continue
        client: Client = program if address.startswith("api/") else owner
        if client.get(f"/{address}").status_code != 200:
            continue
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/{address}")
        found[name] = len(queries)
    return found
