"""GET /api/v1/cdp/funnels/{id}/analyze and POST /api/v1/cdp/funnels/preview."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.models import Funnel
from stratum.workspaces.models import Workspace
from tests.cdp.funnels.conftest import BODY, Did, MakeFunnel

URL = "/api/v1/cdp/funnels"


def address(funnel: Funnel, query: str = "") -> str:
    return f"{URL}/{funnel.pk}/analyze{query}"


@pytest.fixture
def shop(did: Did) -> None:
    """Four look, two buy: after one minute and after three. Eve looked long ago."""
    did("anna", "page_view", "purchase", every=60)
    did("ben", "page_view", "purchase", every=180)
    did("cleo", "page_view")
    did("dora", "page_view", hours_ago=24 * 20)
    did("eve", "page_view", "purchase", hours_ago=24 * 40)


class TestAnalyze:
    def test_it_works(self, api: APIClient, funnel: Funnel, shop: None) -> None:
        answer = api.get(address(funnel))
        assert answer.status_code == 200
        assert answer.json() == {
            "funnel": {"id": str(funnel.pk), "name": "Purchase Funnel", "version": 1},
            "period": {
                "from": "2025-12-17T00:00:00+01:00",
                "to": "2026-01-15T23:59:59.999999+01:00",
                "time_zone": "Europe/Berlin",
            },
            "as_of": "2026-01-15T13:00:00+01:00",
            "counting": "unique",
            "mode": "ordered",
            "window": "P7D",
            "steps": [
                {
                    "index": 0,
                    "label": "Landing Page",
                    "event": "page_view",
                    "count": 4,
                    "conversion_from_start": 1.0,
                    "conversion_from_previous": 1.0,
                    "drop_off": 2,
                    "drop_off_rate": 0.5,
                    "average_seconds": None,
                    "median_seconds": None,
                },
                {
                    "index": 1,
                    "label": "purchase",
                    "event": "purchase",
                    "count": 2,
                    "conversion_from_start": 0.5,
                    "conversion_from_previous": 0.5,
                    "drop_off": 0,
                    "drop_off_rate": 0.0,
                    "average_seconds": 120.0,
                    "median_seconds": 120.0,
                },
            ],
            "entered": 4,
            "converted": 2,
            "overall_conversion": 0.5,
            "average_seconds_to_convert": 120.0,
            "median_seconds_to_convert": 120.0,
            "in_progress": 1,
            "breakdown": None,
            "previous": None,
        }

    def test_an_event_counts_in_the_very_next_answer(self, api: APIClient, funnel: Funnel, did: Did) -> None:
        assert api.get(address(funnel)).json()["entered"] == 0
        did("anna", "page_view")
        assert api.get(address(funnel)).json()["entered"] == 1
        did("anna", "purchase", hours_ago=1)
        assert api.get(address(funnel)).json()["converted"] == 1

    def test_nobody_entered(self, api: APIClient, funnel: Funnel) -> None:
        answer = api.get(address(funnel)).json()
        assert (answer["entered"], answer["overall_conversion"], answer["median_seconds_to_convert"]) == (0, 0.0, None)

    def test_range_and_window_of_the_question(self, api: APIClient, funnel: Funnel, shop: None) -> None:
        long_ago = api.get(address(funnel, "?from=2025-11-01&to=2025-12-16")).json()
        assert (long_ago["entered"], long_ago["converted"]) == (1, 1)
        quick = api.get(address(funnel, "/?window=PT1M")).json()
        assert (quick["window"], quick["converted"]) == ("PT1M", 1)
        instants = api.get(address(funnel, "?from=2026-01-14T12:00:00Z&to=2026-01-14T12:00:00Z")).json()
        assert (instants["entered"], instants["period"]["from"]) == (3, instants["period"]["to"])

    def test_filters_of_a_step(self, api: APIClient, make_funnel: MakeFunnel, did: Did) -> None:
        did("anna", "page_view", ("purchase", {"value": 9}))
        did("ben", "page_view", ("purchase", {"value": 10.5}))
        dear = {"event": "purchase", "where": {"property": "value", "op": "gt", "value": 10}}
        funnel = make_funnel(steps=[{"event": "*"}, dear])
        assert api.get(address(funnel)).json()["converted"] == 1

    def test_it_checks_ownership(self, stranger_api: APIClient, funnel: Funnel) -> None:
        assert stranger_api.get(address(funnel)).status_code == 404

    def test_other_workspaces_events_are_theirs(
        self, api: APIClient, funnel: Funnel, did: Did, other_workspace: Workspace
    ) -> None:
        did("anna", "page_view", "purchase", where=other_workspace)
        assert api.get(address(funnel)).json()["entered"] == 0

    @pytest.mark.parametrize(
        ("query", "pointer", "code"),
        [
            ("?colour=red", "/colour", "unknown_field"),
            ("?from=2026-01-10&to=2026-01-01", "/to", "reversed"),
            ("?from=soon", "/from", "invalid"),
            ("?to=99999-01-01", "/to", "invalid"),
            ("?window=P400D", "/window", "out_of_range"),
            ("?window=P0D", "/window", "out_of_range"),
            ("?counting=both", "/counting", "unknown_choice"),
            ("?breakdown=colour", "/breakdown", "unknown_choice"),
            ("?segment=1", "/segment", "invalid"),
            ("?compare=next", "/compare", "unknown_choice"),
        ],
    )
    def test_bad_questions(self, api: APIClient, funnel: Funnel, query: str, pointer: str, code: str) -> None:
        answer = api.get(address(funnel, query))
        assert answer.status_code == 400
        assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]
        assert len(answer.json()["detail"]) > 20

    def test_total_events_are_never_below_unique_users(self, api: APIClient, funnel: Funnel, shop: None) -> None:
        users, attempts = (api.get(address(funnel, f"?counting={way}")).json() for way in ("unique", "totals"))
        assert attempts["counting"] == "totals"
        assert users["entered"] > 0
        for few, many in zip(users["steps"], attempts["steps"], strict=True):
            assert few["count"] <= many["count"]

    def test_a_viewer_may_ask(self, as_role: Any, funnel: Funnel) -> None:
        assert as_role("viewer").get(address(funnel)).status_code == 200


class TestPreview:
    def test_it_answers_like_the_saved_funnel(self, api: APIClient, funnel: Funnel, shop: None) -> None:
        question = {"funnel": BODY, "from": "2026-01-01", "to": "2026-01-15"}
        answer = api.post(f"{URL}/preview", question)
        assert answer.status_code == 200
        saved = api.get(address(funnel, "?from=2026-01-01&to=2026-01-15")).json()
        assert answer.json() == saved | {"funnel": {"id": None, "name": "Purchase Funnel", "version": None}}
        assert Funnel.objects.count() == 1

    def test_it_needs_no_name(self, api: APIClient) -> None:
        answer = api.post(f"{URL}/preview/", {"funnel": {"steps": BODY["steps"]}, "window": "P1D"})
        assert (answer.status_code, answer.json()["window"]) == (200, "P1D")

    def test_it_sees_only_its_own_workspace(self, stranger_api: APIClient, shop: None) -> None:
        assert stranger_api.post(f"{URL}/preview", {"funnel": BODY}).json()["entered"] == 0

    def test_every_fault_at_once(self, api: APIClient) -> None:
        answer = api.post(f"{URL}/preview", {"funnel": {"steps": []}, "from": "soon", "colour": 1, "breakdown": "shoe"})
        assert answer.status_code == 422
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [
            "/funnel/steps",
            "/colour",
            "/from",
            "/breakdown",
        ]

    @pytest.mark.parametrize("body", [{}, [], "x", None, {"funnel": None}, {"funnel": []}])
    def test_bodies_without_a_funnel(self, api: APIClient, body: object) -> None:
        assert api.post(f"{URL}/preview", body).status_code == 422
