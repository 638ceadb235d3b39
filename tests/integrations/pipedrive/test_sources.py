"""What Stratum offers a CRM, and what kind each of it is."""

from datetime import datetime

import pytest

from cdp.services import system_traits
from cdp.services.trait_values import keep_current
from integrations.pipedrive.fields import DEFAULTS, fit
from integrations.queries.pipedrive_sources import by_name, sources
from stratum.workspaces.models import Workspace
from tests.cdp.people import teller
from tests.cdp.traits.conftest import MakeTrait, make_trait, spend, visits

__all__ = ["make_trait"]


@pytest.fixture(autouse=True)
def anna(workspace: Workspace, now: datetime) -> None:
    tell = teller(workspace, now)
    told = {"plan": "pro", "seats": 4, "tags": ["a"], "vip": True, "email": "anna@example.com", "first_name": "Anna"}
    tell("identify", user="anna", **told)
    tell("identify", user="ben", seats="many", email="ben@example.com")
    tell("purchase", user="anna", revenue=20, category="tents")


def kinds(workspace: Workspace) -> dict[str, str]:
    return {name: source.kind for name, source in by_name(workspace).items()}


def test_own_fields_come_first_and_only_once(workspace: Workspace) -> None:
    found = [source.local for source in sources(workspace)]
    assert found[:4] == ["id", "user_id", "email", "first_name"]
    assert len(found) == len(set(found))
    assert "attributes.email" not in found


def test_attributes_have_the_kind_of_their_values(workspace: Workspace) -> None:
    found = kinds(workspace)
    names = ("attributes.plan", "attributes.vip", "attributes.tags")
    assert [found[name] for name in names] == ["text", "flag", "list"]
    assert found["attributes.seats"] == "text", "a number here and a word there can only be text"


def test_traits_have_the_kind_of_their_definition(workspace: Workspace, make_trait: MakeTrait) -> None:
    make_trait(spend())
    make_trait(visits())
    last = {"kind": "last", "event": "purchase", "property": "timestamp"}
    make_trait({**last, "name": "last_buy"})
    make_trait({**last, "name": "days_since", "calculation": "DAYS_SINCE"})
    make_trait({"name": "items", "kind": "aggregation", "fn": "sum", "event": "purchase", "property": "quantity"})
    found = kinds(workspace)
    named = {name.removeprefix("traits."): kind for name, kind in found.items() if name.startswith("traits.")}
    assert named == {
        "spend": "money",
        "visits": "number",
        "last_buy": "date",
        "days_since": "number",
        "items": "number",
    }


@pytest.mark.parametrize(("told", "kind"), [("revenue", "number"), ("category", "text")])
def test_open_traits_have_the_kind_of_their_values(
    workspace: Workspace, make_trait: MakeTrait, told: str, kind: str
) -> None:
    make_trait({"name": "latest", "kind": "last", "event": "purchase", "property": told})
    assert kinds(workspace)["traits.latest"] == kind


def test_the_default_mapping_can_be_used_as_it_is(workspace: Workspace, now: datetime) -> None:
    system_traits.ensure(workspace, now=now)
    keep_current(workspace, now=now)
    found = kinds(workspace)
    for each in DEFAULTS:
        assert fit(found[each.local], each.remote_type, code=each.code).verdict == "fits", each.local


def test_nobody_sees_what_another_workspace_has(
    workspace: Workspace, other_workspace: Workspace, make_trait: MakeTrait
) -> None:
    make_trait(spend())
    assert not [name for name in kinds(other_workspace) if "." in name]
