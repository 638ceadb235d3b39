"""/api/v1/cdp/segments."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.models import Profile, Segment
from stratum.workspaces import plans
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.segments.conftest import MakeSegment, Person

URL = "/api/v1/cdp/segments"


def body(*people: Any, **fields: Any) -> dict[str, Any]:
    ids = [person.pk if isinstance(person, Profile) else person for person in people]
    return {"name": "Friends", "condition": {"type": "static", "ids": ids}, **fields}


def test_it_works(api: APIClient, anna: Profile, ben: Profile) -> None:
    answer = api.post(URL, body(str(ben.pk), anna))
    assert answer.status_code == 201
    made = answer.json()
    assert made["condition"] == {"type": "static", "ids": [str(pk) for pk in sorted([anna.pk, ben.pk])]}
    assert (made["size"], made["version"], made["include_anonymous"]) == (2, 1, True)
    assert api.get(f"{URL}/{made['id']}").json() == made
    listed = api.get(URL).json()["results"]
    assert [(line["name"], line["size"], line["type"]) for line in listed] == [("Friends", 2, "static")]


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"condition": {"type": "event"}}, "/condition/event", "required"),
        ({"condition": {"type": "colour"}}, "/condition/type", "unknown_type"),
        ({"condition": None}, "/condition", "required"),
        ({"condition": []}, "/condition", "wrong_type"),
        ({"condition": {"type": "static"}}, "/condition/ids", "required"),
        ({"condition": {"type": "static", "ids": [True]}}, "/condition/ids/0", "invalid"),
        ({"condition": {"type": "static", "ids": [2**70]}}, "/condition/ids/0", "invalid"),
        ({"condition": {"type": "static", "ids": ["1"]}}, "/condition/ids/0", "unknown"),
        ({"condition": {"type": "static", "ids": [], "colour": 1}}, "/condition/colour", "unknown_field"),
        ({"name": " "}, "/name", "required"),
        ({"include_anonymous": False}, "/include_anonymous", "not_supported"),
        ({"include_anonymous": 1}, "/include_anonymous", "wrong_type"),
    ],
)
def test_every_fault_comes_with_its_pointer(api: APIClient, fields: dict[str, Any], pointer: str, code: str) -> None:
    answer = api.post(URL, body(**fields))
    assert answer.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]
    assert not Segment.objects.exists()


def test_foreign_profiles_are_unknown(api: APIClient, other_workspace: Workspace, person: Person) -> None:
    answer = api.post(URL, body(person("anna"), person("eve", where=other_workspace)))
    assert answer.json()["errors"][0]["pointer"] == "/condition/ids/1"


def test_a_number_given_twice_enters_once(api: APIClient, anna: Profile, ben: Profile) -> None:
    made = api.post(URL, body(anna, anna, str(anna.pk), ben)).json()
    assert made["condition"]["ids"] == [str(pk) for pk in sorted([anna.pk, ben.pk])]
    one = f"{URL}/{made['id']}"
    assert api.put(one, body(anna, anna)).json()["condition"]["ids"] == [str(anna.pk)]
    wrong = api.put(one, body(anna, anna, str(ben.pk + 1_000)))
    assert [fault["pointer"] for fault in wrong.json()["errors"]] == ["/condition/ids/2"]


def test_changing(api: APIClient, friends: Segment, anna: Profile, ben: Profile) -> None:
    one = f"{URL}/{friends.pk}"
    renamed = api.patch(one, {"name": "Best friends"}).json()
    assert (renamed["name"], renamed["size"], renamed["version"]) == ("Best friends", 2, 1)
    replaced = api.put(one, body(anna, name="Anna")).json()
    assert (replaced["condition"]["ids"], replaced["version"]) == ([str(anna.pk)], 2)
    stale = api.put(one, body(ben), headers={"If-Match": '"1-nothing"'})
    assert stale.status_code == 412


def test_archiving_and_back(api: APIClient, friends: Segment) -> None:
    one = f"{URL}/{friends.pk}"
    assert api.delete(one).status_code == 204
    assert api.get(URL).json()["results"] == []
    assert api.get(one).json()["archived_at"]
    assert api.patch(one, {"name": "x"}).json()["code"] == "archived"
    assert api.post(f"{one}/restore").json()["archived_at"] is None


def test_members_come_in_pages(api: APIClient, friends: Segment, anna: Profile, ben: Profile) -> None:
    first = api.get(f"{URL}/{friends.pk}/members", {"limit": 1}).json()
    second = api.get(first["next"]).json()
    assert [page["results"][0]["id"] for page in (first, second)] == sorted([anna.pk, ben.pk], reverse=True)
    assert second["next"] is None


class TestOfProfiles:
    PROFILES = "/api/v1/cdp/profiles"

    def test_each_names_its_segments(
        self, api: APIClient, friends: Segment, make_segment: MakeSegment, anna: Profile, ben: Profile
    ) -> None:
        best, gone = make_segment(anna, name="Best friends"), make_segment(anna, name="Gone")
        api.delete(f"{URL}/{gone.pk}")
        both = {str(friends.pk), str(best.pk)}
        listed = {line["id"]: set(line["segments"]) for line in api.get(self.PROFILES).json()["results"]}
        assert listed == {anna.pk: both, ben.pk: {str(friends.pk)}}
        assert set(api.get(f"{self.PROFILES}/{anna.pk}").json()["segments"]) == both
        assert set(api.get(f"{self.PROFILES}/lookup", {"user_id": "anna"}).json()["segments"]) == both
        members = api.get(f"{URL}/{best.pk}/members").json()["results"]
        assert [set(line["segments"]) for line in members] == [both]

    def test_a_merged_ones_count_for_the_survivor(
        self, api: APIClient, make_segment: MakeSegment, tell: Tell, anna: Profile, visitor: Profile
    ) -> None:
        segment = make_segment(visitor, anna)
        tell("identify", user="anna", visitor="cookie-1", hours_ago=1)
        assert api.get(f"{self.PROFILES}/{anna.pk}").json()["segments"] == [str(segment.pk)]

    def test_more_of_them_cost_no_more_queries(
        self, api: APIClient, make_segment: MakeSegment, person: Person, django_assert_max_num_queries: Any
    ) -> None:
        people = [person(f"user-{number}") for number in range(20)]
        for number in range(5):
            make_segment(*people, name=f"Segment {number}")
        with django_assert_max_num_queries(9):
            results = api.get(self.PROFILES).json()["results"]
        assert [len(line["segments"]) for line in results] == [5] * 20


def test_it_checks_ownership(stranger_api: APIClient, friends: Segment) -> None:
    one = f"{URL}/{friends.pk}"
    assert stranger_api.get(URL).json()["results"] == []
    calls: list[Callable[..., Any]] = [stranger_api.get, stranger_api.patch, stranger_api.delete]
    assert [call(one).status_code for call in calls] == [404, 404, 404]
    assert stranger_api.put(one, body()).status_code == 404
    assert stranger_api.post(f"{one}/restore").status_code == 404
    assert stranger_api.get(f"{one}/members").status_code == 404


def test_the_plan_limits_them(api: APIClient, workspace: Workspace, make_segment: MakeSegment) -> None:
    limit = plans.of(workspace).limit("segments") or 0
    made = [make_segment(name=f"Segment {number}") for number in range(limit)]
    assert api.post(URL, body()).json()["code"] == "limit_reached"
    api.delete(f"{URL}/{made[0].pk}")
    assert api.post(URL, body()).status_code == 201
    assert api.post(f"{URL}/{made[0].pk}/restore").json()["code"] == "limit_reached"
