"""The forecast of a segment by API and on its page."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from rest_framework.test import APIClient

from cdp.models import Segment, SegmentDay, SegmentForecast, Spell
from cdp.services import forecast as services
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace


def make_segment(workspace: Workspace, now: datetime, days: int) -> Segment:
    """Each day one enters and, from the tenth on, the oldest leaves."""
    SegmentDay.objects.all().delete()
    segment = Segment.objects.create(
        workspace=workspace, name="Friends", condition={"type": "static"}, created_at=now, updated_at=now
    )
    for place in range(days):
        at = now - timedelta(days=days - place)
        out = at + timedelta(days=10)
        has_left = out < now - timedelta(days=0, hours=1)
        Spell.objects.create(
            segment=segment,
            profile_id=place + 1,
            entered_at=at,
            entry_reason="event",
            exited_at=out if has_left else None,
            exit_reason="time" if has_left else None,
        )
        size, exited = min(place + 1, 10), int(place >= 10)
        SegmentDay.objects.create(segment=segment, day=at.date(), size=size, entered=1, exited=exited)
    return segment


def url(segment: Segment, what: str = "forecast") -> str:
    return f"/api/v1/cdp/segments/{segment.pk}/{what}"


def test_it_works(api: APIClient, workspace: Workspace, now: datetime) -> None:
    segment = make_segment(workspace, now, 80)
    told = api.get(url(segment)).json()
    assert set(told) == {
        "method", "low_confidence", "history", "forecast", "entry_rate", "exit_rate", "backtest",
    }  # fmt: skip
    assert [len(told["history"]), len(told["forecast"]), told["entry_rate"]] == [80, 30, 1.0]
    assert told["forecast"][0]["date"] == now.date().isoformat()
    assert told["forecast"][-1]["expected"] == pytest.approx(10, abs=1.5)
    assert api.get(url(segment)).json() == told and SegmentForecast.objects.count() == 1


def test_history_pages(api: APIClient, workspace: Workspace, now: datetime) -> None:
    segment = make_segment(workspace, now, 5)
    page = api.get(url(segment, "history"), {"limit": 2}).json()
    yesterday = (now - timedelta(days=1)).date().isoformat()
    line = {"date": yesterday, "size": 5, "entered": 1, "exited": 0, "reconstructed": False}
    assert page["results"][0] == line and page["next"]


def test_it_refuses(api: APIClient, workspace: Workspace, now: datetime) -> None:
    segment = make_segment(workspace, now, 12)
    answer = api.get(url(segment))
    assert answer.status_code == 409 and answer.json()["code"] == "not_enough_history"
    assert "has 12" in answer.json()["detail"]
    assert api.get(url(segment), {"days": "31"}).status_code == 422
    assert api.get(url(segment), {"colour": "red"}).status_code == 400


def test_it_checks_ownership(as_charlie: Client, workspace: Workspace, now: datetime) -> None:
    segment = make_segment(workspace, now, 40)
    assert as_charlie.get(f"/dashboard/cdp/segments/{segment.pk}/forecast").status_code == 404
    assert as_charlie.get(url(segment)).status_code == 404
    assert as_charlie.get(url(segment, "history")).status_code == 404


def test_page_and_csv(as_bob: Client, workspace: Workspace, now: datetime) -> None:
    segment = make_segment(workspace, now, 40)
    page = f"/dashboard/cdp/segments/{segment.pk}/forecast"
    shown = as_bob.get(page).content.decode()
    assert "Low confidence" in shown and "none has come due yet" in shown and "80 % interval" in shown
    assert "needs 60 complete days" in as_bob.get(page, {"days": 60}).content.decode()
    assert len(as_bob.get(f"{page}/csv").content.decode().splitlines()) == 31


def test_earlier_forecasts_are_compared_with_what_came(
    as_bob: Client, workspace: Workspace, now: datetime, by_alice: Actor
) -> None:
    segment = make_segment(workspace, now, 80)
    SegmentForecast.objects.create(
        segment=segment,
        day=now.date() - timedelta(days=31),
        horizon=30,
        version=1,
        method="cohorts",
        points=[{"expected": 8, "low80": 7, "high80": 9}],
        entry_rate=1,
        exit_rate=0,
        backtest={},
        low_confidence=False,
        history_days=49,
        made_at=now,
    )
    shown = as_bob.get(f"/dashboard/cdp/segments/{segment.pk}/forecast").content.decode()
    assert "1 came due, off by 25" in shown and "0 inside" in shown


def test_the_hourly_work_makes_what_is_due(workspace: Workspace, now: datetime) -> None:
    make_segment(workspace, now, 70)
    services.make_due(workspace, now=now)
    services.make_due(workspace, now=now)
    assert sorted(SegmentForecast.objects.values_list("horizon", flat=True)) == [30, 60]
