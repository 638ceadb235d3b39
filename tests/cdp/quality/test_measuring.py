"""The signals of a shop, measured on what it sent."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdp.queries.quality import arrivals
from cdp.services import quality
from cdp.services.ingest import ingest
from cdp.tasks import measure_signals
from stratum.workspaces.models import Workspace, WriteKey
from tests import factories
from tests.cdp.people import Tell, teller
from trustlayer.models import SignalReading
from trustlayer.policy import Policy
from trustlayer.queries import health
from trustlayer.services import readings
from trustlayer.services.readings import NewReading

Send = Callable[..., None]
FROM_META = {"page": {"url": "https://shop.example/?utm_source=facebook&fbclid=abc"}}


@pytest.fixture
def browser(workspace: Workspace) -> WriteKey:
    return factories.write_key(workspace, client_side=True)[0]


@pytest.fixture
def server(workspace: Workspace) -> WriteKey:
    return factories.write_key(workspace)[0]


@pytest.fixture
def send(workspace: Workspace, now: datetime) -> Send:
    """`send(source, 20, "purchase", late=minutes)`: that many events, one a minute, each of somebody else."""

    def sent(
        source: WriteKey, times: int, event: str = "purchase", *, hours_ago: float = 1, late: float = 0, **item: Any
    ) -> None:
        for number in range(times):
            at = now - timedelta(hours=hours_ago) + timedelta(seconds=number)
            told = {
                "type": "track",
                "event": event,
                "userId": f"user-{number}",
                "timestamp": (at - timedelta(minutes=late)).isoformat(),
                "messageId": f"{source.pk}-{event}-{hours_ago}-{late}-{number}",
                **{key: value(number) if callable(value) else value for key, value in item.items()},
            }
            ingest(workspace=workspace, source=source, items=[told], received_at=at)

    return sent


def measured(workspace: Workspace, now: datetime) -> dict[tuple[str, str], NewReading]:
    return {(one.signal, one.platform): one for one in quality.measure(workspace=workspace, now=now)}


def words(reading: NewReading) -> str:
    assert reading.evidence is not None
    return str(reading.evidence["sentence"])


def test_without_an_event_nothing_is_measured(workspace: Workspace, now: datetime) -> None:
    assert quality.measure(workspace=workspace, now=now) == []
    assert not SignalReading.objects.exists()


def test_freshness_is_the_worse_of_delay_and_silence(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    send(server, 19, late=1)
    send(server, 1, late=300, hours_ago=0.5)
    fresh = measured(workspace, now)["freshness", ""]
    assert fresh.value == pytest.approx(30 * 60, abs=1)
    assert words(fresh).startswith("20 events in 24 h: half of them within 60 s, 95% within 16 min of happening.")
    later = measured(workspace, now + timedelta(hours=3))["freshness", ""]
    assert later.value == pytest.approx(3.5 * 3600, abs=1)
    assert "The last one arrived 3.5 h ago." in words(later)


def test_history_that_is_imported_is_not_late(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    send(server, 5, late=1)
    send(server, 20, late=60 * 24 * 30, hours_ago=0.2)
    fresh = measured(workspace, now)["freshness", ""]
    assert fresh.value < 3600
    assert "20 were more than 7 days old and count as imported history." in words(fresh)


def test_match_quality_reads_events_and_their_profiles(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey, tell: Tell
) -> None:
    send(server, 10, context=FROM_META | {"ip": "192.0.2.1", "userAgent": "Mozilla/5.0"}, properties={"fbp": "fb.1.2"})
    tell("identify", user="user-0", email="anna@example.com", firstName="Anna", lastName="Doe")
    found = measured(workspace, now)
    meta = found["emq", "meta"]
    # external id, fbc by the click, fbp, IP and user agent on all ten; e-mail and names on one.
    assert meta.value == pytest.approx(1.5 + 1 + 1 + 0.5 + 0.5 + (2.5 + 0.5 + 0.5) / 10)
    assert not meta.reported
    assert words(meta) == (
        "Computed from 10 conversion events in 48 h. Most is lost by e-mail (10% carry it) and phone (0% carry it)."
    )
    assert ("emq", "google") not in found


def test_a_platform_that_reports_is_computed_too(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    send(server, 10)
    told = NewReading("api_health", 0.0, now, "google", "google", reported=True)
    readings.report(workspace=workspace, readings=[told], now=now)
    assert measured(workspace, now)["emq", "google"].value == pytest.approx(0)


def test_a_click_of_yesterday_is_known_for_todays_purchase(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    send(server, 10, "Signed Up", hours_ago=30, context={"page": {"search": "?gclid=xyz&utm_source=google"}})
    send(server, 10)
    google = measured(workspace, now)["emq", "google"]
    assert google.value == pytest.approx(2)


def test_coverage_counts_what_servers_sent(workspace: Workspace, now: datetime, send: Send, server: WriteKey) -> None:
    send(server, 18)
    for number in range(2):
        send(server, 1, "Order Completed", hours_ago=2 + number, userId=None)
    coverage = measured(workspace, now)["coverage", ""]
    assert coverage.value == pytest.approx(0.9)
    assert words(coverage).endswith("18 were stored, 0 were second copies, 2 were refused.")
    assert coverage.evidence is not None
    assert coverage.evidence["url"] == "/dashboard/cdp/events?outcome=rejected"


def test_an_order_that_was_mended_is_not_lost(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    send(server, 10, userId=lambda number: None if number < 3 else "anna")
    send(server, 10)
    assert measured(workspace, now)["coverage", ""].value == 1


def test_orders_of_browsers_say_nothing_about_coverage(
    workspace: Workspace, now: datetime, send: Send, browser: WriteKey
) -> None:
    send(browser, 20)
    assert ("coverage", "") not in measured(workspace, now)


def test_pairs_are_known_by_event_id_or_only_by_their_order(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey, browser: WriteKey
) -> None:
    shared = {"properties": lambda number: {"order_id": f"o{number}", "event_id": f"e{number}"}}
    apart = {"properties": lambda number: {"order_id": f"p{number}"}}
    for source in (browser, server):
        send(source, 12, hours_ago=2, **shared)
        send(source, 3, **apart)
    dedup = measured(workspace, now)["dedup", ""]
    assert dedup.value == pytest.approx(12 / 15)
    send(server, 5, hours_ago=0.5, properties={"order_id": "alone"})  # one side only: no pair
    assert measured(workspace, now + timedelta(minutes=1))["dedup", ""].value == pytest.approx(12 / 15)


def test_volume_needs_weeks_and_finds_silence(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    for week in range(8, 0, -1):
        for hour in (3.5, 2.5, 1.5):
            send(server, 6, "visit", hours_ago=week * 168 + hour)
    found = measured(workspace, now)["volume", ""]
    assert found.value == 0
    assert words(found) == "0 events in the 3 h to 12:00 UTC; about 12 in the same hours of the last 8 weeks."
    state = health.health_of(workspace, "", Policy(), now=now).signal("volume")
    assert state.status == "critical"
    send(server, 18, "visit", hours_ago=1.5)
    send(server, 18, "visit", hours_ago=3.5)
    assert measured(workspace, now + timedelta(minutes=1))["volume", ""].value > 0.05


def test_young_events_have_no_usual_volume(workspace: Workspace, now: datetime, send: Send, server: WriteKey) -> None:
    send(server, 20, hours_ago=24 * 30)
    assert ("volume", "") not in measured(workspace, now)


def test_a_source_learns_from_its_first_event_on(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    send(server, 10, hours_ago=24 * 6)
    send(server, 10)
    quality.measure(workspace=workspace, now=now)
    assert health.health_of(workspace, "", Policy(), now=now).signal("freshness").status == "learning"
    quality.measure(workspace=workspace, now=now + timedelta(days=1.1))
    later = now + timedelta(days=1.1)
    assert health.health_of(workspace, "", Policy(), now=later).signal("freshness").status != "learning"


def test_the_tick_asks_every_quarter_of_an_hour(
    workspace: Workspace, other_workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    assert quality.claim_due(now) == []
    send(server, 1)
    assert quality.claim_due(now) == [{"workspace_id": workspace.pk}]
    measure_signals(workspace.pk)
    assert quality.claim_due(now + timedelta(minutes=14)) == []
    assert quality.claim_due(now + timedelta(minutes=15)) == [{"workspace_id": workspace.pk}]


def test_nothing_is_read_of_another_workspace(
    workspace: Workspace, other_workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    send(server, 20, context=FROM_META)
    assert quality.measure(workspace=other_workspace, now=now) == []
    teller(other_workspace, now)("purchase", user="user-1", hours_ago=0.1)
    found = measured(other_workspace, now)
    assert set(found) == {("freshness", "")}
    assert words(found["freshness", ""]).startswith("1 event in 24 h")


@pytest.fixture
def tell(workspace: Workspace, now: datetime) -> Tell:
    return teller(workspace, now)


def test_arrivals_are_told_by_when_they_came_whoever_was_stored_first(
    workspace: Workspace, now: datetime, send: Send, server: WriteKey
) -> None:
    send(server, 1, hours_ago=5)
    send(server, 1, hours_ago=0.5)
    send(server, 1, hours_ago=0.6)
    send(server, 1, hours_ago=-1)
    found = arrivals(workspace, now=now)
    assert found is not None
    assert (found.first, found.last) == (now - timedelta(hours=5), now - timedelta(hours=0.5))
    assert found.events == 3


def test_arrivals_are_found_without_reading_all_events(workspace: Workspace, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_A_YEAR_OF_EVENTS, [workspace.pk, now])
        cursor.execute("ANALYZE cdp_event")
    with CaptureQueriesContext(connection) as asked:
        assert arrivals(workspace, now=now) is not None
    for one in asked.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {one['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert any(index in plan for index in ("event_arrival", "event_by_transaction", "rawarchive_pkey")), plan
        assert "Seq Scan" not in plan, plan


_A_YEAR_OF_EVENTS = """
INSERT INTO cdp_event (id, workspace_id, message_id, profile_id, kind, name, original_name, ts, received_at,
    properties, context, flags)
SELECT number, %s, number, number, 0, 'seen', 'seen', at, at, '{}', '{}', '{}'
FROM (SELECT number, %s - (30000 - number) * interval '17 minutes' AS at FROM generate_series(1, 30000) number) AS made
"""
