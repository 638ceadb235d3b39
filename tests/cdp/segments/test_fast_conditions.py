"""What is decided from columns is what the documents of the profiles say, for every operator and kind of value."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks

from cdp.definitions.condition_reading import parse_condition
from cdp.definitions.conditions import ProfileCondition, leaves
from cdp.engine.base import Engine
from cdp.models import Profile, TraitChange
from cdp.queries import profile_columns, served_traits
from cdp.queries.engine import fresh_engine
from cdp.queries.fast_conditions import FastConditions
from cdp.queries.rfm import TraitValues
from cdp.queries.trait_filters import let_through
from cdp.queries.universe import universe
from cdp.services import profiles as profile_services
from cdp.services import system_traits, trait_values, traits
from stratum.lib import clock
from stratum.lib.refusal import Invalid
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of, teller

VALUES: list[Any] = [
    *(0, 1, -1, 5, 19.99, 0.1, 1e-7, 10**17, 10**17 + 1, 9_007_199_254_740_993, 1_700_000_000, "5", "05", "19.99", ""),
    *("gold", "Gold", "2026-01-14", "2026-01-15T11:00:00Z", "2025-11-01", True, False, None, [], {}, ["gold", 5]),
    *([{"sku": "a", "n": 2}], {"deep": 1}),
]
OPERANDS: list[tuple[str, Any]] = [
    *((op, None) for op in ("exists", "not_exists")),
    *product(("eq", "neq", "gt", "gte", "lt", "lte"), (5, 0, 19.99, "5", "gold", 10**17, 9_007_199_254_740_993)),
    *product(("in", "not_in", "has_any", "has_all", "has_none"), ([5, 0.1], ["gold", 5])),
    *product(("between", "not_between"), ([0, 5], [0.1, 19.99])),
    *product(("contains", "not_contains", "starts_with", "ends_with", "matches", "not_matches"), ("5", "gol")),
    *product(("after", "before", "on"), ("2026-01-14", "2026-01-15T11:00:00Z")),
    *product(("within_last", "within_next", "older_than", "later_than"), ("P7D", "P90D")),
]


@pytest.fixture
def tell(workspace: Workspace, now: datetime) -> Tell:
    return teller(workspace, now)


def condition(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"type": "profile", "field": field, "op": op} | ({} if value is None else {"value": value})


def leaf_of(written: dict[str, Any]) -> ProfileCondition:
    (leaf,) = leaves(parse_condition(written))
    assert isinstance(leaf, ProfileCondition)
    return leaf


def compare(workspace: Workspace, engine: Engine, written: dict[str, Any], now: datetime) -> bool:
    """Whether it was decided from columns; then as the documents say."""
    leaf, those, as_of = leaf_of(written), universe(workspace), clock.to_micros(now)
    mask = FastConditions(workspace, engine, those, as_of).mask(leaf)
    if mask is None:
        return False
    values = TraitValues(workspace, engine, now)
    (wanted,) = let_through(workspace, engine, [leaf.predicate], as_of=as_of, values=values)
    assert wanted is not None
    assert those.profile[mask].tolist() == wanted.tolist(), written
    return True


def test_attributes_of_every_kind(workspace: Workspace, tell: Tell, now: datetime) -> None:
    for place, value in enumerate(VALUES):
        tell("identify", user=f"user-{place}", hours_ago=2, plan=value)
    tell("identify", user="without", hours_ago=2)
    engine = fresh_engine(workspace)
    answered = 0
    for op, operand in OPERANDS:
        try:
            written = condition("attributes.plan", op, operand)
            leaf_of(written)
        except Invalid:
            continue
        answered += compare(workspace, engine, written, now)
    assert answered >= 40
    item = {"type": "profile_item", "field": "attributes.plan", "where": {"property": "n", "op": "gte", "value": 2}}
    assert compare(workspace, engine, item, now)


def test_attributes_follow_what_is_told(workspace: Workspace, tell: Tell, now: datetime) -> None:
    written = condition("attributes.plan", "in", ["gold", 7])
    tell("identify", user="anna", hours_ago=5, plan="gold")
    tell("identify", user="ben", hours_ago=5, plan="silver")
    assert compare(workspace, fresh_engine(workspace), written, now)
    tell("identify", user="anna", hours_ago=4, plan=6)
    tell("identify", user="ben", hours_ago=4, plan=7)
    tell("identify", user="cleo", hours_ago=4, plan="gold")
    assert compare(workspace, fresh_engine(workspace), written, now)
    assert len(profile_columns.of_attribute(workspace, "plan").values) == 1


@pytest.fixture
def shop(
    workspace: Workspace,
    by_alice: Actor,
    tell: Tell,
    now: datetime,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """Five people with orders of all kinds, one without, and traits of every kind."""
    for place in range(5):
        for order in range(place):
            tell("purchase", user=f"user-{place}", hours_ago=20 * order + 30 * place, revenue=19.99 * place)
    tell("view_content", user="viewer", hours_ago=1)
    tell("page", visitor="cookie-1", hours_ago=1)
    tell("email_delivered", user="user-1", hours_ago=1)
    system_traits.ensure(workspace, now=now)
    since: dict[str, Any] = {"kind": "last", "event": "purchase", "property": "timestamp"}
    for calculation in ("DAYS_SINCE", "HOURS_SINCE"):
        body = {**since, "name": calculation.lower(), "calculation": calculation}
        with django_capture_on_commit_callbacks(execute=True):
            traits.create(workspace=workspace, by=by_alice, body=body, now=now)
    trait_values.keep_current(workspace, now=now)


TRAITS = ("total_spend", "purchase_count", "last_purchase_date", "email_open_rate_30d", "days_since", "hours_since")


@pytest.mark.parametrize("name", [*TRAITS, "rfm_group", "rfm_r", "rfm_m"])
def test_traits_of_every_kind(workspace: Workspace, shop: None, now: datetime, name: str) -> None:
    engine = fresh_engine(workspace)
    operands = [("exists", None), ("not_exists", None), ("eq", 0), ("neq", 0), ("gt", 1), ("lte", 3), ("eq", "Lost")]
    operands += [("between", [1, 60]), ("not_in", [1, 2]), ("within_last", "P3D")]
    for op, operand in operands:
        for at in (now, now + timedelta(days=3)):
            compare(workspace, engine, condition(f"traits.{name}", op, operand), at)
    assert compare(workspace, engine, condition(f"traits.{name}", "gte", 1), now)


def test_traits_follow_their_changes(workspace: Workspace, shop: None, tell: Tell, now: datetime) -> None:
    written = condition("traits.total_spend", "gt", 50)
    assert compare(workspace, fresh_engine(workspace), written, now)
    before = _read(workspace)
    tell("purchase", user="viewer", hours_ago=1, revenue=80)
    trait_values.keep_current(workspace, now=now)
    noted = TraitChange.objects.filter(version=served_traits.require(workspace, "total_spend").version_id).latest(
        "stamp"
    )
    assert np.frombuffer(noted.profiles, np.int64).tolist() == [profile_of(workspace, "user_id", "viewer").pk]
    assert compare(workspace, fresh_engine(workspace), written, now)
    assert len(_read(workspace).numbered) == len(before.numbered) + 1
    TraitChange.objects.all().delete()
    tell("purchase", user="viewer", hours_ago=1, revenue=1000)
    trait_values.keep_current(workspace, now=now)
    TraitChange.objects.all().delete()  # whoever is too far behind reads everybody
    assert compare(workspace, fresh_engine(workspace), condition("traits.total_spend", "gt", 1000), now)


def _read(workspace: Workspace) -> profile_columns.Column:
    return profile_columns.of_trait(served_traits.require(workspace, "total_spend"))


@pytest.mark.parametrize("stage", ["anonymous", "known", "customer", "churned"])
def test_lifecycle(workspace: Workspace, shop: None, now: datetime, stage: str) -> None:
    for at in (now, now + timedelta(days=workspace.churn_days - 2)):
        for op in ("eq", "neq"):
            assert compare(workspace, fresh_engine(workspace), condition("lifecycle_stage", op, stage), at)


@pytest.mark.parametrize(
    ("op", "value"), [*OPERANDS[:2], ("within_last", "P2D"), ("older_than", "P2D"), ("after", "2026-01-14")]
)
def test_last_seen(workspace: Workspace, shop: None, now: datetime, op: str, value: Any) -> None:
    assert compare(workspace, fresh_engine(workspace), condition("last_seen_at", op, value), now)


def test_numbers_beyond_a_float_break_nothing(workspace: Workspace, now: datetime) -> None:
    """Written by an import rather than an event."""
    Profile.objects.create(id=7, workspace=workspace, user_id="seven", created_at=now)
    with connection.cursor() as cursor:
        cursor.execute("""UPDATE cdp_profile SET attributes = '{"plan": 1e400}' WHERE id = 7""")
    column = profile_columns.of_attribute(workspace, "plan")
    assert (len(column.numbered), column.others.tolist()) == (0, [7])


def test_nothing_of_another_workspace(
    workspace: Workspace, other_workspace: Workspace, tell: Tell, now: datetime
) -> None:
    tell("identify", user="anna", hours_ago=5, plan="gold")
    tell("identify", user="eve", hours_ago=5, plan="gold", where=other_workspace)
    column = profile_columns.of_attribute(workspace, "plan")
    assert column.others.tolist() == [profile_of(workspace, "user_id", "anna").pk]


IDENTIFIED = [
    *((op, None) for op in ("exists", "not_exists")),
    *product(
        ("eq", "neq", "contains", "starts_with", "ends_with", "not_contains"), ("anna@example.com", "EXAMPLE", "7")
    ),
    *product(("in", "not_in"), (["anna", "ben@example.org"],)),
    ("matches", "^[a-c].*org$"),
]


@pytest.mark.parametrize("field", ["email", "phone", "user_id", "first_name"])
def test_identifiers(workspace: Workspace, tell: Tell, now: datetime, field: str) -> None:
    """Also of who came, told another address or was merged since the column was read."""
    tell("identify", user="anna", hours_ago=9, email="anna@example.com", first_name="Anna")
    tell("identify", user="ben", hours_ago=9, email="ben@example.org", phone="+4915112345677")
    tell("page", visitor="phone-1", hours_ago=9)

    def check() -> None:
        engine = fresh_engine(workspace)
        for op, operand in IDENTIFIED:
            assert compare(workspace, engine, condition(field, op, operand), now), (op, operand)

    check()
    tell("page", user="carl", hours_ago=8)
    tell("identify", user="anna", hours_ago=7, email="anna@example.org", phone="+4915112345678")
    check()
    tell("identify", user="dora", visitor="phone-1", hours_ago=6, email="dora@example.org")
    profile_services.erase(workspace=workspace, profile=profile_of(workspace, "user_id", "ben"), by=SYSTEM, now=now)
    check()


def test_two_fields_beside_each_other(workspace: Workspace, tell: Tell, now: datetime) -> None:
    system_traits.ensure(workspace, now=now)
    for place, (limit, spent) in enumerate([(10, 5), (5, 5), (0, 0), (None, 7), (3, None), (5.5, 5)]):
        tell("identify", user=f"user-{place}", hours_ago=9, **({} if limit is None else {"limit": limit, "half": 2.5}))
        if spent is not None:
            tell("purchase", user=f"user-{place}", hours_ago=8, revenue=spent, currency="EUR")
    trait_values.keep_current(workspace, now=now)
    engine = fresh_engine(workspace)
    fields = ("traits.total_spend", "traits.purchase_count", "attributes.limit", "attributes.half")
    for left, right, op in product(fields, fields, ("gt", "gte", "lt", "lte", "eq", "neq")):
        assert compare(workspace, engine, condition(left, op, {"ref": right}), now), (left, op, right)
    tell("identify", user="odd", hours_ago=1, limit="many")
    assert not compare(workspace, engine, condition("attributes.limit", "gt", {"ref": "attributes.half"}), now)
