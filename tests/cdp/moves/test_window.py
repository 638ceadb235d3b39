"""With ClickHouse, PostgreSQL keeps raw events of some days only; everything that reads them finds all of them."""

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from cdp.engine.clickhouse.raw import RawStore
from cdp.engine.errors import EngineError
from cdp.models import ArchivedMessage, Change, Event, Profile, RawArchive, RawDay
from cdp.queries import changes
from cdp.queries import profiles as profile_queries
from cdp.queries.engine import fresh_engine
from cdp.queries.raw_archive import IS_MOVED, DaysDiffer, archive_of
from cdp.services import engine, ingest, profiles, raw_archive, retention
from cdp.services.raw_archive import DROP_AFTER, Kept, claim_due, keep_window
from cdp.tasks import bring_up_to_date
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace
from tests.cdp.moves.conftest import Did, MoveTo
from tests.engine.clickhouse.stage import CLICKHOUSE_URL

pytestmark = pytest.mark.django_db(transaction=True)
DAYS = 10
PATIENCE = 30.0  # seconds; transactions of other databases of the server hold a round up, too

Keep = Callable[..., Kept]


@pytest.fixture
def window(settings: Settings, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo) -> None:
    """The shop is on ClickHouse, and what is older than ten days has arrived long ago."""
    settings.RECENT_EVENTS_DAYS = DAYS
    Event.objects.filter(workspace=workspace).update(received_at=arrived(workspace))
    move_to(clickhouse)


def arrived(workspace: Workspace) -> datetime:
    newest = Event.objects.filter(workspace=workspace).order_by("-received_at").first()
    assert newest is not None
    return newest.received_at - timedelta(days=8)


@pytest.fixture
def copied(workspace: Workspace, window: None, now: datetime) -> Kept:
    """Older raw events are in both places."""
    return keep(workspace, now)


@pytest.fixture
def moved(workspace: Workspace, copied: Kept, now: datetime) -> Kept:
    """Older raw events are in ClickHouse only."""
    kept = keep_window(workspace=workspace, now=now + DROP_AFTER)
    assert kept.dropped == copied.copied > 40
    return copied


def keep(workspace: Workspace, now: datetime) -> Kept:
    """As soon as no older transaction of anybody is running."""
    deadline, copied = time.monotonic() + PATIENCE, 0
    midnight = (now - timedelta(days=DAYS)).replace(hour=0, minute=0)
    waiting = f"t.workspace_id = %s AND t.ts < %s AND t.received_at < %s AND NOT {IS_MOVED}"
    while True:
        copied += keep_window(workspace=workspace, now=now).copied
        with connection.cursor() as cursor:
            asked = [workspace.pk, midnight, now - timedelta(days=7)]
            cursor.execute(f"SELECT count(*) FROM cdp_event t WHERE {waiting}", asked)
            if not cursor.fetchone()[0]:
                return Kept(copied)
        assert time.monotonic() < deadline
        time.sleep(0.2)


def lies_here(workspace: Workspace) -> int:
    return Event.objects.filter(workspace=workspace).count()


def old_message(workspace: Workspace) -> str:
    """Of an event that was moved: u19 did it 38 days ago."""
    event = archive(workspace).keeper.timeline(archive(workspace).rounds, [person("u19").pk], 1)[0]
    assert not Event.objects.filter(message_id=event.message_id).exists()
    return event.message_id


def archive(workspace: Workspace) -> Any:
    found = archive_of(workspace.pk)
    assert found is not None
    return found


def person(user_id: str) -> Profile:
    return Profile.objects.get(user_id=user_id)


def everything(workspace: Workspace) -> object:
    return dict(fresh_engine(workspace).census(2**62).counts)


class TestMoving:
    def test_older_days_go_whole(self, workspace: Workspace, window: None, now: datetime) -> None:
        before, counted = lies_here(workspace), everything(workspace)
        kept = keep(workspace, now)
        assert (lies_here(workspace), kept.dropped) == (before, 0), "nothing is dropped at once"
        later = keep_window(workspace=workspace, now=now + DROP_AFTER)
        assert later.dropped == kept.copied == before - lies_here(workspace) > 40
        oldest = Event.objects.filter(workspace=workspace).order_by("ts").first()
        midnight = (now - timedelta(days=DAYS)).replace(hour=0, minute=0)
        assert oldest is not None and oldest.ts >= midnight
        assert sum(RawDay.objects.values_list("rows", flat=True)) == kept.copied
        assert everything(workspace) == counted

    def test_rows_come_back_as_they_went(self, workspace: Workspace, window: None, now: datetime) -> None:
        def rows() -> list[Any]:
            return list(Event.objects.filter(workspace=workspace).order_by("id").values())

        before = rows()
        keep(workspace, now)
        keep_window(workspace=workspace, now=now + DROP_AFTER)
        assert len(rows()) < len(before)
        raw_archive.bring_back(workspace=workspace, tell=lambda day, days: None)
        assert rows() == before
        assert not (RawArchive.objects.exists() or RawDay.objects.exists() or ArchivedMessage.objects.exists())

    def test_off_by_default(self, workspace: Workspace, window: None, settings: Settings, now: datetime) -> None:
        settings.RECENT_EVENTS_DAYS = 0
        assert list(claim_due(now)) == [] and keep_window(workspace=workspace, now=now) == Kept()

    def test_only_on_clickhouse(self, workspace: Workspace, settings: Settings, shop: None, now: datetime) -> None:
        settings.RECENT_EVENTS_DAYS = DAYS
        assert list(claim_due(now)) == [] and keep_window(workspace=workspace, now=now) == Kept()

    def test_once_a_day_and_when_there_is_something_to_drop(
        self, workspace: Workspace, window: None, now: datetime
    ) -> None:
        due = [{"workspace_id": workspace.pk}]
        assert claim_due(now) == due
        keep(workspace, now)
        assert claim_due(now + timedelta(minutes=5)) == []
        assert claim_due(now + DROP_AFTER) == due
        keep_window(workspace=workspace, now=now + DROP_AFTER)
        assert claim_due(now + timedelta(hours=20)) == [] and claim_due(now + timedelta(hours=25)) == due

    def test_sample_data_stays(self, workspace: Workspace, window: None, now: datetime) -> None:
        Workspace.objects.filter(pk=workspace.pk).update(holds_sample_data=True)
        workspace.refresh_from_db()
        assert list(claim_due(now)) == [] and keep_window(workspace=workspace, now=now).copied == 0

    def test_a_difference_drops_nothing(
        self, workspace: Workspace, window: None, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write, before = RawStore.write, lies_here(workspace)

        def forgetful(self: RawStore, number: int, rows: list[Any], block: int) -> None:
            write(self, number, rows[1:], block)

        monkeypatch.setattr(RawStore, "write", forgetful)
        with pytest.raises(DaysDiffer, match=r"2025-1\d-\d\d.* differ"):
            keep_until_copied(workspace, now)
        monkeypatch.undo()
        assert not RawDay.objects.exists() and not ArchivedMessage.objects.exists()
        assert keep_window(workspace=workspace, now=now + timedelta(days=2)).dropped == 0
        assert lies_here(workspace) == before

    def test_a_late_event_of_a_moved_day_goes_later(
        self, workspace: Workspace, moved: Kept, did: Did, now: datetime
    ) -> None:
        did("late", "page_view", days_ago=30)
        assert keep_window(workspace=workspace, now=now + timedelta(hours=1)).copied == 0, "it has just arrived"
        assert Event.objects.filter(name="page_view", profile_id=person("late").pk).exists()
        Event.objects.filter(profile_id=person("late").pk).update(received_at=arrived(workspace) - timedelta(days=1))
        engine.rebuild(workspace)  # which has to learn of the other arrival that this test made up
        counted = everything(workspace)
        assert keep(workspace, now + timedelta(hours=1)).copied == 1
        assert keep_window(workspace=workspace, now=now + timedelta(hours=1) + DROP_AFTER).dropped == 1
        assert everything(workspace) == counted
        engine.rebuild(workspace)
        assert everything(workspace) == counted


def keep_until_copied(workspace: Workspace, now: datetime) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        keep_window(workspace=workspace, now=now)
        time.sleep(0.2)


class TestKilled:
    def test_while_it_copies(
        self, workspace: Workspace, window: None, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What it had written is nobody's; the next run removes it and copies all of them."""
        counted, days = everything(workspace), RawStore.days

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(raw_archive, "_name", killed)
        with pytest.raises(KeyboardInterrupt):
            keep_until_copied(workspace, now)
        monkeypatch.undo()
        store, before = archive(workspace).keeper, lies_here(workspace)
        left = store.server.rows(
            "SELECT count() FROM raw WHERE workspace = {workspace:Int64}", {"workspace": workspace.pk}
        )
        assert left[0][0] > 0 and days(store, archive(workspace).rounds) == {}
        engine.rebuild(workspace)
        assert everything(workspace) == counted
        keep(workspace, now)
        assert keep_window(workspace=workspace, now=now + DROP_AFTER).dropped == before - lies_here(workspace) > 40
        assert everything(workspace) == counted

    def test_between_copy_and_drop(self, workspace: Workspace, copied: Kept, api: APIClient, now: datetime) -> None:
        """Rows that are in both places count once, whoever reads them."""
        counted = everything(workspace)
        engine.rebuild(workspace)
        assert everything(workspace) == counted
        told = api.get(f"/api/v1/cdp/profiles/{person('u19').pk}/events").json()["results"]
        assert len(told) == 3
        assert profile_queries.card(workspace, person("u19"), now=now).facts.events == 3
        assert keep_window(workspace=workspace, now=now + timedelta(days=5)).dropped == copied.copied

    def test_while_it_drops(
        self, workspace: Workspace, copied: Kept, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counted, before = everything(workspace), lies_here(workspace)
        monkeypatch.setattr(raw_archive, "BATCH", 7)
        seen = 0

        def stop(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal seen
            seen += "DELETE FROM cdp_event USING piece" in sql
            if seen == 3:
                raise KeyboardInterrupt
            return execute(sql, params, many, context)

        with connection.execute_wrapper(stop), pytest.raises(KeyboardInterrupt):
            keep_window(workspace=workspace, now=now + DROP_AFTER)
        assert lies_here(workspace) == before - 14
        engine.rebuild(workspace)
        assert everything(workspace) == counted
        assert keep_window(workspace=workspace, now=now + DROP_AFTER).dropped == copied.copied - 14

    def test_while_they_come_back(
        self, workspace: Workspace, moved: Kept, move_to: MoveTo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counted = everything(workspace)

        def stop(told: Any) -> None:
            if told.stage.startswith("brought back") and told.done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            move_to("columnar", stop)
        engine.rebuild(workspace)
        assert everything(workspace) == counted
        move_to("columnar")
        assert everything(workspace) == counted and not RawArchive.objects.exists()


class TestReading:
    def test_a_rebuild_reads_both(self, workspace: Workspace, moved: Kept) -> None:
        counted = everything(workspace)
        engine.rebuild(workspace)
        assert everything(workspace) == counted
        bring_up_to_date(workspace)
        assert everything(workspace) == counted

    def test_the_way_back_reads_both(self, workspace: Workspace, moved: Kept, move_to: MoveTo) -> None:
        counted, here = everything(workspace), lies_here(workspace)
        move_to("columnar")
        assert everything(workspace) == counted
        assert lies_here(workspace) == here + moved.copied
        store = RawStore(CLICKHOUSE_URL, workspace.pk)
        assert store.delete("1") == 0, "nothing stays there"

    def test_the_file_about_a_person(self, workspace: Workspace, window: None, api: APIClient, now: datetime) -> None:
        path = f"/api/v1/cdp/profiles/{person('u8').pk}/export"
        before = json.loads(api.get(path).getvalue())
        keep(workspace, now)
        both = json.loads(api.get(path).getvalue())
        keep_window(workspace=workspace, now=now + DROP_AFTER)
        assert Event.objects.filter(profile_id=person("u8").pk).count() == 0
        after = json.loads(api.get(path).getvalue())
        assert after == both == before and len(after["events"]) == 3

    def test_the_profile_s_page_and_its_events(
        self, workspace: Workspace, window: None, api: APIClient, as_alice: Client, did: Did, now: datetime
    ) -> None:
        did("u8", "page_view", days_ago=1)
        pk = person("u8").pk
        paths = [
            f"/api/v1/cdp/profiles/{pk}",
            f"/api/v1/cdp/profiles/{pk}/events",
            f"/api/v1/cdp/profiles/{pk}/events?limit=2",
        ]

        def told() -> list[Any]:
            pages = [api.get(path).json() for path in paths]
            following = api.get(pages[2]["next"]).json()
            page = as_alice.get(f"/dashboard/cdp/profiles/{pk}").content.decode()
            return [pages[:2], pages[2]["results"], following["results"], page.count("purchase")]

        before = told()
        keep(workspace, now)
        keep_window(workspace=workspace, now=now + DROP_AFTER)
        assert Event.objects.filter(profile_id=pk).count() == 1
        assert told() == before

    def test_one_event_s_page(self, workspace: Workspace, window: None, as_alice: Client, now: datetime) -> None:
        pk = Event.objects.filter(profile_id=person("u8").pk, name="purchase").get().pk
        path = f"/dashboard/cdp/events/{pk}"
        before = as_alice.get(path)
        keep(workspace, now)
        keep_window(workspace=workspace, now=now + DROP_AFTER)
        after = as_alice.get(path)
        assert (before.status_code, after.status_code) == (200, 200)
        assert "Oslo" in before.content.decode() and "Oslo" in after.content.decode()


class TestWhatBecomesOfThem:
    def test_a_late_repeat_is_recognised(self, workspace: Workspace, moved: Kept, now: datetime) -> None:
        counted, message = everything(workspace), old_message(workspace)
        at = (now - timedelta(days=38)).isoformat()
        item = {"type": "track", "userId": "u19", "event": "purchase", "messageId": message, "timestamp": at}
        for more in ({}, {"anonymousId": "new"}, {"userId": "nobody"}):
            receipt = ingest.ingest(workspace=workspace, source=None, items=[{**item, **more}], received_at=now)
            assert (receipt.accepted, receipt.duplicates) == (0, 1)
        assert everything(workspace) == counted
        fresh = {**item, "messageId": "never seen"}
        assert ingest.ingest(workspace=workspace, source=None, items=[fresh], received_at=now).accepted == 1

    def test_a_late_second_copy_of_a_pair_is_one(
        self, workspace: Workspace, settings: Settings, did: Did, clickhouse: str, move_to: MoveTo, now: datetime
    ) -> None:
        settings.RECENT_EVENTS_DAYS = DAYS
        did("pair", ("purchase", {"event_id": "order-1"}), days_ago=30)
        Event.objects.update(received_at=now - timedelta(days=29))
        move_to(clickhouse)
        assert keep(workspace, now).copied == 1
        assert keep_window(workspace=workspace, now=now + DROP_AFTER).dropped == 1
        did("pair", ("purchase", {"event_id": "order-1"}), days_ago=30)
        did("pair", ("purchase", {"event_id": "order-2"}), days_ago=30)
        assert [event.pair_key.split("\x1f")[1] for event in Event.objects.all() if event.pair_key] == ["order-2"]

    def test_another_workspace_s_message_ids_are_its_own(
        self, workspace: Workspace, other_workspace: Workspace, moved: Kept, now: datetime
    ) -> None:
        item = {"type": "track", "userId": "u", "event": "x", "messageId": old_message(workspace)}
        assert ingest.ingest(workspace=other_workspace, source=None, items=[item], received_at=now).accepted == 1

    def test_voiding(self, workspace: Workspace, moved: Kept, now: datetime) -> None:
        place, before = changes.here(workspace), profile_queries.card(workspace, person("u19"), now=now).facts
        message = old_message(workspace)
        for expected in (1, 0):
            voided = profiles.void_events(workspace=workspace, message_ids=[message], reason="x", by=SYSTEM, now=now)
            assert voided == expected
        assert profile_queries.card(workspace, person("u19"), now=now).facts.events == before.events - 1
        assert [who.tolist() for who in changes.since(workspace, place).acted.values()] == [[person("u19").pk]]
        counted = everything(workspace)
        engine.rebuild(workspace)
        assert everything(workspace) == counted
        items, _ = profile_queries.timeline(person("u19"), limit=9)
        assert [item.is_voided for item in items].count(True) == 1

    def test_erasure(self, workspace: Workspace, moved: Kept, by_alice: Actor, now: datetime) -> None:
        message, pk = old_message(workspace), person("u19").pk
        profiles.erase(workspace=workspace, profile=person("u19"), by=by_alice, now=now)
        there = archive(workspace)
        assert there.keeper.ids_of(there.rounds, [pk]) == []
        counted = everything(workspace)
        engine.rebuild(workspace)
        assert everything(workspace) == counted
        item = {"type": "track", "userId": "u19", "event": "purchase", "messageId": message}
        assert ingest.ingest(workspace=workspace, source=None, items=[item], received_at=now).accepted == 0
        raw_archive.bring_back(workspace=workspace, tell=lambda day, days: None)
        assert ingest.ingest(workspace=workspace, source=None, items=[item], received_at=now).accepted == 0
        assert not Event.objects.filter(profile_id=pk).exclude(properties={}).exists()

    def test_erasure_between_copy_and_drop(
        self, workspace: Workspace, copied: Kept, by_alice: Actor, now: datetime
    ) -> None:
        pk = person("u19").pk
        profiles.erase(workspace=workspace, profile=person("u19"), by=by_alice, now=now)
        raw_archive.bring_back(workspace=workspace, tell=lambda day, days: None)
        assert Event.objects.filter(profile_id=pk).count() == 3
        assert not Event.objects.filter(profile_id=pk).exclude(properties={}).exists()

    def test_an_erasure_that_clickhouse_missed_is_made_up_for(
        self, workspace: Workspace, moved: Kept, by_alice: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pk = person("u19").pk

        def away(*_: object, **__: object) -> None:
            raise EngineError("away.")

        with monkeypatch.context() as down:
            down.setattr(RawStore, "delete", away)
            profiles.erase(workspace=workspace, profile=person("u19"), by=by_alice, now=now)
        there = archive(workspace)
        assert there.keeper.ids_of(there.rounds, [pk])
        keep_window(workspace=workspace, now=now + timedelta(days=1))
        assert there.keeper.ids_of(there.rounds, [pk]) == []

    def test_retention(self, workspace: Workspace, moved: Kept, now: datetime) -> None:
        there = archive(workspace)
        late = now + timedelta(days=180 - 20)
        removed = retention.retain(workspace=workspace, now=late)
        left = sum(check.rows for check in there.keeper.days(there.rounds).values())
        assert 0 < left == moved.copied - removed
        assert sum(RawDay.objects.values_list("rows", flat=True)) == left
        cut = late - timedelta(days=181)
        assert not ArchivedMessage.objects.filter(day__lt=cut.date()).exists() and ArchivedMessage.objects.exists()
        counted = everything(workspace)
        engine.rebuild(workspace)
        assert everything(workspace) == counted

    def test_what_clickhouse_lost_is_found_before_anything_is_taken_back(
        self, workspace: Workspace, moved: Kept, move_to: MoveTo
    ) -> None:
        RawStore(CLICKHOUSE_URL, workspace.pk).delete("profile = {profile:Int64}", profile=person("u19").pk)
        with pytest.raises(DaysDiffer):
            move_to("columnar")
        assert RawDay.objects.exists()

    def test_what_clickhouse_lost_is_not_left_out_of_a_rebuild(self, workspace: Workspace, moved: Kept) -> None:
        """Its tables were dropped, and made again empty when it was next asked."""
        counted = everything(workspace)
        RawStore(CLICKHOUSE_URL, workspace.pk).forget_rounds_but([])
        with pytest.raises(DaysDiffer, match="from its backup"):
            engine.rebuild(workspace)
        assert everything(workspace) == counted, "the state that was there answers"


def test_a_merge_of_moved_people(
    workspace: Workspace, settings: Settings, did: Did, clickhouse: str, move_to: MoveTo, api: APIClient, now: datetime
) -> None:
    """Their events are found under both numbers, and split again."""
    settings.RECENT_EVENTS_DAYS = DAYS
    did("known", "page_view", "purchase", days_ago=30)
    did("device", "page_view", days_ago=29, userId=None, anonymousId="device")
    Event.objects.update(received_at=now - timedelta(days=28))
    move_to(clickhouse)
    assert keep(workspace, now).copied == 3
    assert keep_window(workspace=workspace, now=now + DROP_AFTER).dropped == 3
    did("known", "page_view", anonymousId="device")
    events = f"/api/v1/cdp/profiles/{person('known').pk}/events"
    assert profile_queries.card(workspace, person("known"), now=now).facts.events == 4
    assert len(api.get(events).json()["results"]) == 4
    profiles.split(workspace=workspace, merge_id=Change.objects.get(kind="merge").pk, by=SYSTEM, now=now)
    assert profile_queries.card(workspace, person("known"), now=now).facts.events == 3
    assert len(api.get(events).json()["results"]) == 3
