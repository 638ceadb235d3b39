"""Overlap of segments: the figures against plain sets, the query, the API and the page."""

import re
from collections import Counter
from datetime import datetime
from itertools import combinations
from math import pi
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from cdp.engine.overlap import region_sizes
from cdp.models import Profile, Segment
from cdp.queries import segment_overlap
from cdp.queries.segment_members import members_of
from cdp.queries.universe import universe
from cdp.segments.overlap import Overlap, compared
from cdp.services import profiles, segment_members
from cdp.views.segment_venn import LARGEST, _lens, venn
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.segments.conftest import MakeSegment, Person

API = "/api/v1/cdp/segments/overlap"
PAGE = "/dashboard/cdp/segments/overlap"
SETS = st.lists(st.sets(st.integers(1, 40), max_size=40), min_size=2, max_size=5)


def figures(sets: list[set[int]], n: int = 50) -> Overlap:
    return compared(region_sizes([np.array(sorted(one), np.int64) for one in sets]), n)


@given(SETS)
def test_figures_are_those_of_plain_sets(sets: list[set[int]]) -> None:
    found = figures(sets)
    everybody = set[int]().union(*sets)
    wanted = Counter(tuple(place for place, one in enumerate(sets) if who in one) for who in everybody)
    assert {region.inside: region.size for region in found.regions} == wanted
    assert found.sizes == tuple(map(len, sets))
    assert [region.size for region in found.regions] == sorted(wanted.values(), reverse=True)
    for pair, (a, b) in zip(found.pairs, combinations(sets, 2), strict=True):
        assert (pair.intersection, pair.union) == (len(a & b), len(a | b))
        assert pair.a_rate == (len(a & b) / len(a) if a else None)
        assert pair.b_rate == (len(a & b) / len(b) if b else None)
        assert pair.jaccard == (len(a & b) / len(a | b) if a | b else None)
        assert pair.overlap_coefficient == (len(a & b) / min(len(a), len(b)) if a and b else None)
        assert pair.lift == (len(a & b) * 50 / (len(a) * len(b)) if a and b else None)
        relation = (
            "empty" if not a or not b
            else "disjoint" if not a & b
            else "equal" if a == b
            else "a_in_b" if a < b
            else "b_in_a" if b < a
            else "near_duplicate" if len(a & b) / len(a | b) >= 0.9
            else "overlapping"
        )  # fmt: skip
        assert pair.relation == relation


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_two_circles_are_in_proportion(only_a: int, both: int, only_b: int) -> None:
    drawn = venn(compared(np.array([0, only_a, only_b, both]), 2_000), "AB")
    assert drawn is not None
    first, second = drawn.circles
    largest = max(only_a + both, only_b + both, 1)
    unit = pi * LARGEST**2 / largest
    assert pi * first.radius**2 == pytest.approx((only_a + both) * unit)
    assert pi * second.radius**2 == pytest.approx((only_b + both) * unit)
    assert _lens(first.radius, second.radius, second.x - first.x) == pytest.approx(both * unit, abs=1e-3 * unit)
    assert [number.size for number in drawn.numbers] == [size for size in (only_a, both, only_b) if size]
    assert all(one.x - one.radius >= 0 and one.x + one.radius <= 400 for one in drawn.circles)


def test_three_circles_print_every_region() -> None:
    drawn = venn(compared(np.array([0, 1, 2, 3, 4, 5, 6, 7]), 100), "ABC")
    assert drawn is not None and sorted(number.size for number in drawn.numbers) == [1, 2, 3, 4, 5, 6, 7]


@pytest.fixture
def cleo(person: Person) -> Profile:
    return person("cleo")


@pytest.fixture
def pair(make_segment: MakeSegment, anna: Profile, ben: Profile, cleo: Profile) -> list[Segment]:
    return [make_segment(anna, ben, name="Buyers"), make_segment(ben, cleo, name="Readers")]


def ask(api: Client, *segments: object) -> Any:
    return api.post(API, {"segments": [str(one) for one in segments]}, content_type="application/json")


class TestApi:
    def test_it_tells_regions_and_pairs(self, api: Client, pair: list[Segment], visitor: Profile) -> None:
        a, b = (str(one.pk) for one in pair)
        told = ask(api, a, b).json()
        assert told["universe"] == 4  # lists may hold anonymous profiles
        assert told["segments"] == [{"id": a, "size": 2}, {"id": b, "size": 2}]
        assert told["regions"] == [{"in": [a], "size": 1}, {"in": [b], "size": 1}, {"in": [a, b], "size": 1}]
        wanted = {"a": a, "b": b, "intersection": 1, "union": 3, "a_rate": 0.5, "b_rate": 0.5, "jaccard": 1 / 3}
        assert told["pairs"] == [wanted | {"overlap_coefficient": 0.5, "lift": 1.0, "relation": "overlapping"}]

    def test_anonymous_profiles_are_left_out_where_no_segment_counts_them(
        self, api: Client, anna: Profile, visitor: Profile, workspace: Workspace, now: datetime
    ) -> None:
        made = [
            api.post("/api/v1/cdp/segments", {"name": name, "condition": {"type": "event", "event": event}},
                     content_type="application/json").json()["id"]
            for name, event in (("Viewers", "view_content"), ("Buyers", "purchase"))
        ]  # fmt: skip
        early = ask(api, *made)
        assert early.status_code == 422 and early.json()["errors"][0]["code"] == "computing"
        segment_members.keep_current(workspace, now=now)
        told = ask(api, *made).json()
        assert (told["universe"], told["regions"]) == (1, [{"in": [made[0]], "size": 1}])
        assert told["pairs"][0]["lift"] is None and told["pairs"][0]["b_rate"] is None

    def test_what_cannot_be_compared_is_refused_at_its_place(
        self, api: Client, pair: list[Segment], now: datetime
    ) -> None:
        a, b = pair
        Segment.objects.filter(pk=b.pk).update(archived_at=now)
        answer = ask(api, a.pk, a.pk, b.pk, uuid4())
        assert answer.status_code == 422
        told = [(one["pointer"], one["code"]) for one in answer.json()["errors"]]
        assert told == [("/segments/1", "duplicate"), ("/segments/2", "archived"), ("/segments/3", "unknown")]

    @pytest.mark.parametrize("count", [0, 1, 11])
    def test_two_to_ten(self, api: Client, pair: list[Segment], count: int) -> None:
        answer = ask(api, *[pair[0].pk] * count)
        assert answer.status_code == 422
        assert "2 to 10" in answer.json()["errors"][0]["detail"]

    @pytest.mark.parametrize("body", [{}, [], {"segments": "x"}, {"segments": [1, 2]}, {"segments": [], "n": 1}])
    def test_rubbish(self, api: Client, body: object) -> None:
        assert api.post(API, body, content_type="application/json").status_code == 422

    def test_nothing_of_another_workspace(
        self, api: Client, pair: list[Segment], other_workspace: Workspace, now: datetime
    ) -> None:
        Segment.objects.filter(pk=pair[1].pk).update(workspace=other_workspace)
        answer = ask(api, pair[0].pk, pair[1].pk)
        assert answer.json()["errors"][0] | {"detail": ""} == {
            "pointer": "/segments/1",
            "code": "unknown",
            "detail": "",
        }


class TestMembers:
    def test_as_one_by_one_after_a_merge(
        self, workspace: Workspace, pair: list[Segment], visitor: Profile, anna: Profile, tell: Tell,
        make_segment: MakeSegment,
    ) -> None:  # fmt: skip
        pair.append(make_segment(visitor, anna, name="Visitors"))
        tell("identify", user="anna", visitor="cookie-1", hours_ago=1)
        together = segment_overlap.members_of_each(workspace, pair)
        assert members_of(workspace, pair[2]).tolist() == [anna.pk]
        for one in pair:
            assert together[one.pk].tolist() == members_of(workspace, one).tolist()


class TestUniverse:
    def test_it_follows_what_happens(
        self,
        workspace: Workspace,
        anna: Profile,
        visitor: Profile,
        person: Person,
        tell: Tell,
        by_alice: Actor,
        now: datetime,
    ) -> None:
        def seen() -> list[tuple[int, bool]]:
            found = universe(workspace)
            return list(zip(found.profile.tolist(), found.identified.tolist(), strict=True))

        assert seen() == [(anna.pk, True), (visitor.pk, False)]
        ben = person("ben")
        assert seen() == [(anna.pk, True), (visitor.pk, False), (ben.pk, True)]
        tell("identify", visitor="cookie-1", hours_ago=1, email="v@example.com")
        assert seen() == [(anna.pk, True), (visitor.pk, True), (ben.pk, True)]
        tell("identify", user="anna", visitor="cookie-1", hours_ago=1)
        assert [who for who, _ in seen()] == [anna.pk, ben.pk]
        profiles.erase(workspace=workspace, profile=ben, by=by_alice, now=now)
        assert [who for who, _ in seen()] == [anna.pk]


class TestPage:
    def test_the_list_leads_to_it(self, as_bob: Client, pair: list[Segment]) -> None:
        listed = as_bob.get("/dashboard/cdp/segments").content.decode()
        assert "Analyze Overlap" in listed and listed.count('form="overlap-form"') == 2

    def test_it_shows_the_numbers(self, as_bob: Client, pair: list[Segment]) -> None:
        page = as_bob.get(PAGE, {"segment": [one.pk for one in pair]}).content.decode()
        assert "in A and B" in page and "only in A" in page
        assert re.findall(r'<text x="[^"]*" y="[^"]*">(\d+)</text>', page) == ["1", "1", "1"]

    def test_what_is_wrong_is_said(self, as_bob: Client, pair: list[Segment]) -> None:
        answer = as_bob.get(PAGE, {"segment": [pair[0].pk, "rubbish"]})
        assert answer.status_code == 422
        assert "There is no such segment in this workspace." in answer.content.decode()
        assert as_bob.get(PAGE).status_code == 200

    def test_a_region_becomes_a_segment_of_the_same_people(
        self, as_bob: Client, pair: list[Segment], anna: Profile, workspace: Workspace, now: datetime
    ) -> None:
        answer = as_bob.post(f"{PAGE}/segment", {"inside": [pair[0].pk], "outside": [pair[1].pk]})
        made = Segment.objects.get(name="Buyers, not Readers")
        assert answer["Location"].endswith(str(made.pk))
        segment_members.keep_current(workspace, now=now)
        assert members_of(workspace, made).tolist() == [anna.pk]
        as_bob.post(f"{PAGE}/segment", {"inside": [pair[0].pk], "outside": [pair[1].pk]})
        assert Segment.objects.filter(name="Buyers, not Readers (2)").exists()

    def test_a_region_leads_to_its_people(
        self, as_bob: Client, as_charlie: Client, pair: list[Segment], anna: Profile
    ) -> None:
        page = as_bob.get(PAGE, {"segment": [one.pk for one in pair]}).content.decode()
        (found,) = re.findall(rf'people\?(inside={pair[0].pk}&amp;outside={pair[1].pk})"', page)
        address = f"{PAGE}/people?{found.replace('&amp;', '&')}"
        people = as_bob.get(address).content.decode()
        assert "anna@example.com" in people and "ben@example.com" not in people and "1 profile in exactly" in people
        assert f"builder?segment={pair[0].pk}&amp;outside={pair[1].pk}" in people
        sheet = as_bob.get(address.replace("people?", "people/csv?")).content.decode().splitlines()
        assert sheet[1:] == [f"{anna.pk},anna@example.com,anna,anna@example.com,known"]
        assert as_charlie.get(address).status_code == 422
        assert as_bob.get(f"{PAGE}/people?outside={pair[0].pk}&outside={pair[1].pk}").status_code == 422

    def test_a_region_keeps_its_anonymous_members(
        self,
        as_bob: Client,
        pair: list[Segment],
        visitor: Profile,
        make_segment: MakeSegment,
        workspace: Workspace,
        now: datetime,
    ) -> None:
        visitors = make_segment(visitor, name="Visitors")
        as_bob.post(f"{PAGE}/segment", {"inside": [visitors.pk], "outside": [pair[0].pk]})
        segment_members.keep_current(workspace, now=now)
        made = Segment.objects.get(name="Visitors, not Buyers")
        assert members_of(workspace, made).tolist() == [visitor.pk]

    def test_the_sheet_has_every_region(self, as_bob: Client, pair: list[Segment]) -> None:
        sheet = as_bob.get(f"{PAGE}/csv", {"segment": [one.pk for one in pair]}).content.decode().splitlines()
        assert sheet[:4] == ["Buyers,Readers,profiles", "yes,no,1", "no,yes,1", "yes,yes,1"]
        assert sheet[5].startswith("first,second,a_size,b_size,intersection,union,a_rate")
        assert sheet[6].startswith("Buyers,Readers,2,2,1,3,0.5,0.5,0.333") and sheet[6].endswith(",overlapping")
