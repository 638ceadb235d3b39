"""The tabs of a funnel's result, and the people behind each number."""

import csv
import io
import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cdp.models import Funnel, Identifier, Segment
from cdp.queries.segment_members import members_of
from cdp.services import segments as segment_services
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.funnels.conftest import Did, MakeFunnel


def text(response: Any) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def links(response: Any, part: str) -> list[str]:
    found = re.findall(r'href="([^"]*)"', response.content.decode())
    return [link.replace("&amp;", "&") for link in found if part in link]


def table(response: Any) -> list[list[str]]:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return list(csv.reader(io.StringIO(content.decode())))


@pytest.fixture
def visits(did: Did) -> None:
    """Anna and Ben are red and buy (60 s and 2 h), Cleo is blue and leaves, Dora has no colour and leaves."""
    did("anna", ("page_view", {"colour": "red"}), "purchase")
    did("ben", ("page_view", {"colour": "red"}), "purchase", every=7200)
    did("cleo", ("page_view", {"colour": "blue"}))
    did("dora", "page_view")


def result(client: Client, funnel: Funnel, **query: str) -> Any:
    return client.get(reverse("funnel_detail", args=[funnel.pk]), query)


class TestSteps:
    @pytest.mark.usefixtures("visits")
    def test_every_number_leads_to_its_people(self, as_bob: Client, funnel: Funnel) -> None:
        shown = result(as_bob, funnel)
        counted = {
            link: text(as_bob.get(link)).split(" › Purchase Funnel ")[1].split(" Segment")[0][:40]
            for link in dict.fromkeys(links(shown, "/people?"))
        }
        assert [words.split()[:3] for words in counted.values()] == [
            ["4", "users", "reached"],
            ["2", "users", "left"],
            ["2", "users", "reached"],
        ]

    def test_the_previous_period_stands_beside(self, as_bob: Client, funnel: Funnel, did: Did) -> None:
        did("anna", "page_view", "purchase", hours_ago=24)
        did("ben", "page_view", hours_ago=40 * 24)
        did("cleo", "page_view", "purchase", hours_ago=40 * 24)
        did("dora", "page_view", hours_ago=40 * 24)
        shown = text(result(as_bob, funnel, compare="previous"))
        assert "Entered Entered" not in shown
        assert "3 before" in shown
        assert "33.3% before" in shown
        assert "+66.7 pp" in shown

    def test_total_events_instead_of_users(self, as_bob: Client, funnel: Funnel, did: Did) -> None:
        did("anna", "page_view", "purchase", "page_view", "purchase")
        assert "1 users" not in text(result(as_bob, funnel, counting="totals"))
        assert "Of 2 attempts who entered" in text(result(as_bob, funnel, counting="totals"))
        assert "Of 1 users who entered" in text(result(as_bob, funnel))


class TestBreakdown:
    @pytest.mark.usefixtures("visits")
    def test_values_with_their_people(self, as_bob: Client, funnel: Funnel) -> None:
        shown = result(as_bob, funnel, tab="breakdown", breakdown="event.colour")
        assert "red 2 100% 2 100% 50% 100%" in text(shown)
        assert "blue 1 100% 0 0% 25% 0%" in text(shown)
        assert "(none) 1 100% 0 0% 25% 0%" in text(shown)
        red = next(link for link in links(shown, "/people?") if "breakdown_value=red" in link and "step=1" in link)
        people = text(as_bob.get(red))
        assert "2 users reached 2. purchase" in people
        assert "anna" in people and "ben" in people and "cleo" not in people

    @pytest.mark.usefixtures("visits")
    def test_by_segment(self, as_bob: Client, funnel: Funnel, segment_of_anna: Segment) -> None:
        shown = text(result(as_bob, funnel, tab="breakdown", breakdown=f"segment:{segment_of_anna.pk}"))
        assert "In the segment 1 100% 1 100%" in shown
        assert "Not in the segment 3 100% 1 33.3%" in shown

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ({"breakdown": "event.nothing"}, "No event has the property “nothing”."),
            ({"breakdown": "weather"}, "Break down by platform, device, campaign"),
            ({"breakdown": "platform", "attribution": "step:7"}, "This funnel has 2 steps"),
            ({"breakdown": "platform", "limit": "900"}, "from 1 to 50"),
            ({"breakdown": "platform", "window": "PT0S"}, "between 1 second"),
        ],
    )
    @pytest.mark.usefixtures("visits")
    def test_what_cannot_be_is_said(self, as_bob: Client, funnel: Funnel, query: dict[str, str], sentence: str) -> None:
        shown = result(as_bob, funnel, tab="breakdown", **query)
        assert shown.status_code == 400
        assert sentence in text(shown)

    def test_a_step_of_its_own_needs_an_order(self, as_bob: Client, make_funnel: MakeFunnel) -> None:
        funnel = make_funnel(mode="any_order")
        shown = result(as_bob, funnel, tab="breakdown", breakdown="platform", attribution="step:1")
        assert "In any order no step has a place of its own." in text(shown)
        assert "At step 1" not in text(shown)


class TestOnlySegment:
    @pytest.mark.usefixtures("visits")
    def test_only_its_members_are_asked(self, as_bob: Client, funnel: Funnel, segment_of_anna: Segment) -> None:
        assert "Of 1 users who entered" in text(result(as_bob, funnel, segment=str(segment_of_anna.pk)))

    @pytest.mark.usefixtures("visits")
    def test_a_deleted_one_is_said(
        self, as_bob: Client, funnel: Funnel, segment_of_anna: Segment, by_alice: Actor, now: datetime
    ) -> None:
        segment_services.archive(workspace=funnel.workspace, by=by_alice, segment_id=segment_of_anna.pk, now=now)
        shown = result(as_bob, funnel, segment=str(segment_of_anna.pk))
        assert shown.status_code == 400
        assert "archived" in text(shown)


class TestTimes:
    @pytest.mark.usefixtures("visits")
    def test_bins_lead_to_their_people(self, as_bob: Client, funnel: Funnel) -> None:
        shown = result(as_bob, funnel, tab="times")
        assert "1 min – 2 min 1 50%" in text(shown)
        assert "2 h – 4 h 1 50%" in text(shown)
        fast, slow = dict.fromkeys(links(shown, "/people?"))
        assert "anna" in text(as_bob.get(fast)) and "ben" not in text(as_bob.get(fast))
        assert "ben" in text(as_bob.get(slow)) and "anna" not in text(as_bob.get(slow))

    def test_nobody_is_said(self, as_bob: Client, funnel: Funnel) -> None:
        assert "Nobody who entered between" in text(result(as_bob, funnel, tab="times"))


class TestTrend:
    @pytest.mark.usefixtures("visits")
    def test_open_days_are_marked(self, as_bob: Client, funnel: Funnel, did: Did) -> None:
        did("emil", "page_view", "purchase", hours_ago=96)
        shown = text(result(as_bob, funnel, tab="trend", days="7", window="P1D"))
        assert "window open" in shown
        assert "Overall Conversion by day of entry: highest 100%" in shown

    def test_too_many_buckets_are_refused(self, as_bob: Client, funnel: Funnel) -> None:
        shown = result(as_bob, funnel, tab="trend", days="900")
        assert shown.status_code == 400
        assert "These would be more than 400 days." in text(shown)


class TestPeople:
    @pytest.mark.usefixtures("visits")
    def test_they_become_a_segment(self, as_bob: Client, funnel: Funnel) -> None:
        where = f"{reverse('funnel_people_segment', args=[funnel.pk])}?step=0&outcome=dropped"
        answer = as_bob.post(where, {"name": "Lookers"}, follow=True)
        assert "Created the segment “Lookers” with 2 profiles." in text(answer)
        made = Segment.objects.get(name="Lookers")
        assert len(members_of(funnel.workspace, made)) == 2
        assert "left after 1. Landing Page" in made.description

    @pytest.mark.usefixtures("visits")
    def test_a_segment_needs_a_name(self, as_bob: Client, funnel: Funnel) -> None:
        where = f"{reverse('funnel_people_segment', args=[funnel.pk])}?step=0&outcome=dropped"
        answer = as_bob.post(where, {"name": " "})
        assert answer.status_code == 422
        assert not Segment.objects.exists()

    @pytest.mark.usefixtures("visits")
    def test_as_csv(self, as_bob: Client, funnel: Funnel) -> None:
        where = reverse("funnel_people_csv", args=[funnel.pk])
        head, *rows = table(as_bob.get(where, {"step": "1", "outcome": "converted"}))
        assert head[:4] == ["profile", "name", "user_id", "email"]
        assert sorted((row[2], row[-1]) for row in rows) == [("anna", "60.0"), ("ben", "7200.0")]

    def test_rubbish_is_said(self, as_bob: Client, funnel: Funnel) -> None:
        where = reverse("funnel_people", args=[funnel.pk])
        for query in (
            {"step": "9"},
            {"outcome": "lost"},
            {"seconds_min": "x"},
            {"breakdown_value": "red"},
            {"cursor": "x"},
        ):
            answer = as_bob.get(where, query)
            assert answer.status_code == 400, query

    @pytest.mark.parametrize("name", ["funnel_people", "funnel_people_csv"])
    def test_it_checks_ownership(self, as_charlie: Client, funnel: Funnel, name: str) -> None:
        assert as_charlie.get(reverse(name, args=[funnel.pk])).status_code == 404


class TestSheets:
    @pytest.mark.usefixtures("visits")
    @pytest.mark.parametrize(
        ("query", "rows"),
        [
            ({"tab": "steps"}, [["1", "Landing Page", "page_view", "4"], ["2", "purchase", "purchase", "2"]]),
            ({"tab": "times"}, [["60", "120", "1"], ["120", "300", "0"]]),
            (
                {"tab": "breakdown", "breakdown": "event.colour"},
                [["red", "2", "2", "1.0"], ["blue", "1", "0", "0.0"]],
            ),
        ],
    )
    def test_each_tab_has_its_table(
        self, as_bob: Client, funnel: Funnel, query: dict[str, str], rows: list[list[str]]
    ) -> None:
        _, *found = table(as_bob.get(reverse("funnel_csv", args=[funnel.pk]), query))
        assert [row[: len(rows[0])] for row in found[:2]] == rows

    @pytest.mark.usefixtures("visits")
    def test_the_trend_has_its_table(self, as_bob: Client, funnel: Funnel) -> None:
        head, *rows = table(as_bob.get(reverse("funnel_csv", args=[funnel.pk]), {"tab": "trend", "days": "7"}))
        assert head == ["from", "to", "window_open", "conversion_rate", "step_1", "step_2", "median_seconds"]
        assert len(rows) == 7
        assert sum(int(row[4]) for row in rows) == 4


@pytest.fixture
def segment_of_anna(workspace: Workspace, by_alice: Actor, now: datetime, visits: None) -> Segment:
    anna = Identifier.objects.get(workspace=workspace, value="anna").profile_id
    return segment_services.create(
        workspace=workspace,
        by=by_alice,
        name="Anna alone",
        description="",
        condition={"type": "static", "ids": [str(anna)]},
        now=now,
    )
