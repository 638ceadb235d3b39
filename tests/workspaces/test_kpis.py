"""Figures of the first page: periods, what they are compared with, what cannot be measured, and their export."""

import json
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from stratum.home import kpis
from stratum.lib import periods
from stratum.lib.periods import Period
from stratum.lib.refusal import Refusal
from stratum.workspaces import plans, registry
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Kpi, Measured

EXPORT = "/dashboard/exports/dashboard"
FIGURES = "/dashboard/figures"


def rain(workspace: Workspace, period: Period, before: Period, now: datetime) -> Measured:
    days = [float(at) for at in range(period.days)]
    return Measured("21 mm", 21, days, float(before.days * 2))


def broken(*_: object) -> Measured:
    raise Refusal("broken", "The gauge is broken.")


@pytest.fixture(autouse=True)
def only_rain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(registry.kpis):
        monkeypatch.delitem(registry.kpis, name)
    monkeypatch.setitem(registry.kpis, "rain", Kpi("rain", "Rain", "What fell.", rain, unit="mm"))


def test_it_works(as_alice: Client) -> None:
    answer = as_alice.get(FIGURES, {"range": "7d"})
    page = answer.content.decode()
    (tile,) = answer.context["tiles"]
    assert "21 mm" in page and "What fell." in page
    assert (tile.change, tile.percent) == (0.5, "50%")
    assert answer.context["by_day"][0][0] == date(2026, 1, 15)
    assert "M3.0 33.0L" in tile.line


def test_the_page_asks_for_them_afterwards(as_alice: Client) -> None:
    page = as_alice.get("/dashboard/", {"range": "7d"}).content.decode()
    assert "21 mm" not in page and "What fell." in page
    assert page.count('hx-get="/dashboard/figures?range=7d" hx-trigger="load"') == 1
    answer = as_alice.get(FIGURES, {"range": "7d"}, headers={"HX-Request": "true"}).content.decode()
    assert "21 mm" in answer and "<html" not in answer and "hx-trigger" not in answer
    assert 'id="home-by-day" hx-swap-oob="true"' in answer


def test_what_a_card_shows_is_no_tile_beside_it(as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.kpis, "rain", replace(registry.kpis["rain"], tile=False))
    answer = as_alice.get(FIGURES, {"range": "7d"})
    assert answer.context["shown_tiles"] == []
    assert "What fell." not in answer.content.decode()
    assert '<th scope="col" class="number">Rain</th>' in answer.content.decode()


def test_typed_dates(as_alice: Client) -> None:
    period = as_alice.get("/dashboard/", {"from": "2026-01-01", "to": "2026-01-03"}).context["period"]
    assert (period.first_day, period.last_day, period.days) == (date(2026, 1, 1), date(2026, 1, 3), 3)


@pytest.mark.parametrize(
    "query", [{"range": "1y"}, {"from": "x"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"from": "2020-01-01"}]
)
def test_what_makes_no_sense_is_said_and_the_usual_days_are_shown(as_alice: Client, query: dict[str, str]) -> None:
    answer = as_alice.get("/dashboard/", query)
    assert answer.status_code == 422
    assert answer.context["refused"] and answer.context["period"].days == 30


def test_what_cannot_be_measured_says_why(as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.kpis, "broken", Kpi("broken", "Broken", "Nothing.", broken))
    assert "The gauge is broken." in as_alice.get(FIGURES).content.decode()
    assert b"Broken" not in b"".join(as_alice.get(EXPORT).streaming_content)  # type: ignore[attr-defined]


def test_a_line_breaks_where_nothing_was_measured() -> None:
    assert kpis.line([None, None]) == ""
    assert kpis.line([1, 2, None, 3, 4]).count("M") == 2


def test_the_days_before_are_as_many() -> None:
    period = periods.between_days(date(2026, 3, 1), date(2026, 3, 10), ZoneInfo("Europe/Berlin"))
    assert (kpis.before(period).first_day, kpis.before(period).last_day) == (date(2026, 2, 19), date(2026, 2, 28))


class TestExport:
    def test_csv_json_and_pdf(self, as_bob: Client) -> None:
        given = {"range": "7d"}
        csv = b"".join(as_bob.get(EXPORT, given).streaming_content).decode()  # type: ignore[attr-defined]
        assert csv.splitlines()[:2] == ["figure,unit,day,value", "Rain,mm,2026-01-09,0.0"]
        rows = json.loads(b"".join(as_bob.get(EXPORT, {**given, "format": "json"}).streaming_content))  # type: ignore[attr-defined]
        assert (len(rows), rows[-1]["value"]) == (7, 6.0)
        pdf = b"".join(as_bob.get(EXPORT, {**given, "format": "pdf"}).streaming_content)  # type: ignore[attr-defined]
        assert pdf.startswith(b"%PDF-")

    def test_it_is_a_feature_and_needs_a_right(
        self, as_role, as_bob: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert as_role("viewer").get(EXPORT).status_code == 403
        page = as_role("admin").get("/dashboard/").content.decode()
        assert f"{EXPORT}?range=30d&amp;format=pdf" in page
        bare = replace(plans.PROFESSIONAL, features=frozenset({"rfm_analysis"}))
        monkeypatch.setitem(plans.PLANS, "professional", bare)
        assert as_bob.get(EXPORT).status_code == 403

    def test_it_can_be_scheduled(self, as_bob: Client) -> None:
        form = as_bob.get("/dashboard/settings/exports/schedules/new", {"exporter": "dashboard", "range": "7d"})
        assert form.status_code == 200
        assert "Dashboard" in as_bob.get("/dashboard/settings/exports/schedules").content.decode()
