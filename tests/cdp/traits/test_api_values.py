"""What traits say of profiles, through the API: values, why, groups, preview, look-up, breakdown, export."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.exports import trait_values
from cdp.models import Profile
from cdp.queries import trait_preview
from cdp.queries import traits as queries
from stratum.lib.refusal import Missing
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of
from tests.cdp.traits.conftest import MakeTrait, run_job, spend, visits

URL = "/api/v1/cdp/computed-traits"


class TestValues:
    def test_they_come_in_pages(self, api: APIClient, make_trait: MakeTrait, anna: Profile, ben: Profile) -> None:
        one = f"{URL}/{make_trait(visits()).pk}/values"
        first = api.get(one, {"limit": 1}).json()
        second = api.get(first["next"]).json()
        assert [page["results"][0]["profile"] for page in (first, second)] == sorted([anna.pk, ben.pk])
        assert first["results"][0]["value"] == 1
        assert second["next"] is None and first["as_of"]

    def test_of_one_profile(self, api: APIClient, make_trait: MakeTrait, anna: Profile, ben: Profile) -> None:
        one = f"{URL}/{make_trait(spend()).pk}/values"
        assert api.get(one, {"profile": anna.pk}).json()["results"][0]["value"] == 29.5
        nothing = api.get(one, {"profile": ben.pk}).json()["results"]
        assert [(each["value"], each["changed_at"]) for each in nothing] == [(0, None)]
        assert api.get(one, {"profile": 999_999}).status_code == 404
        assert api.get(one, {"profile": "anna"}).status_code == 400

    def test_of_a_disabled_one_nobody_sees_any(self, api: APIClient, make_trait: MakeTrait, anna: Profile) -> None:
        one = f"{URL}/{make_trait(spend()).pk}"
        api.post(f"{one}/disable")
        assert api.get(f"{one}/values").json()["results"] == []
        assert api.get(f"{one}/distribution").json()["distribution"]["count"] == 0


class TestWhy:
    def test_the_events_that_made_it(self, api: APIClient, make_trait: MakeTrait, tell: Tell, anna: Profile) -> None:
        tell("purchase", user="anna", hours_ago=1, revenue="free")
        trait = make_trait(spend())
        why = api.get(f"{URL}/{trait.pk}/why", {"profile": anna.pk}).json()
        assert (why["value"], why["events_counted"]) == (29.5, 3)
        told = [(each["name"], each["value"], each["skipped"]) for each in why["events"]]
        assert told == [("purchase", "free", "not a number"), ("purchase", "9.5", None), ("purchase", 20, None)]

    def test_which_one_gave_it(self, api: APIClient, make_trait: MakeTrait, anna: Profile) -> None:
        trait = make_trait(spend(fn="max"))
        why = api.get(f"{URL}/{trait.pk}/why", {"profile": anna.pk}).json()
        assert [each["value"] for each in why["events"] if each["gave_value"]] == [20]

    def test_of_somebody_who_did_nothing(self, api: APIClient, make_trait: MakeTrait, ben: Profile) -> None:
        why = api.get(f"{URL}/{make_trait(spend()).pk}/why", {"profile": ben.pk}).json()
        assert (why["value"], why["events"]) == (0, [])
        assert "None of its events" in why["reason"]

    def test_of_somebody_kept_out_by_the_filter(self, api: APIClient, make_trait: MakeTrait, anna: Profile) -> None:
        condition = {"type": "profile", "field": "attributes.plan", "op": "eq", "value": "pro"}
        why = api.get(f"{URL}/{make_trait(spend(profile_filter=condition)).pk}/why", {"profile": anna.pk}).json()
        assert why["value"] is None and "filter" in why["reason"]


class TestGroups:
    def test_numbers(self, api: APIClient, make_trait: MakeTrait, anna: Profile, ben: Profile) -> None:
        found = api.get(f"{URL}/{make_trait(visits()).pk}/distribution").json()
        assert found["coverage"] == {"profiles": 2, "with_value": 2, "rate": 1.0}
        spread = found["distribution"]
        assert (spread["kind"], spread["median"], spread["bins"]) == (
            "numbers", 1, [{"start": 1, "end": 1, "count": 2}],
        )  # fmt: skip

    def test_values(self, api: APIClient, make_trait: MakeTrait, tell: Tell, anna: Profile) -> None:
        tell("purchase", user="cleo", category="shoes")
        body = {"name": "favourite", "kind": "most_frequent", "event": "purchase", "property": "category"}
        spread = api.get(f"{URL}/{make_trait(body).pk}/distribution").json()["distribution"]
        assert spread["values"] == [{"value": "shoes", "count": 1, "rate": 1.0}]

    def test_instants_and_days_since(self, api: APIClient, make_trait: MakeTrait, anna: Profile) -> None:
        body = {"name": "last_bought", "kind": "last", "event": "purchase", "property": "timestamp"}
        spread = api.get(f"{URL}/{make_trait(body).pk}/distribution").json()["distribution"]
        assert (spread["kind"], spread["most"]) == ("instants", "2026-01-15T10:00:00+01:00")
        since = make_trait({**body, "name": "days", "calculation": "DAYS_SINCE"})
        spread = api.get(f"{URL}/{since.pk}/distribution").json()["distribution"]
        assert (spread["kind"], spread["most"]) == ("numbers", 0)


class TestPreview:
    def test_it_works(self, api: APIClient, tell: Tell, anna: Profile, ben: Profile) -> None:
        tell("purchase", user="anna", hours_ago=1, revenue="free")
        found = api.post(f"{URL}/preview", spend()).json()
        assert found["coverage"] == {"profiles": 2, "with_value": 1, "rate": 0.5}
        assert (found["skipped_values"], found["would_change"], found["would_change_of"]) == (1, 1, None)
        assert (found["distribution"]["kind"], found["distribution"]["average"]) == ("numbers", 29.5)
        (sample,) = found["sample"]
        assert (sample["profile"], sample["value"], sample["events_counted"]) == (anna.pk, 29.5, 3)
        assert [each["value"] for each in sample["events"]] == ["free", "9.5", 20]
        assert found["warnings"] == []

    def test_it_says_what_a_worker_will_compute(self, api: APIClient, make_trait: MakeTrait, anna: Profile) -> None:
        previewed = api.post(f"{URL}/preview", spend(fn="avg")).json()
        trait = make_trait(spend(fn="avg"))
        stored = api.get(f"{URL}/{trait.pk}/distribution").json()["distribution"]
        assert previewed["distribution"] == stored

    def test_how_many_would_change(self, api: APIClient, make_trait: MakeTrait, tell: Tell, anna: Profile) -> None:
        tell("purchase", user="cleo", hours_ago=2, revenue=7)
        make_trait(spend())
        assert api.post(f"{URL}/preview", spend()).json()["would_change"] == 0
        assert api.post(f"{URL}/preview", spend(fn="max")).json()["would_change"] == 1
        assert api.post(f"{URL}/preview", spend(event="refund")).json()["would_change"] == 2

    def test_of_many_a_sample_is_compared(
        self, api: APIClient, make_trait: MakeTrait, tell: Tell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(6):
            tell("purchase", user=f"user-{number}", revenue=number)
        make_trait(spend())
        monkeypatch.setattr(trait_preview, "MOST_COMPARED", 3)
        found = api.post(f"{URL}/preview", spend(event="refund")).json()
        assert (found["would_change"], found["would_change_of"]) == (6, 3)

    def test_it_needs_no_name_and_saves_nothing(self, api: APIClient, workspace: Workspace, anna: Profile) -> None:
        body = {name: value for name, value in visits().items() if name != "name"}
        assert api.post(f"{URL}/preview", body).status_code == 200
        assert not queries.listed(workspace).filter(is_system=False).exists()

    def test_other_currencies_are_told(self, api: APIClient, tell: Tell) -> None:
        tell("purchase", user="anna", revenue=5, currency="CHF")
        tell("purchase", user="anna", revenue=6, currency="USD")
        mixed = api.post(f"{URL}/preview", spend())
        assert [fault["pointer"] for fault in mixed.json()["errors"]] == ["/currency"]
        found = api.post(f"{URL}/preview", spend(currency="CHF")).json()
        assert (found["skipped_currencies"], found["sample"][0]["value"]) == ({"USD": 1}, 5)
        assert [each["skipped"] for each in found["sample"][0]["events"]].count("in USD") == 1


class TestProfiles:
    PROFILES = "/api/v1/cdp/profiles"

    def test_everywhere_with_their_traits(
        self, api: APIClient, make_trait: MakeTrait, anna: Profile, ben: Profile
    ) -> None:
        make_trait(spend())
        make_trait(visits())
        for answer in (
            api.get(f"{self.PROFILES}/lookup", {"user_id": "anna"}).json(),
            api.get(f"{self.PROFILES}/{anna.pk}").json(),
            next(each for each in api.get(self.PROFILES).json()["results"] if each["id"] == anna.pk),
        ):
            told = answer["traits"]
            assert (told["spend"], told["visits"]) == (29.5, 1)

    def test_more_profiles_and_traits_cost_no_more_queries(
        self, api: APIClient, make_trait: MakeTrait, anna: Profile, ben: Profile, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(5):
            make_trait(spend(name=f"spend_{number}"))
        api.get(self.PROFILES)
        with django_assert_max_num_queries(8):
            assert len(api.get(self.PROFILES).json()["results"]) == 2


class TestBreakdown:
    @pytest.fixture
    def asked(self, api: APIClient, tell: Tell) -> Callable[..., Any]:
        """A funnel of views and purchases; anna and cleo bought."""
        for user, bought in (("anna", 1), ("ben", 0), ("cleo", 2)):
            tell("view", user=user, hours_ago=20)
            for _ in range(bought):
                tell("purchase", user=user, hours_ago=10, revenue=5, category="shoes")
        body = {"name": "Funnel", "steps": [{"event": "view"}, {"event": "purchase"}]}
        funnel = api.post("/api/v1/cdp/funnels", body).json()["id"]
        return lambda what="analyze", **query: api.get(f"/api/v1/cdp/funnels/{funnel}/{what}", query)

    def counts(self, answer: Any) -> dict[Any, tuple[int, int]]:
        values = answer.json()["breakdown"]["values"]
        return {each["value"]: (each["entered"], each["converted"]) for each in values}

    def test_missing_is_a_value_of_its_own(self, asked: Callable[..., Any], make_trait: MakeTrait) -> None:
        make_trait({"name": "favourite", "kind": "most_frequent", "event": "purchase", "property": "category"})
        answer = asked(breakdown="traits.favourite")
        assert self.counts(answer) == {"shoes": (2, 2), None: (1, 0)}
        assert answer.json()["breakdown"]["attribution"] is None
        people = asked("people", breakdown="traits.favourite", breakdown_value="null", step=0).json()
        assert [each["name"] for each in people["results"]] == ["ben"]

    def test_who_did_nothing_has_a_count_of_0(self, asked: Callable[..., Any], make_trait: MakeTrait) -> None:
        make_trait(visits(name="bought", event="purchase"))
        assert self.counts(asked(breakdown="traits.bought")) == {1: (1, 1), 2: (1, 1), 0: (1, 0)}
        people = asked("people", breakdown="traits.bought", breakdown_value="0", step=0).json()
        assert [each["name"] for each in people["results"]] == ["ben"]
        assert asked("people", breakdown="traits.bought", breakdown_value="2", step=1).json()["total"] == 1

    def test_what_is_not_there_is_refused(self, asked: Callable[..., Any], make_trait: MakeTrait) -> None:
        make_trait(spend(), computed=False)
        for name in ("spend", "nothing"):
            refused = asked(breakdown=f"traits.{name}")
            assert refused.status_code == 400
            assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/breakdown"]


class TestExport:
    def test_everybody_with_a_value(
        self, workspace: Workspace, by_alice: Actor, make_trait: MakeTrait, anna: Profile, ben: Profile, now: datetime
    ) -> None:
        trait = make_trait(spend())
        sheet = trait_values(workspace, {"trait": str(trait.pk)}, by_alice, now)
        assert (sheet.total, sheet.header[-2:]) == (1, ("spend", "changed_at"))
        (row,) = list(sheet.rows)
        assert (row[0], row[2], row[5]) == (anna.pk, "anna", 29.5)

    @pytest.mark.parametrize("trait", ["", "x", "00000000-0000-4000-8000-000000000000"])
    def test_an_unknown_trait_is_missing(
        self, workspace: Workspace, by_alice: Actor, now: datetime, trait: str
    ) -> None:
        with pytest.raises(Missing):
            trait_values(workspace, {"trait": trait}, by_alice, now)


def test_a_change_reaches_the_values(api: APIClient, make_trait: MakeTrait, tell: Tell, workspace: Workspace) -> None:
    tell("purchase", user="anna", revenue=3)
    trait = make_trait(spend())
    tell("purchase", user="anna", revenue=4)
    api.post(f"{URL}/{trait.pk}/backfill")
    trait.refresh_from_db()
    run_job(trait)
    anna = profile_of(workspace, "user_id", "anna")
    assert api.get(f"{URL}/{trait.pk}/values", {"profile": anna.pk}).json()["results"][0]["value"] == 7
