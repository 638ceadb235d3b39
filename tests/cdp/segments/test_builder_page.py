"""/dashboard/cdp/segments/builder: rows, preview, faults at their rows, saving."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from cdp.definitions.segment_templates import TEMPLATES
from cdp.forms.segment_tree import of_condition
from cdp.models import Profile, Segment
from cdp.queries.segment_members import members_of
from cdp.services import segment_members
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.segments.test_pages import text
from tests.cdp.segments.test_tree_form import sent

URL = "/dashboard/cdp/segments"
TEST = {"property": "revenue", "op": "gt", "value": 5}
BUYERS = {"type": "event", "event": "purchase", "window": {"last": "P30D"}}


def form(condition: dict[str, Any], **more: str) -> dict[str, Any]:
    fields, paths = sent(of_condition(condition))
    return {**fields, "path": paths, "name": "Buyers", **more}


@pytest.fixture
def buyer(tell: Tell, anna: Profile) -> Profile:
    tell("purchase", user="anna", hours_ago=3, revenue=9)
    return anna


def test_a_condition_is_built_and_saved(
    as_bob: Client, buyer: Profile, ben: Profile, workspace: Workspace, now: datetime
) -> None:
    answer = as_bob.post(f"{URL}/builder", form(BUYERS, do="save"))
    assert answer.status_code == 302
    segment = Segment.objects.get()
    assert (segment.name, segment.condition) == ("Buyers", BUYERS)
    segment_members.keep_current(workspace, now=now)
    assert members_of(workspace, segment).tolist() == [buyer.pk]
    page = text(as_bob.get(f"{URL}/{segment.pk}"))
    assert "Performed purchase in the last 30 days." in page
    assert "Add members" not in page


def test_the_preview_counts_the_whole_and_its_parts(as_bob: Client, buyer: Profile, ben: Profile) -> None:
    condition = {"type": "or", "children": [BUYERS, {"type": "not", "child": BUYERS}]}
    shown = text(as_bob.post(f"{URL}/preview", form(condition)))
    assert "2 profiles" in shown
    assert 'performed purchase in the last 30 days</span> <strong title="50%">1</strong>' in shown


def test_why_somebody_is_in(as_bob: Client, buyer: Profile) -> None:
    shown = text(as_bob.post(f"{URL}/preview", form(BUYERS, why=str(buyer.pk))))
    assert f"Why profile {buyer.pk} is in" in shown
    assert "1 such event; purchase" in shown


def test_a_fault_is_told_at_its_row(as_bob: Client) -> None:
    condition = {"type": "and", "children": [BUYERS, {"type": "profile", "field": "traits.luck", "op": "exists"}]}
    answer = as_bob.post(f"{URL}/builder", form(condition, do="save"))
    assert answer.status_code == 422
    rows = text(answer).split('name="path" value="')
    assert [("luck” at work" in row) for row in rows[2:4]] == [False, True]
    assert not Segment.objects.exists()


def test_rows_are_added_without_losing_what_is_typed(as_bob: Client) -> None:
    shown = text(as_bob.post(f"{URL}/builder", form(BUYERS, do="add_segment:0")))
    assert 'name="kind-0.1" value="segment"' in shown
    assert 'name="event-0.0" value="purchase"' in shown


def test_json_fills_the_rows(as_bob: Client) -> None:
    pasted = '{"type": "not", "child": {"type": "event", "event": "refund"}}'
    shown = text(as_bob.post(f"{URL}/builder", form(BUYERS, do="read", condition_json=pasted)))
    assert 'name="event-0.0" value="refund"' in shown
    assert 'name="not-0.0" checked' in shown
    answer = as_bob.post(f"{URL}/builder", form(BUYERS, do="read", condition_json="[1"))
    assert answer.status_code == 422


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_open_with_their_condition(as_bob: Client, name: str) -> None:
    assert as_bob.get(f"{URL}/builder?template={name}").status_code == 200


def test_editing_changes_the_condition(as_bob: Client, anna: Profile) -> None:
    as_bob.post(f"{URL}/builder", form(BUYERS, do="save"))
    segment = Segment.objects.get()
    shown = text(as_bob.get(f"{URL}/{segment.pk}/edit"))
    assert 'name="event-0.0" value="purchase"' in shown
    changed = {"type": "event", "event": "refund"}
    assert as_bob.post(f"{URL}/{segment.pk}/edit", form(changed, do="save")).status_code == 302
    segment.refresh_from_db()
    assert (segment.condition, segment.version) == (changed, 2)


def test_rows_tell_their_own_number(as_bob: Client, buyer: Profile, ben: Profile) -> None:
    condition = {"type": "or", "children": [BUYERS, {"type": "not", "child": BUYERS}]}
    shown = text(as_bob.post(f"{URL}/preview", form(condition)))
    assert 'id="note-0-0" hx-swap-oob="true">1 profile</p>' in shown
    assert "curl -X POST http://testserver/api/v1/cdp/segments" in shown


def test_a_fault_inside_a_filter_is_told_at_the_filter(as_bob: Client) -> None:
    node = {**BUYERS, "where": {"type": "and", "children": [TEST, {**TEST, "op": "matches", "value": "("}]}}
    shown = text(as_bob.post(f"{URL}/preview", form(node)))
    _, wrong = shown.split('id="error-0-0-1"')
    assert "Not a regular expression" in wrong.split("</div>")[0]


def test_listed_people_are_found_by_their_address(as_bob: Client, buyer: Profile) -> None:
    fields = form({"type": "and", "children": [BUYERS, {"type": "static", "ids": []}]}, do="save")
    fields["people-0.1"] = f"anna {buyer.pk} nobody@example.com"
    answer = as_bob.post(f"{URL}/builder", fields)
    assert answer.status_code == 422
    assert "nobody@example.com</textarea>" in text(answer)
    fields["people-0.1"] = "anna"
    assert as_bob.post(f"{URL}/builder", fields).status_code == 302
    assert Segment.objects.get().condition["children"][1]["ids"] == [str(buyer.pk)]


def test_a_condition_of_an_older_version_opens_with_its_fault(as_bob: Client, workspace: Workspace) -> None:
    as_bob.post(f"{URL}/builder", form(BUYERS, do="save"))
    Segment.objects.update(condition={"type": "and", "children": [BUYERS, {"type": "weather", "city": "Berlin"}]})
    key = Segment.objects.get().pk
    shown = text(as_bob.get(f"{URL}/{key}/edit"))
    assert 'name="kind-0.1" value="json"' in shown
    assert "A condition is one of" in shown
    assert as_bob.get(f"{URL}/{key}").status_code == 200


@pytest.mark.parametrize(
    "json", ["[" * 5000, '{"type": "not", "child": ' * 3000 + "1" + "}" * 3000, "1", '"a"', "null"]
)
def test_odd_json_is_answered_with_a_sentence(as_bob: Client, json: str) -> None:
    answer = as_bob.post(f"{URL}/builder", form(BUYERS, do="read", condition_json=json))
    assert answer.status_code in (200, 422)


def test_it_checks_ownership(as_bob: Client, as_charlie: Client) -> None:
    as_bob.post(f"{URL}/builder", form(BUYERS, do="save"))
    assert as_charlie.get(f"{URL}/{Segment.objects.get().pk}/edit").status_code == 404
