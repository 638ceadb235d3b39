"""What cannot be a segment is refused by page and API, in words and at its place, and nothing of it is stored."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from cdp.models import Segment
from cdp.services import segments, traits
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace
from tests.cdp.segments.conftest import MakeSegment, Person
from tests.cdp.segments.test_builder_page import form
from tests.cdp.segments.test_pages import text

PAGE, API = "/dashboard/cdp/segments", "/api/v1/cdp/segments"
BOUGHT: dict[str, Any] = {"type": "event", "event": "purchase"}
Place = tuple[str, str]  # pointer, and words of the sentence


def where(op: str, value: object) -> dict[str, Any]:
    return {**BOUGHT, "where": {"property": "sku", "op": op, "value": value}}


def beside(ref: str) -> dict[str, Any]:
    return where("eq", {"ref": ref})


def nested(levels: int) -> dict[str, Any]:
    """Groups that none can be left out of without another meaning."""
    inner: dict[str, Any] = {"type": "not", "child": BOUGHT}
    for level in range(levels - 2):
        inner = {"type": ("and", "or")[level % 2], "children": [BOUGHT, inner]}
    return inner


WRITTEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown field": ({"type": "profile", "field": "shoe", "op": "eq", "value": 1}, "/field", "Choose a profile field"),
    "unknown operator": ({**BOUGHT, "op": "about", "value": 3}, "/op", "Choose one of"),
    "unknown operator of a filter": (where("resembles", "a"), "/where/op", "Unknown operator"),
    "unknown type": ({"type": "weather"}, "/type", "A condition is one of"),
    "unknown part": ({**BOUGHT, "whom": 1}, "/whom", "whom"),
    "empty group": ({"type": "and", "children": []}, "/children", "at least one condition"),
    "nine levels": (nested(9), "/children/1" * 7 + "/child", "at most 8 levels deep"),
    "a window that runs backwards": ({**BOUGHT, "window": {"between": ["P10D", "P20D"]}}, "/window/between", "ends before it starts"),
    "a window that ends before it starts": (
        {**BOUGHT, "window": {"from": "2026-02-01", "to": "2026-01-01"}},
        "/window/to",
        "ends before it starts",
    ),
    "101 comparisons": ({"type": "or", "children": [BOUGHT] * 101}, "", "at most 100 comparisons"),
    "look-ahead": (where("matches", "(?=a)"), "/where/value", "Not a regular expression"),
    "back-reference": (where("matches", r"(a)\1"), "/where/value", "Not a regular expression"),
    "too many states": (where("matches", "((a{1,99}){1,99}){1,99}"), "/where/value", "Not a regular expression"),
    "long expression": (where("matches", "a" * 201), "/where/value", "at most 200 characters"),
    "a later step": (
        {"type": "sequence", "steps": [{"event": "a"}, {"event": "b", "where": beside("step.1.sku")["where"]}]},
        "/steps/1/where/value/ref",
        "step.0",
    ),
    "no such field to compare with": (beside("email"), "/where/value/ref", "attributes."),
    "no such trait": ({"type": "profile", "field": "traits.luck", "op": "exists"}, "/field", "luck"),
    "no such trait to compare with": (beside("traits.luck"), "", "luck"),
    "no such segment": (
        {"type": "segment", "segment": "00000000-0000-4000-8000-000000000000"},
        "/segment",
        "no segment with that id",
    ),
}  # fmt: skip


@pytest.fixture
def refused(as_bob: Client, api: Client) -> Callable[[dict[str, Any], str, str], None]:
    def check(condition: dict[str, Any], pointer: str, words: str) -> None:
        before = Segment.objects.count()
        for path, body in (("", {"name": "Bad", "condition": condition}), ("/preview", {"condition": condition})):
            answer = api.post(f"{API}{path}", body, content_type="application/json")
            assert answer.status_code == 422, path
            (fault,) = answer.json()["errors"]
            assert fault["pointer"] == f"/condition{pointer}"
            assert words in fault["detail"]
        for path, fields in (("builder", form(condition, do="save")), ("preview", form(condition))):
            answer = as_bob.post(f"{PAGE}/{path}", fields)
            assert answer.status_code == (422 if path == "builder" else 200)
            assert words in text(answer)
        assert Segment.objects.count() == before

    return check


@pytest.mark.parametrize("name", WRITTEN)
def test_it_is_refused(refused: Callable[..., None], name: str) -> None:
    refused(*WRITTEN[name])


def test_an_archived_segment(
    refused: Callable[..., None], make_segment: MakeSegment, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    old = make_segment(name="Old friends")
    segments.archive(workspace=workspace, by=by_alice, segment_id=old.pk, now=now)
    refused({"type": "segment", "segment": str(old.pk)}, "/segment", "is archived")


def test_what_belongs_to_somebody_else(
    refused: Callable[..., None], other_workspace: Workspace, person: Person, now: datetime
) -> None:
    made = segments.create(
        workspace=other_workspace, by=SYSTEM, name="Theirs", description="", condition=BOUGHT, now=now
    )
    refused({"type": "segment", "segment": str(made.pk)}, "/segment", "no segment with that id")
    body = {"name": "theirs", "kind": "aggregation", "fn": "count", "event": "view"}
    traits.create(workspace=other_workspace, by=SYSTEM, body=body, now=now)
    refused({"type": "profile", "field": "traits.theirs", "op": "exists"}, "/field", "theirs")
    refused(beside("traits.theirs"), "", "theirs")


def test_a_rule_that_an_older_version_wrote_is_still_told(api: Client, as_bob: Client) -> None:
    made = api.post(API, {"name": "Rain", "condition": BOUGHT}, content_type="application/json").json()
    old = {"type": "and", "children": [BOUGHT, {"type": "weather", "city": "Berlin"}]}
    Segment.objects.update(condition=old)
    told = api.get(f"{API}/{made['id']}")
    assert (told.status_code, told.json()["condition"]) == (200, old)
    for path in (f"{made['id']}", f"{made['id']}/edit", ""):
        assert as_bob.get(f"{PAGE}/{path}".rstrip("/")).status_code == 200
