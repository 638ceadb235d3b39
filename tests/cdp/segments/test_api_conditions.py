"""/api/v1/cdp/segments with conditions: saved, tried and explained."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from cdp.models import Profile
from cdp.services import segment_members
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.segments.conftest import Person

URL = "/api/v1/cdp/segments"
BUYERS = {"type": "event", "event": "purchase", "window": {"last": "P30D"}}
NOT_BUYERS = {"type": "not", "child": BUYERS}


def post(api: Client, path: str, body: object) -> Any:
    return api.post(f"{URL}{path}", body, content_type="application/json")


@pytest.fixture
def buyer(tell: Tell, anna: Profile) -> Profile:
    tell("purchase", user="anna", hours_ago=3, revenue=9)
    return anna


def test_a_condition_is_saved_and_given_back(
    api: Client, buyer: Profile, ben: Profile, workspace: Workspace, now: datetime
) -> None:
    answer = post(api, "", {"name": "Buyers", "condition": BUYERS})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["condition"], made["status"], made["include_anonymous"]) == (BUYERS, "computing", False)
    segment_members.keep_current(workspace, now=now)
    read = api.get(f"{URL}/{made['id']}").json()
    assert (read["status"], read["size"]) == ("live", 1)
    assert [one["id"] for one in api.get(f"{URL}/{made['id']}/members").json()["results"]] == [buyer.pk]


def test_a_list_does_not_become_a_condition(api: Client, anna: Profile) -> None:
    made = post(api, "", {"name": "List", "condition": {"type": "static", "ids": [anna.pk]}}).json()
    answer = api.patch(f"{URL}/{made['id']}", {"condition": BUYERS}, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/condition/type"


class TestPreview:
    def test_it_counts_the_whole_and_each_part(self, api: Client, buyer: Profile, ben: Profile) -> None:
        answer = post(api, "/preview", {"condition": {"type": "or", "children": [BUYERS, NOT_BUYERS]}})
        assert answer.status_code == 200
        told = answer.json()
        assert (told["size"], told["universe"], told["rate"]) == (2, 2, 1.0)
        assert {one["path"]: one["size"] for one in told["blocks"]} == {
            "/condition": 2,
            "/condition/children/0": 1,
            "/condition/children/1": 1,
            "/condition/children/1/child": 1,
        }
        assert {one["id"] for one in told["sample"]} == {buyer.pk, ben.pk}

    def test_anonymous_ones_are_counted_when_asked_for(self, api: Client, anna: Profile, visitor: Profile) -> None:
        told = post(api, "/preview", {"condition": {"type": "all"}, "include_anonymous": True}).json()
        assert (told["size"], told["identified"], told["anonymous"]) == (2, 1, 1)

    def test_faults_name_their_place(self, api: Client) -> None:
        answer = post(api, "/preview", {"condition": {"type": "and", "children": []}, "size": 1})
        assert answer.status_code == 422
        assert {one["pointer"] for one in answer.json()["errors"]} == {"/condition/children", "/size"}

    def test_an_unknown_trait_is_refused(self, api: Client) -> None:
        condition = {"type": "profile", "field": "traits.luck", "op": "exists"}
        answer = post(api, "/preview", {"condition": condition})
        assert answer.json()["errors"][0]["code"] == "unknown_trait"


class TestExplain:
    def test_each_part_says_whether_it_holds_and_why(self, api: Client, buyer: Profile) -> None:
        plan = {"type": "profile", "field": "attributes.plan", "op": "not_exists"}
        condition = {"type": "and", "children": [BUYERS, plan]}
        told = post(api, "/explain", {"condition": condition, "profile": buyer.pk}).json()
        assert told["is_in"] is True
        parts = {one["path"]: (one["holds"], one["sentence"], one["evidence"]) for one in told["parts"]}
        assert parts == {
            "/condition": (True, "All of these", ""),
            "/condition/children/0": (True, "performed purchase in the last 30 days", "1 such event"),
            "/condition/children/1": (True, "attributes.plan has no value", "attributes.plan has no value"),
        }
        assert told["parts"][1]["events"][0]["properties"] == {"revenue": 9}

    def test_of_a_saved_segment(self, api: Client, buyer: Profile, ben: Profile) -> None:
        made = post(api, "", {"name": "Others", "condition": NOT_BUYERS}).json()
        for profile, is_in in ((buyer, False), (ben, True)):
            told = post(api, "/explain", {"segment": made["id"], "profile": profile.pk}).json()
            assert told["is_in"] is is_in

    def test_somebody_of_another_workspace_is_nobody(
        self, api: Client, person: Person, other_workspace: Workspace
    ) -> None:
        stranger = person("zoe", where=other_workspace)
        answer = post(api, "/explain", {"condition": BUYERS, "profile": stranger.pk})
        assert answer.status_code == 404

    def test_a_segment_and_a_condition_at_once_are_refused(self, api: Client) -> None:
        answer = post(api, "/explain", {"segment": "x", "condition": BUYERS, "profile": 1})
        assert answer.status_code == 422
