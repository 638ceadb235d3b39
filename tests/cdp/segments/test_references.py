"""An event's property compared with another one of the same event: the engine, the oracle and what is refused."""

import random
from datetime import datetime
from typing import Any

import pytest

from cdp.definitions.condition_reading import parse_condition
from cdp.definitions.condition_words import sentence
from cdp.queries.engine import fresh_engine
from cdp.queries.segment_answers import members
from cdp.services import segment_members, segments
from stratum.lib.refusal import Invalid
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import profile_of, teller

VALUES = (0, 1, 2.5, -3, 10**13, 0.1, "1", "2.5", "abc", "", True, False, None, [1], {"deep": 2})
OPERATORS = ("eq", "neq", "gt", "gte", "lt", "lte")


def test_the_engine_says_what_pairs_of_values_say(workspace: Workspace, now: datetime) -> None:
    """Numbers, texts, missing ones and nested ones, with and without the events in one table."""
    dice, tell, told = random.Random(5), teller(workspace, now), []
    for number in range(120):
        said: dict[str, Any] = {"a": dice.choice(VALUES), "b": dice.choice(VALUES), "in": {"c": dice.choice(VALUES)}}
        if dice.random() < 0.2:
            del said["b"]
        tell("offer", user=f"user-{number}", hours_ago=3, **said)
        told.append(said)
    keys = [profile_of(workspace, "user_id", f"user-{number}").pk for number in range(120)]
    for left, right in (("a", "b"), ("b", "a"), ("a", "in.c"), ("in.c", "a"), ("a", "none")):
        for op in OPERATORS:
            where = {"property": left, "op": op, "value": {"ref": f"event.{right}"}}
            condition = parse_condition({"type": "event", "event": "offer", "where": where})
            found = members(workspace, fresh_engine(workspace), condition, include_anonymous=False, now=now)
            wanted = [key for key, said in zip(keys, told, strict=True) if passes(op, at(said, left), at(said, right))]
            assert found.tolist() == wanted, (left, op, right)


def at(said: dict[str, Any], name: str) -> Any:
    return said["in"]["c"] if name == "in.c" else said.get(name)


def passes(op: str, left: Any, right: Any) -> bool:
    """Two-valued: who lacks one of them, or has a list there, satisfies the negative operator only."""
    if op == "neq":
        return not passes("eq", left, right)
    if left in (None, "", [], {}) or right in (None, "", [], {}) or isinstance(right, list | dict):
        return False
    if op == "eq":
        return any(same(item, right) for item in (left if isinstance(left, list) else [left]))
    a, b = comparable(left, right)
    if a is None or b is None:
        return False
    return {"gt": a > b, "gte": a >= b, "lt": a < b, "lte": a <= b}[op]


def same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    a, b = comparable(left, right)
    return a is not None and b is not None and bool(a == b)


def comparable(left: Any, right: Any) -> tuple[Any, Any]:
    if any(isinstance(one, list | dict) for one in (left, right)):
        return None, None
    if isinstance(left, str) and isinstance(right, str):
        return left, right
    if not any(isinstance(one, int | float) and not isinstance(one, bool) for one in (left, right)):
        return None, None
    try:
        return tuple(None if isinstance(one, bool) else float(one) for one in (left, right))  # type: ignore[return-value]
    except ValueError:
        return None, None


def test_members_follow_it(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    where = {"property": "paid", "op": "lt", "value": {"ref": "event.list_price"}}
    made = segments.create(
        workspace=workspace, by=by_alice, name="Discount", description="",
        condition={"type": "event", "event": "purchase", "where": where}, now=now,
    )  # fmt: skip
    segment_members.keep_current(workspace, now=now)
    tell = teller(workspace, now)
    tell("purchase", user="anna", paid=9, list_price=10)
    tell("purchase", user="ben", paid=10, list_price=10)
    segment_members.keep_current(workspace, now=now)
    assert [spell.profile_id for spell in made.spells.all()] == [profile_of(workspace, "user_id", "anna").pk]
    assert sentence(made.condition) == "performed purchase where paid is less than event.list_price"


@pytest.mark.parametrize(
    ("test", "place"),
    [
        ({"property": "a", "op": "gt", "value": {"ref": "event."}}, "/value/ref"),
        ({"property": "a", "op": "gt", "value": {"ref": "step.0.a"}}, "/value/ref"),
        ({"property": "a", "op": "gt", "value": {"ref": "traits."}}, "/value/ref"),
        ({"property": "a", "op": "gt", "value": {"ref": "email"}}, "/value/ref"),
        ({"property": "a", "op": "gt", "value": {"ref": 5}}, "/value/ref"),
        ({"property": "a", "op": "gt", "value": {"ref": "event.b", "more": 1}}, "/value/more"),
        ({"property": "a", "op": "in", "value": {"ref": "event.b"}}, "/value"),
        ({"property": "a", "op": "contains", "value": {"ref": "event.b"}}, "/value"),
    ],
)
def test_what_cannot_be_compared_is_refused_at_its_place(test: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_condition({"type": "event", "event": "x", "where": test})
    assert [fault.pointer for fault in refused.value.faults] == [f"/condition/where{place}"]


def test_an_item_of_a_list_has_no_event() -> None:
    inner = {"property": "a", "op": "gt", "value": {"ref": "event.b"}}
    for node in (
        {"type": "event", "event": "x", "where": {"type": "any_item", "property": "items", "where": inner}},
        {"type": "profile_item", "field": "attributes.pets", "where": inner},
    ):
        with pytest.raises(Invalid):
            parse_condition(node)
