"""What leads on into the builder: lists, regions, groups of RFM and people of a funnel."""

from datetime import datetime
from uuid import uuid4

import pytest
from django.test import Client

from cdp.definitions.condition_reading import parse_condition
from cdp.definitions.funnel_conditions import condition_of_people
from cdp.definitions.funnel_questions import Whom
from cdp.definitions.funnels import parse_draft
from cdp.models import Funnel, Segment
from cdp.queries.segments import free_name
from cdp.services import funnels
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.segments.conftest import MakeSegment, Person
from tests.cdp.segments.test_pages import text

BUILDER = "/dashboard/cdp/segments/builder"
STEPS = [
    {"event": "page_view"},
    {"event": ["add_to_cart", "wish"], "where": {"property": "n", "op": "gt", "value": 1}},
    {"event": "purchase", "max_gap": "PT2H"},
]


@pytest.fixture
def funnel(workspace: Workspace, by_alice: Actor, tell: Tell, person: Person, now: datetime) -> Funnel:
    """Anna goes all the way, Ben leaves after the cart."""
    for who in ("anna", "ben"):
        person(who)
        tell("page_view", user=who, hours_ago=9)
        tell("add_to_cart", user=who, hours_ago=8, n=2)
    tell("purchase", user="anna", hours_ago=7)
    draft = parse_draft({"name": "Shop", "steps": STEPS, "window": "P1D"})
    return funnels.create(workspace=workspace, by=by_alice, draft=draft, now=now)


def test_people_of_a_funnel_become_a_condition_of_as_many(as_bob: Client, funnel: Funnel) -> None:
    for query, count in (("step=1", 2), ("step=1&outcome=dropped", 1), ("", 1), ("outcome=dropped", 1), ("step=0", 2)):
        people = text(as_bob.get(f"/dashboard/cdp/funnels/{funnel.pk}/people?{query}"))
        assert f"builder?funnel={funnel.pk}" in people
        page = text(as_bob.get(f"{BUILDER}?funnel={funnel.pk}&{query}"))
        assert f'<p class="stat-value">{count} profile' in page, query


def test_a_list_of_a_funnel_leads_on_into_the_builder(as_bob: Client, funnel: Funnel) -> None:
    address = f"/dashboard/cdp/funnels/{funnel.pk}/people/segment?step=1"
    answer = as_bob.post(address, {"name": "Carts", "then": "build"})
    made = Segment.objects.get()
    assert answer["Location"] == f"{BUILDER}?segment={made.pk}"
    page = text(as_bob.get(answer["Location"]))
    assert 'name="kind-0.0" value="segment"' in page and '<p class="stat-value">2 profiles' in page


def test_what_a_condition_cannot_say_is_not_offered(funnel: Funnel) -> None:
    definition = parse_draft({"name": "x", "steps": STEPS[:2], "mode": "any_order"}).definition
    assert condition_of_people(definition, Whom(), 30) is None
    ordered = parse_draft({"name": "x", "steps": STEPS, "exclusions": [{"event": "r", "between": [0, 2]}]}).definition
    assert condition_of_people(ordered, Whom(has_value=True), 30) is None
    whole = condition_of_people(ordered, Whom(), 30)
    assert whole is not None and whole["exclude"] == [{"event": "r", "between": [0, 2]}]
    parse_condition(whole)
    part = condition_of_people(ordered, Whom(step=1), 30)
    assert part is not None and "exclude" not in part


def test_a_group_and_a_cell_of_rfm_open_in_the_builder(as_bob: Client) -> None:
    page = text(as_bob.get(f"{BUILDER}?rfm_group=Champions"))
    assert 'value="traits.rfm_group"' in page and 'value="Champions"' in page
    page = text(as_bob.get(f"{BUILDER}?rfm_r=5&rfm_f=4"))
    assert 'name="value-0.1" value="4"' in page
    assert as_bob.get(f"{BUILDER}?rfm_r=9&rfm_f=4").status_code == 404


def test_a_region_opens_in_the_builder(as_bob: Client, make_segment: MakeSegment, person: Person) -> None:
    a, b = make_segment(person("anna"), name="A"), make_segment(name="B")
    page = text(as_bob.get(f"{BUILDER}?segment={a.pk}&outside={b.pk}"))
    assert 'name="not-0.1" checked' in page
    assert '<p class="stat-value">1 profile' in page


def test_foreign_and_odd_addresses_lead_nowhere(as_bob: Client, as_charlie: Client, funnel: Funnel) -> None:
    assert as_bob.get(f"{BUILDER}?segment={uuid4()}").status_code == 404
    assert as_bob.get(f"{BUILDER}?funnel=rubbish").status_code == 404
    assert as_charlie.get(f"{BUILDER}?funnel={funnel.pk}").status_code == 404


def test_names_are_numbered(workspace: Workspace, make_segment: MakeSegment) -> None:
    make_segment(name="Both")
    make_segment(name="Both (2)")
    assert free_name(workspace, "Both") == "Both (3)"
    make_segment(name="x" * 120)
    assert len(free_name(workspace, "x" * 130)) <= 120


def test_a_segment_tells_what_it_rests_on(as_bob: Client, make_segment: MakeSegment) -> None:
    base = make_segment(name="Base")
    body = {"name": "Upper", "condition": {"type": "not", "child": {"type": "segment", "segment": str(base.pk)}}}
    as_bob.post("/api/v1/cdp/segments", body, content_type="application/json")
    upper = Segment.objects.get(name="Upper")
    assert f'Segment: <a href="/dashboard/cdp/segments/{base.pk}">Base</a>' in text(
        as_bob.get(f"/dashboard/cdp/segments/{upper.pk}")
    )
    refused = as_bob.post(f"/dashboard/cdp/segments/{base.pk}/archive")
    assert refused.status_code in (409, 422) and "Upper" in text(refused)
