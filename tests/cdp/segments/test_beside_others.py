"""An event's property compared with what its profile is, or with what an earlier step of the sequence took."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cdp.definitions.condition_reading import parse_condition
from cdp.definitions.condition_words import sentence
from cdp.models import Profile, Segment, Spell
from cdp.queries import segment_uses
from cdp.queries.engine import fresh_engine
from cdp.queries.segment_answers import members
from cdp.queries.segment_why import explain
from cdp.services import segment_members, segments, trait_values, traits
from stratum.lib.refusal import Invalid, Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import profile_of, teller
from tests.cdp.traits.conftest import run_job

USUAL = {"name": "usual", "kind": "aggregation", "fn": "avg", "event": "purchase", "property": "value"}


def tied(ref: str) -> dict[str, Any]:
    return {"property": "sku", "op": "eq", "value": {"ref": ref}}


def every(*refs: str) -> dict[str, Any]:
    return {"type": "and", "children": [tied(ref) for ref in refs]}


def test_a_property_beside_what_the_profile_has(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    """It follows the attribute as well as the events, and reasons tell which it was."""
    where = {"property": "category", "op": "eq", "value": {"ref": "attributes.favourite"}}
    made = segments.create(
        workspace=workspace, by=by_alice, name="Bought the favourite", description="",
        condition={"type": "event", "event": "purchase", "where": where}, now=now,
    )  # fmt: skip
    tell = teller(workspace, now)
    for who, favourite in (("anna", "shoes"), ("ben", "hats"), ("carl", None)):
        tell("identify", user=who, favourite=favourite)
        tell("purchase", user=who, category="shoes")
    assert who_is_in(made, now) == {"anna"}
    later = now + timedelta(minutes=1)
    tell = teller(workspace, later)
    tell("identify", user="anna", favourite="hats")
    tell("identify", user="carl", favourite="shoes")
    tell("purchase", user="ben", category="hats")
    assert who_is_in(made, later) == {"ben", "carl"}
    reasons = {spell.exit_reason or spell.entry_reason for spell in made.spells.all()}
    assert reasons == {Spell.Reason.ATTRIBUTE, Spell.Reason.EVENT}
    assert sentence(made.condition) == "performed purchase where category is attributes.favourite"


def test_a_property_beside_a_trait(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    """Who ordered for more than he does on average. The segment waits for the trait, follows it and protects it."""
    trait = run_job(traits.create(workspace=workspace, by=by_alice, body=USUAL, now=now))
    where = {"property": "value", "op": "gt", "value": {"ref": "traits.usual"}}
    made = segments.create(
        workspace=workspace, by=by_alice, name="Above average", description="",
        condition={"type": "event", "event": "purchase", "where": where}, now=now,
    )  # fmt: skip
    tell = teller(workspace, now)
    for who, amounts in (("anna", (10, 30)), ("ben", (20, 20)), ("carl", (5,))):
        for amount in amounts:
            tell("purchase", user=who, value=amount)
    changed = trait_values.keep_current(workspace, now=now)
    assert who_is_in(made, now, changed) == {"anna"}
    assert [one.label for _, one in segment_uses.segments_with_traits(workspace, frozenset({"usual"}))] == [
        "Above average"
    ]
    tell("purchase", user="carl", value=50)
    changed = trait_values.keep_current(workspace, now=now)
    assert who_is_in(made, now, changed) == {"anna", "carl"}
    with pytest.raises(Refusal):
        traits.delete(workspace=workspace, by=by_alice, trait_id=trait.pk, now=now)


def test_a_trait_that_is_not_there(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    where = {"property": "value", "op": "gt", "value": {"ref": "traits.nobody"}}
    with pytest.raises(Invalid) as refused:
        segments.create(
            workspace=workspace, by=by_alice, name="x", description="",
            condition={"type": "event", "event": "purchase", "where": where}, now=now,
        )  # fmt: skip
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/condition", "unknown_trait")]


SAME = {"property": "sku", "op": "eq", "value": {"ref": "step.0.sku"}}
CARRIED_OFF: dict[str, Any] = {
    "type": "sequence",
    "steps": [{"event": "view"}, {"event": "cart", "where": SAME}, {"event": "buy", "where": SAME}],
    "exclude": [{"event": "drop", "where": SAME, "between": [1, 2]}],
}


def test_the_same_product_from_step_to_step(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    stories = {
        "anna": "view a, view b, cart b, buy b",
        "ben": "view a, cart b, buy b",
        "carl": "view a, cart a, drop a, buy a",
        "dora": "view a, cart a, drop b, buy a",
        "emil": "cart a, view a, buy a",
        "finn": "view a, view b, cart a, drop a, cart b, buy a, buy b",
        "gina": "view, cart, buy",  # nothing is not the same as nothing
    }
    tell = teller(workspace, now)
    for who, story in stories.items():
        for place, one in enumerate(story.split(", ")):
            name, *sku = one.split()
            tell(name, user=who, hours_ago=20 - place, **({"sku": sku[0]} if sku else {}))
    made = segments.create(
        workspace=workspace, by=by_alice, name="Carried", description="", condition=CARRIED_OFF, now=now
    )
    assert who_is_in(made, now) == {"anna", "dora", "finn"}
    assert sentence(CARRIED_OFF) == (
        "performed view, then cart where sku is the sku of step 1, then buy where sku is the sku of step 1, "
        "without drop where sku is the sku of step 1 between steps 2 and 3"
    )
    why = explain(
        workspace, parse_condition(CARRIED_OFF), CARRIED_OFF, profile_of(workspace, "user_id", "anna").pk,
        include_anonymous=False, now=now,
    )  # fmt: skip
    assert why.is_in
    assert [event.name for event in why.parts[0].events] == ["buy", "cart", "view", "view"]


@pytest.mark.parametrize(
    ("steps", "exclude", "place"),
    [
        ([{"event": "a", "where": SAME}, {"event": "b"}], [], "/steps/0/where/value/ref"),
        ([{"event": "a"}, {"event": "b", "where": tied("step.1.sku")}], [], "/steps/1/where/value/ref"),
        (
            [{"event": "a"}, {"event": "b"}, {"event": "c"}],
            [{"event": "x", "where": tied("step.2.sku"), "between": [1, 2]}],
            "/exclude/0/where/value/ref",
        ),
        (
            [{"event": "a"}, {"event": "b", "where": every("step.0.a", "step.0.b", "step.0.c", "step.0.d")}],
            [],
            "/steps",
        ),
    ],
)
def test_a_step_is_compared_with_earlier_ones_only(steps: list[Any], exclude: list[Any], place: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_condition({"type": "sequence", "steps": steps, "exclude": exclude})
    assert [fault.pointer for fault in refused.value.faults] == [f"/condition{place}"]


def who_is_in(segment: Segment, now: datetime, changed: Any = None) -> set[str]:
    """As it is kept, and as everybody is decided at once. `changed`: values of traits, as the worker hands them on."""
    workspace = segment.workspace
    segment_members.keep_current(workspace, now=now, traits=changed)
    kept = set(segment.spells.filter(exited_at=None).values_list("profile_id", flat=True))
    condition = parse_condition(segment.condition)
    assert (
        set(members(workspace, fresh_engine(workspace), condition, include_anonymous=False, now=now).tolist()) == kept
    )
    names = dict(Profile.objects.filter(workspace=workspace).values_list("pk", "user_id"))
    return {str(names[key]) for key in kept}
