"""The page of signal health: scores, evidence, what follows for automation, and the days before."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from stratum.workspaces.models import Workspace
from trustlayer.models import HealthDay, SignalReading
from trustlayer.services import history, readings
from trustlayer.services.readings import NewReading

PAGE = "/dashboard/data-quality"
WELL = {
    "emq": 8.5,
    "freshness": 3_600.0,
    "volume": 0.5,
    "coverage": 0.99,
    "variance": 0.02,
    "api_health": 0.0,
    "dedup": 0.97,
}


def report(workspace: Workspace, now: datetime, platform: str = "meta", **values: float) -> None:
    """Everything well but what is given, from a source that has been read for ten days."""
    told = [
        NewReading(
            name,
            value,
            now,
            "Meta",
            platform,
            reported=True,
            since=now - timedelta(days=10),
            evidence={"sentence": f"{name} was measured", "url": "/dashboard/cdp/events"},
        )
        for name, value in {**WELL, **values}.items()
    ]
    readings.report(workspace=workspace, readings=told, now=now)


def shown(client: Client, address: str = PAGE, **headers: Any) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_before_the_first_measurement_it_says_what_to_do(as_alice: Client) -> None:
    text = shown(as_alice)
    assert "No signal has been measured yet" in text
    assert 'href="/dashboard/settings/sources"' in text


def test_scores_values_thresholds_and_evidence(as_bob: Client, workspace: Workspace, now: datetime) -> None:
    report(workspace, now, emq=7.0)
    text = shown(as_bob)
    assert '<span class="stat-value">94 <span class="stat-unit">of 100</span></span>' in text
    assert "<span>Healthy</span>" in text
    assert "emq was measured" in text
    assert 'href="/dashboard/cdp/events">See the events' in text
    assert "≥ 6.0" in text
    assert "below 4.0, if the platform says so" in text
    assert "All signals healthy, automation approved" in text


def test_what_would_change_the_decision(as_bob: Client, workspace: Workspace, now: datetime) -> None:
    report(workspace, now, emq=3.2)
    text = shown(as_bob)
    assert "EMQ score 3.2 (below 4.0 threshold): it has to reach 6.0." in text
    assert "<strong>EMQ score 3.2 (below 4.0 threshold)</strong>, so the score is at most 39." in text
    assert "The weighted mean of the known signals alone is 79." in text


def test_the_worst_platform_stands_first_and_each_can_be_chosen(
    as_bob: Client, workspace: Workspace, now: datetime
) -> None:
    report(workspace, now)
    report(workspace, now, "google", emq=5.0)
    assert "Signals of Google" in shown(as_bob)
    assert "The workspace is as well as its worst platform: Google." in shown(as_bob)
    assert "Signals of Meta" in shown(as_bob, f"{PAGE}?platform=meta")
    assert "Signals of Google" in shown(as_bob, f"{PAGE}?platform=<b>")


def test_learning_and_unknown_signals_say_so(as_bob: Client, workspace: Workspace, now: datetime) -> None:
    told = NewReading("emq", 9.0, now, "Meta", "meta", reported=True)
    readings.report(workspace=workspace, readings=[told], now=now)
    text = shown(as_bob)
    assert "<span>Learning</span>" in text
    assert "Event Match Quality is still learning: its first 7 days" in text
    assert "<span>Unknown</span>" in text
    assert "Freshness is unknown, and it is required" in text


def test_a_fragment_follows_the_signals(as_bob: Client, workspace: Workspace, now: datetime) -> None:
    report(workspace, now)
    text = shown(as_bob, **{"HX-Request": "true"})
    assert text.startswith('<div id="signal-health"')
    assert "History" not in text


def test_markup_in_what_was_reported_stays_text(as_bob: Client, workspace: Workspace, now: datetime) -> None:
    evidence = {"sentence": "<script>alert(1)</script>"}
    told = NewReading("emq", 9.0, now, "<b>Meta</b>", "meta", reported=True, evidence=evidence)
    readings.report(workspace=workspace, readings=[told], now=now)
    text = shown(as_bob)
    assert "<script>alert(1)" not in text
    assert "&lt;b&gt;Meta&lt;/b&gt;" in text


def test_nothing_of_another_workspace(as_charlie: Client, workspace: Workspace, now: datetime) -> None:
    report(workspace, now)
    assert "No signal has been measured yet" in shown(as_charlie)


# History


def test_a_day_keeps_its_end_and_its_extremes(workspace: Workspace, now: datetime) -> None:
    for hours, emq in ((0, 8.5), (1, 3.0), (2, 7.0)):
        report(workspace, now + timedelta(hours=hours), emq=emq)
        history.record(workspace=workspace, now=now + timedelta(hours=hours))
    rows = {row.platform: row for row in HealthDay.objects.filter(workspace=workspace)}
    assert set(rows) == {"", "meta"}
    assert (rows["meta"].score, rows["meta"].lowest, rows["meta"].highest) == (94, 39, 100)
    assert (rows[""].score, rows[""].signals["platform"]) == (94, "meta")
    history.record(workspace=workspace, now=now)
    assert HealthDay.objects.get(platform="meta").score == 94


def test_days_begin_at_midnight_of_the_workspace(workspace: Workspace, now: datetime) -> None:
    late = now.replace(hour=23, minute=30)  # half past midnight in Berlin
    report(workspace, late)
    history.record(workspace=workspace, now=late)
    assert {row.day.day for row in HealthDay.objects.all()} == {now.day + 1}


def test_the_first_row_of_a_day_lets_old_readings_go(workspace: Workspace, now: datetime) -> None:
    report(workspace, now - timedelta(days=61))
    report(workspace, now)
    history.record(workspace=workspace, now=now)
    assert SignalReading.objects.count() == len(WELL)


def test_the_tick_asks_every_ten_minutes(workspace: Workspace, other_workspace: Workspace, now: datetime) -> None:
    assert history.claim_due(now) == []
    report(workspace, now)
    assert history.claim_due(now) == [{"workspace_id": workspace.pk}]
    history.record(workspace=workspace, now=now)
    assert history.claim_due(now + timedelta(minutes=9)) == []
    assert history.claim_due(now + timedelta(minutes=10)) == [{"workspace_id": workspace.pk}]


@pytest.fixture
def month(workspace: Workspace, now: datetime) -> None:
    """Thirty days of Meta, the tenth of them a bad one."""
    for ago in range(30, -1, -1):
        at = now - timedelta(days=ago)
        report(workspace, at, emq=3.0 if ago == 10 else 8.5)
        history.record(workspace=workspace, now=at)


def test_the_history_is_a_chart_and_a_table(as_bob: Client, month: None) -> None:
    text = shown(as_bob)
    assert "Signal health at the end of each day. The lowest was 39 of Meta on 5 Jan 2026." in text
    assert '<tr><th scope="row">5 Jan 2026</th><td class="number">39</td></tr>' in text
    assert text.count('<th scope="row">') > 30
    assert "?platform=meta&amp;days=90#history" in text
    assert "17 Nov 2025" not in shown(as_bob, f"{PAGE}?days=nonsense")


def test_the_history_as_a_file(as_bob: Client, month: None) -> None:
    answer = as_bob.get("/dashboard/exports/signal_health?days=30&format=csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("day,platform,score,lowest,highest,emq,emq_score,emq_status,freshness")
    assert "2026-01-05,meta,39,39,39,3.0,30.0,critical" in "\n".join(lines)
    assert len(lines) == 1 + 60
    assert as_bob.get("/dashboard/exports/signal_health?days=0&format=csv").status_code == 422


def test_the_first_page_shows_it_with_its_trend(as_bob: Client, workspace: Workspace, month: None) -> None:
    text = shown(as_bob, "/dashboard/")
    assert '100 <span class="stat-unit">of 100</span>' in text
    assert "The last 14 days: 39 to 100" in text
    assert "as it was in 7 days" in text


def test_a_plan_without_history_says_so(
    as_bob: Client, workspace: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stratum.workspaces import plans  # noqa: PLC0415

    report(workspace, now)
    poor = plans.Plan("poor", "Poor", "", frozenset(), {}, None)
    monkeypatch.setitem(plans.PLANS, "poor", poor)
    workspace.plan = "poor"
    workspace.save()
    assert "Signal health history is part of the Starter plan" in shown(as_bob)
