"""/api/v1/cdp/computed-traits: create, read, change, versions, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.definitions.trait_templates import TEMPLATES
from cdp.models import Profile, Trait
from stratum.workspaces import plans
from stratum.workspaces.models import Workspace
from tests.cdp.traits.conftest import MakeTrait, run_job, spend, visits

URL = "/api/v1/cdp/computed-traits"
Faults = list[tuple[str, str]]


def faults(answer: Any) -> Faults:
    assert answer["content-type"] == "application/problem+json"
    assert all(len(fault["detail"]) > 15 for fault in answer.json()["errors"])
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


def test_it_works(api: APIClient, anna: Profile, ben: Profile) -> None:
    answer = api.post(URL, spend(label="Total Spend", window={"last": "P30D"}))
    assert answer.status_code == 201
    made = answer.json()
    assert (made["status"], made["version"], made["next_version"], made["is_system"]) == ("preparing", None, 1, False)
    assert (made["fn"], made["event"], made["window"], made["label"]) == (
        "sum", "purchase", {"last": "P30D"}, "Total Spend",
    )  # fmt: skip
    assert "revenue" in made["sentence"] and "Aggregation: SUM" in made["yaml"]
    assert made["warnings"] == [] and made["job"]
    run_job(Trait.objects.get(pk=made["id"]))
    read = api.get(f"{URL}/{made['id']}").json()
    assert (read["status"], read["version"], read["used_by"]) == ("live", 1, [])
    assert read["coverage"] == {"profiles": 2, "with_value": 1, "rate": 0.5}
    assert api.get(URL, {"search": "spend"}).json()["results"][0]["coverage"] == read["coverage"]


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_tutorials_yaml_is_taken_and_given_back(api: APIClient, name: str) -> None:
    made = api.post(URL, {"yaml": TEMPLATES[name].yaml})
    assert made.status_code == 201
    assert made.json()["name"] == name
    again = api.post(f"{URL}/preview", {"yaml": made.json()["yaml"]}).json()
    assert again["yaml"] == made.json()["yaml"]


def test_a_ratio_of_two_events(api: APIClient) -> None:
    part = {"event": "email_opened", "window": {"last": "P30D"}}
    body = {"name": "open_rate", "kind": "ratio", "numerator": part, "denominator": {**part, "event": "email_sent"}}
    made = api.post(URL, body).json()
    assert made["numerator"] == {**part, "where": None}
    assert (made["event"], made["fn"]) == (None, None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "Total Spend"}, [("/name", "malformed")]),
        ({"name": "total_spend"}, [("/name", "reserved")]),
        ({"kind": "median"}, [("/kind", "unknown_choice")]),
        ({"fn": "median"}, [("/fn", "unknown_choice")]),
        ({"event": ""}, [("/event", "required")]),
        ({"property": None}, [("/property", "required")]),
        ({"window": {"last": "P0D"}}, [("/window/last", "out_of_range")]),
        ({"where": {"property": "revenue", "op": "like", "value": 1}}, [("/where/op", "invalid")]),
        ({"frequency": "weekly"}, [("/frequency", "unknown_choice")]),
        ({"colour": "red"}, [("/colour", "unknown_field")]),
        ({"draft": "yes"}, [("/draft", "wrong_type")]),
        (
            {"profile_filter": {"type": "profile", "field": "traits.no", "op": "exists"}},
            [("/profile_filter", "unknown")],
        ),
    ],
)
def test_every_fault_comes_with_its_pointer(api: APIClient, fields: dict[str, Any], expected: Faults) -> None:
    answer = api.post(URL, spend(**fields))
    assert answer.status_code == 422
    assert [pointer for pointer, _ in faults(answer)] == [pointer for pointer, _ in expected]
    assert not Trait.objects.exists()


@pytest.mark.parametrize("body", [[], "text", None, 7, {"yaml": 7}, {"yaml": "- a"}, {"yaml": "Name: a", "fn": "sum"}])
def test_other_shapes_are_refused(api: APIClient, body: Any) -> None:
    for address in (URL, f"{URL}/preview"):
        assert faults(api.post(address, body, format="json"))


def test_a_name_is_taken_once(api: APIClient, make_trait: MakeTrait) -> None:
    make_trait(spend())
    assert faults(api.post(URL, spend())) == [("/name", "taken")]


def test_what_never_came_is_allowed_with_a_warning(api: APIClient, anna: Profile) -> None:
    warned = api.post(URL, visits(event="veiw")).json()["warnings"]
    assert [(each["pointer"], each["code"]) for each in warned] == [("/event", "unknown_event")]
    warned = api.post(URL, spend(property="revenu")).json()["warnings"]
    assert [(each["pointer"], each["code"]) for each in warned] == [("/property", "unknown_property")]


class TestChanging:
    def test_a_new_definition_serves_when_it_is_computed(
        self, api: APIClient, make_trait: MakeTrait, anna: Profile
    ) -> None:
        trait = make_trait(spend())
        changed = api.patch(f"{URL}/{trait.pk}", {"fn": "max"}).json()
        assert (changed["fn"], changed["version"], changed["next_version"]) == ("max", 1, 2)
        twice = api.patch(f"{URL}/{trait.pk}", {"label": "Largest"}).json()
        assert (twice["fn"], twice["label"]) == ("max", "Largest")
        trait.refresh_from_db()
        run_job(trait)
        assert api.get(f"{URL}/{trait.pk}/values", {"profile": anna.pk}).json()["results"][0]["value"] == 20
        numbers = [(each["number"], each["serves"]) for each in api.get(f"{URL}/{trait.pk}/versions").json()["results"]]
        assert (numbers[0][1], numbers[-1]) == (True, (1, False))

    def test_null_takes_a_field_away(self, api: APIClient, make_trait: MakeTrait) -> None:
        trait = make_trait(spend(window={"last": "P30D"}))
        assert api.patch(f"{URL}/{trait.pk}", {"window": None}).json()["window"] is None

    def test_put_replaces(self, api: APIClient, make_trait: MakeTrait) -> None:
        trait = make_trait(spend(label="Spend"))
        assert api.put(f"{URL}/{trait.pk}", spend(fn="min")).json()["label"] == ""
        assert faults(api.put(f"{URL}/{trait.pk}", {"name": "spend"}))[0][0] == "/kind"

    def test_somebody_was_faster(self, api: APIClient, make_trait: MakeTrait) -> None:
        one = f"{URL}/{make_trait(spend()).pk}"
        tag = api.get(one)["ETag"]
        assert api.get(one, headers={"If-None-Match": tag}).status_code == 304
        assert api.patch(one, {"label": "A"}, headers={"If-Match": '"other"'}).status_code == 412
        assert api.patch(one, {"label": "A"}, headers={"If-Match": tag}).status_code == 200
        assert api.delete(one, headers={"If-Match": tag}).status_code in (204, 412)

    def test_restoring_a_version(self, api: APIClient, make_trait: MakeTrait) -> None:
        trait = make_trait(spend())
        api.patch(f"{URL}/{trait.pk}", {"fn": "max"})
        restored = api.post(f"{URL}/{trait.pk}/versions/1/restore")
        assert restored.status_code == 200
        assert restored.json()["fn"] == "sum"
        assert api.post(f"{URL}/{trait.pk}/versions/9/restore").status_code == 404

    def test_backfill_is_a_job(self, api: APIClient, make_trait: MakeTrait, anna: Profile) -> None:
        trait = make_trait(spend())
        answer = api.post(f"{URL}/{trait.pk}/backfill")
        assert (answer.status_code, answer.json()["kind"]) == (202, "cdp.backfill_trait")
        assert api.get(answer["Location"]).json()["id"] == answer.json()["id"]
        assert api.post(f"{URL}/{trait.pk}/backfill").json()["id"] == answer.json()["id"]

    def test_draft_publish_disable_enable(self, api: APIClient) -> None:
        draft = api.post(URL, spend(draft=True)).json()
        one = f"{URL}/{draft['id']}"
        assert draft["status"] == "draft"
        assert api.post(f"{one}/backfill").status_code == 409
        assert api.post(f"{one}/publish").json()["status"] == "preparing"
        run_job(Trait.objects.get(pk=draft["id"]))
        assert api.post(f"{one}/disable").json()["status"] == "disabled"
        assert api.post(f"{one}/enable").json()["status"] == "preparing"


class TestUsed:
    @pytest.fixture
    def asking(self, make_trait: MakeTrait, anna: Profile) -> tuple[Trait, Trait]:
        """One, and another whose filter asks for it."""
        asked = make_trait(spend())
        condition = {"type": "profile", "field": "traits.spend", "op": "gt", "value": 10}
        return asked, make_trait(visits(profile_filter=condition))

    def test_dependencies(self, api: APIClient, asking: tuple[Trait, Trait]) -> None:
        asked, asker = asking
        found = api.get(f"{URL}/{asked.pk}/dependencies").json()
        assert [(each["kind"], each["label"]) for each in found["used_by"]] == [("Computed trait", "visits")]
        assert api.get(f"{URL}/{asked.pk}").json()["used_by"] == found["used_by"]
        assert [each["name"] for each in api.get(f"{URL}/{asker.pk}/dependencies").json()["uses"]] == ["spend"]

    def test_what_is_used_is_not_deleted(self, api: APIClient, asking: tuple[Trait, Trait]) -> None:
        answer = api.delete(f"{URL}/{asking[0].pk}")
        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
        assert "visits" in answer.json()["detail"]
        assert [api.delete(f"{URL}/{trait.pk}").status_code for trait in reversed(asking)] == [204, 204]
        assert api.get(f"{URL}/{asking[0].pk}").status_code == 404

    def test_cycles_are_refused_with_the_path(self, api: APIClient, asking: tuple[Trait, Trait]) -> None:
        condition = {"type": "profile", "field": "traits.visits", "op": "exists"}
        answer = api.patch(f"{URL}/{asking[0].pk}", {"profile_filter": condition})
        assert faults(answer) == [("/profile_filter", "cycle")]
        assert "spend → visits → spend" in answer.json()["detail"]


class TestList:
    def test_pages(self, api: APIClient, make_trait: MakeTrait) -> None:
        for name in ("c", "a", "b"):
            make_trait(spend(name=name), computed=False)
        first = api.get(URL, {"limit": 2, "status": "preparing"}).json()
        second = api.get(first["next"]).json()
        assert [each["name"] for page in (first, second) for each in page["results"]] == ["a", "b", "c"]

    @pytest.mark.parametrize("query", [{"colour": "red"}, {"status": "lost"}, {"limit": "0"}, {"cursor": "x"}])
    def test_bad_queries(self, api: APIClient, query: dict[str, str]) -> None:
        assert api.get(URL, query).status_code == 400

    def test_it_checks_ownership(self, stranger_api: APIClient, make_trait: MakeTrait) -> None:
        one = f"{URL}/{make_trait(spend()).pk}"
        assert "spend" not in [each["name"] for each in stranger_api.get(URL).json()["results"]]
        for method, address in (
            ("get", one), ("put", one), ("patch", one), ("delete", one), ("post", f"{one}/backfill"),
            ("post", f"{one}/publish"), ("post", f"{one}/disable"), ("post", f"{one}/enable"),
            ("get", f"{one}/versions"), ("post", f"{one}/versions/1/restore"), ("get", f"{one}/dependencies"),
            ("get", f"{one}/values"), ("get", f"{one}/distribution"), ("get", f"{one}/why?profile=1"),
        ):  # fmt: skip
            body = {} if method in ("get", "delete") else {"data": spend(), "format": "json"}
            assert getattr(stranger_api, method)(address, **body).status_code == 404, address


class TestLimits:
    def test_another_plan_has_none(self, api: APIClient, workspace: Workspace) -> None:
        workspace.plan = "starter"
        workspace.save()
        assert api.post(URL, spend()).json()["code"] == "feature_not_in_plan"
        assert api.post(f"{URL}/preview", spend()).status_code == 403

    def test_the_plan_limits_active_ones(
        self, api: APIClient, make_trait: MakeTrait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(plans.PLANS["professional"].limits, "computed_traits", 1)
        make_trait(spend())
        refused = api.post(URL, visits())
        assert (refused.status_code, refused.json()["code"]) == (403, "limit_reached")
        assert api.post(URL, visits(draft=True)).status_code == 201

    def test_scopes(self, api_with: Callable[..., APIClient]) -> None:
        assert api_with("read").post(URL, spend()).status_code == 403
        assert api_with("read").post(f"{URL}/preview", spend()).status_code == 200
