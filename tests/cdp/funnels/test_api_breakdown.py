"""GET …/analyze with breakdown, segment and compare, and the people behind each number."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from cdp.models import Funnel, Identifier
from cdp.queries import profiles as queries
from cdp.services import ingest, profiles, segments
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.funnels.conftest import Did, MakeFunnel

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(api: APIClient, funnel: Funnel) -> Ask:
    """`ask("people", step=1)`: the answer of that question."""

    def asked(what: str = "analyze", **query: object) -> dict[str, Any]:
        answer = api.get(f"/api/v1/cdp/funnels/{funnel.pk}/{what}", query)
        assert answer.status_code == 200, answer.json()
        found: dict[str, Any] = answer.json()
        return found

    return asked


@pytest.fixture
def refused(api: APIClient, funnel: Funnel) -> Callable[..., list[tuple[str, str]]]:
    def asked(what: str = "analyze", **query: object) -> list[tuple[str, str]]:
        answer = api.get(f"/api/v1/cdp/funnels/{funnel.pk}/{what}", query)
        assert answer.status_code == 400, answer.json()
        assert len(answer.json()["detail"]) > 20
        return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]

    return asked


def came(platform: str) -> tuple[str, dict[str, Any]]:
    return "page_view", {"utm_source": platform, "kind": platform}


@pytest.fixture
def shop(did: Did) -> None:
    """Meta brings three, of whom two buy; Google one who buys; Ina came from nowhere. Last month Google brought two."""
    did("anna", came("meta"), "purchase", every=60)
    did("ben", came("meta"), "purchase", every=180)
    did("cleo", came("meta"))
    did("dora", came("google"), "purchase", every=4_000)
    did("ina", "page_view")
    did("old-1", came("google"), "purchase", hours_ago=24 * 40)
    did("old-2", came("google"), hours_ago=24 * 40)
    did("old-3", came("tiktok"), hours_ago=24 * 40)


def counts(values: list[dict[str, Any]]) -> dict[Any, tuple[int, int]]:
    return {each["value"]: (each["entered"], each["converted"]) for each in values}


class TestBreakdown:
    def test_it_works(self, ask: Ask, shop: None) -> None:
        breakdown = ask(breakdown="platform")["breakdown"]
        assert (breakdown["by"], breakdown["attribution"]) == ("platform", "first_touch")
        assert counts(breakdown["values"]) == {"meta": (3, 2), "google": (1, 1), None: (1, 0)}
        meta = breakdown["values"][0]
        assert [step["count"] for step in meta["steps"]] == [3, 2]
        assert (meta["overall_conversion"], meta["median_seconds_to_convert"]) == (2 / 3, 120.0)
        assert (meta["in_progress"], meta["previous"]) == (1, None)

    @pytest.mark.parametrize("attribution", ["first_touch", "last_touch"])
    def test_the_values_add_up(self, ask: Ask, shop: None, attribution: str) -> None:
        answer = ask(breakdown="event.kind", attribution=attribution, limit=1)
        values = answer["breakdown"]["values"]
        assert [each["value"] for each in values] == ["meta", None, "__other__"]
        assert sum(each["entered"] for each in values) == answer["entered"]
        assert sum(each["converted"] for each in values) == answer["converted"]

    def test_the_value_at_a_step(self, ask: Ask, shop: None) -> None:
        breakdown = ask(breakdown="platform", attribution="step:1")["breakdown"]
        assert breakdown["attribution"] == "step:1"
        assert counts(breakdown["values"]) == {None: (3, 3)}

    def test_by_a_profile_attribute(self, ask: Ask, shop: None, workspace: Workspace, now: datetime) -> None:
        told = {"type": "identify", "userId": "anna", "traits": {"plan": "pro"}, "messageId": "told"}
        ingest.ingest(workspace=workspace, source=None, items=[told], received_at=now)
        breakdown = ask(breakdown="profile.plan")["breakdown"]
        assert (breakdown["attribution"], counts(breakdown["values"])) == (None, {"pro": (1, 1), None: (4, 2)})

    def test_the_previous_period_of_each_value(self, ask: Ask, shop: None) -> None:
        answer = ask(breakdown="platform", compare="previous")
        previous = {each["value"]: each["previous"]["entered"] for each in answer["breakdown"]["values"]}
        assert previous == {"meta": 0, "google": 2, None: 0, "__other__": 1}
        assert sum(previous.values()) == answer["previous"]["entered"] == 3
        assert answer["previous"]["period"]["to"] == "2025-12-16T23:59:59.999999+01:00"

    def test_what_nobody_ever_sent_is_refused(self, refused: Callable[..., Any], shop: None) -> None:
        assert refused(breakdown="event.colour") == [("/breakdown", "unknown_property")]
        assert refused(breakdown="profile.colour") == [("/breakdown", "unknown_property")]

    def test_a_property_of_other_events_is_all_missing(self, ask: Ask, did: Did, shop: None) -> None:
        did("anna", ("search", {"words": "shoes"}))
        assert counts(ask(breakdown="event.words")["breakdown"]["values"]) == {None: (5, 3)}

    def test_steps_that_are_not_there(
        self, api: APIClient, refused: Callable[..., Any], make_funnel: MakeFunnel
    ) -> None:
        assert refused(breakdown="device", attribution="step:2") == [("/attribution", "out_of_range")]
        assert refused(attribution="last_touch") == [("/attribution", "needs_breakdown")]
        loose = make_funnel(name="Loose", mode="any_order")
        answer = api.get(f"/api/v1/cdp/funnels/{loose.pk}/analyze?breakdown=device&attribution=step:0")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/attribution"]

    def test_a_preview_answers_the_same(self, ask: Ask, api: APIClient, funnel: Funnel, shop: None) -> None:
        question = {"breakdown": "platform", "attribution": "last_touch", "limit": 1, "compare": "previous"}
        body = {"funnel": {"name": funnel.name, **funnel.definition}, **question}
        answer = api.post("/api/v1/cdp/funnels/preview", body)
        assert answer.status_code == 200
        assert answer.json()["breakdown"] == ask(**question)["breakdown"]


class TestSegment:
    @pytest.fixture
    def vip(self, workspace: Workspace, by_alice: Actor, now: datetime, shop: None) -> Any:
        keys = Identifier.objects.filter(workspace=workspace, value__in=["anna", "cleo"])
        members = np.array(sorted(keys.values_list("profile_id", flat=True)), np.int64)
        return segments.create_static(
            workspace=workspace, by=by_alice, name="VIP", description="", profiles=members, now=now
        )

    def test_only_its_members_are_asked(self, ask: Ask, vip: Any) -> None:
        answer = ask(segment=vip.pk)
        assert (answer["entered"], answer["converted"]) == (2, 1)
        assert ask("people", segment=vip.pk)["total"] == 1

    def test_members_beside_all_others(self, ask: Ask, vip: Any) -> None:
        breakdown = ask(breakdown=f"segment:{vip.pk}")["breakdown"]
        assert counts(breakdown["values"]) == {True: (2, 1), False: (3, 2)}
        for value, found in (("true", 1), ("false", 2)):
            assert ask("people", breakdown=f"segment:{vip.pk}", breakdown_value=value)["total"] == found

    def test_a_segment_that_is_gone(
        self, refused: Callable[..., Any], vip: Any, workspace: Workspace, by_alice: Actor, now: datetime
    ) -> None:
        segments.archive(workspace=workspace, by=by_alice, segment_id=vip.pk, now=now)
        assert refused(segment=vip.pk) == [("/segment", "segment_archived")]
        gone = vip.pk
        vip.delete()
        assert refused(segment=gone) == [("/segment", "unknown_segment")]
        assert refused("people", breakdown=f"segment:{gone}") == [("/breakdown", "unknown_segment")]

    def test_it_checks_ownership(self, stranger_api: APIClient, vip: Any) -> None:
        body = {"funnel": {"steps": [{"event": "a"}, {"event": "b"}]}, "segment": str(vip.pk)}
        answer = stranger_api.post("/api/v1/cdp/funnels/preview", body)
        assert [fault["code"] for fault in answer.json()["errors"]] == ["unknown_segment"]


class TestPeople:
    def test_it_works(self, ask: Ask, shop: None) -> None:
        page = ask("people", breakdown="platform", breakdown_value="google")
        assert (page["total"], page["profiles"], page["next"], page["previous"]) == (1, 1, None, None)
        dora = page["results"][0]
        assert dora["identifiers"] == {"user_id": ["dora"]}
        assert (dora["name"], dora["last_step"], dora["seconds"]) == ("dora", 1, 4_000.0)
        assert (dora["entered_at"][:19], dora["completed_at"][:19]) == ("2026-01-14T12:00:00", "2026-01-14T13:06:40")

    @pytest.mark.parametrize("counting", ["unique", "totals"])
    def test_every_number_is_that_of_its_people(self, ask: Ask, did: Did, shop: None, counting: str) -> None:
        did("anna", came("meta"), "purchase", hours_ago=5)
        question = {"counting": counting, "breakdown": "platform", "limit": 1}
        shown = ask(**question, compare="previous")
        people = {"counting": counting, "breakdown": "platform", "breakdown_limit": 1}
        for value in shown["breakdown"]["values"]:
            named = {**people, "breakdown_value": "null" if value["value"] is None else value["value"]}
            for step in value["steps"]:
                assert ask("people", **named, step=step["index"])["total"] == step["count"]
                assert ask("people", **named, step=step["index"], outcome="dropped")["total"] == step["drop_off"]
            for step in value["previous"]["steps"]:
                found = ask("people", **named, step=step["index"], period="previous")
                assert found["total"] == step["count"]
        for step in shown["steps"]:
            assert ask("people", counting=counting, step=step["index"])["total"] == step["count"]
        assert ask("people", counting=counting, outcome="dropped")["total"] == shown["entered"] - shown["converted"]

    def test_every_bin_is_that_of_its_people(self, ask: Ask, shop: None) -> None:
        for step in ({}, {"step": 1}):
            times = ask("time-to-convert", **step)
            assert sum(each["count"] for each in times["bins"]) == times["count"] == 3
            for each in times["bins"]:
                bounds = {"seconds_min": each["start_seconds"], "seconds_max": each["end_seconds"]}
                assert ask("people", **step, **bounds)["total"] == each["count"]

    def test_pages_follow_one_another_while_people_come(self, ask: Ask, api: APIClient, did: Did, shop: None) -> None:
        first = ask("people", step=0, limit=2)
        did("new", came("meta"), hours_ago=1)
        second = api.get(first["next"]).json()
        third = api.get(second["next"]).json()
        seen = [person["name"] for page in (first, second, third) for person in page["results"]]
        assert sorted(seen) == ["anna", "ben", "cleo", "dora", "ina"]
        assert third["next"] is None
        assert [one["name"] for one in api.get(third["previous"]).json()["results"]] == seen[2:4]

    def test_attempts_of_one_instant_are_all_listed(self, ask: Ask, api: APIClient, did: Did) -> None:
        did("anna", *["page_view", "purchase"] * 3, every=0)
        page, listed = ask("people", counting="totals", limit=1), 0
        assert (page["total"], page["profiles"]) == (3, 1)
        while page:
            listed += len(page["results"])
            page = api.get(page["next"]).json() if page["next"] else {}
        assert listed == 3

    def test_an_erased_person_is_not_counted_nor_listed(
        self, ask: Ask, shop: None, workspace: Workspace, by_alice: Actor, now: datetime
    ) -> None:
        ben = ask("people", step=0)["results"][0]
        person = queries.get(workspace, ben["profile"])
        profiles.erase(workspace=workspace, profile=person, by=by_alice, now=now)
        again = ask("people", step=0)
        assert again["total"] == len(again["results"]) == ask()["entered"] == 4
        assert ben["profile"] not in [one["profile"] for one in again["results"]]

    def test_a_page_takes_as_many_queries_for_one_as_for_many(
        self, api: APIClient, funnel: Funnel, shop: None, django_assert_num_queries: Any
    ) -> None:
        address = f"/api/v1/cdp/funnels/{funnel.pk}/people?step=0"
        api.get(address)
        for limit in (1, 50):
            with django_assert_num_queries(
                8
            ):  # key, rate, funnel, is the engine behind; profiles, identifiers, facts, moved
                api.get(f"{address}&limit={limit}")

    @pytest.mark.parametrize(
        ("query", "fault"),
        [
            ({"step": 2}, ("/step", "out_of_range")),
            ({"outcome": "lost"}, ("/outcome", "unknown_choice")),
            ({"breakdown_value": "meta"}, ("/breakdown_value", "needs_breakdown")),
            ({"breakdown": "platform", "breakdown_value": "bing"}, ("/breakdown_value", "unknown_value")),
            ({"seconds_min": "soon"}, ("/seconds_min", "invalid")),
            ({"seconds_min": 9, "seconds_max": 5}, ("/seconds_max", "reversed")),
            ({"step": 0, "seconds_min": 5}, ("/seconds_min", "invalid")),
            ({"outcome": "dropped", "seconds_max": 5}, ("/seconds_max", "invalid")),
            ({"cursor": "nonsense"}, ("/cursor", "invalid")),
            ({"limit": "0"}, ("/limit", "invalid")),
            ({"breakdown_limit": 3}, ("/breakdown_limit", "needs_breakdown")),
            ({"breakdown": "platform", "breakdown_limit": 51}, ("/breakdown_limit", "out_of_range")),
            ({"period": "next"}, ("/period", "unknown_choice")),
            ({"colour": "red"}, ("/colour", "unknown_field")),
        ],
    )
    def test_bad_questions(
        self, refused: Callable[..., Any], shop: None, query: dict[str, object], fault: tuple[str, str]
    ) -> None:
        assert refused("people", **query) == [fault]

    def test_it_checks_ownership(self, stranger_api: APIClient, funnel: Funnel) -> None:
        for what in ("people", "trend", "time-to-convert"):
            assert stranger_api.get(f"/api/v1/cdp/funnels/{funnel.pk}/{what}").status_code == 404
