"""Events whose rows are in ClickHouse only are read, recognised, voided, erased and merged like all others."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from cdp.engine.clickhouse.raw import RawStore
from cdp.engine.errors import EngineError
from cdp.engine.raw import RawEvent
from cdp.models import ArchivedMessage, Change, Event, RawDay, RawErasure
from cdp.queries import changes
from cdp.queries import profiles as profile_queries
from cdp.queries.raw_archive import ROW, DaysDiffer, as_events, whole_days
from cdp.services import engine, ingest, profiles, raw_archive, retention
from cdp.services.raw_archive import DROP_AFTER, Kept, keep_window
from cdp.tasks import bring_up_to_date
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace
from tests.cdp.moves.conftest import Did, MoveTo
from tests.cdp.moves.window import DAYS, archive, everything, keep, lies_here, person
from tests.engine.clickhouse.stage import CLICKHOUSE_URL

pytestmark = pytest.mark.django_db(transaction=True)


def old_message(workspace: Workspace) -> str:
    """Of an event that was moved: u19 did it 38 days ago."""
    event = archive(workspace).keeper.timeline(archive(workspace).rounds, [person("u19").pk], 1)[0]
    assert not Event.objects.filter(message_id=event.message_id).exists()
    return event.message_id


class TestReading:
    def test_it_has_every_field_of_an_event(self, workspace: Workspace, shop: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {ROW} FROM cdp_event t WHERE t.workspace_id = %s ORDER BY t.id", [workspace.pk])
            rows = [RawEvent(*row) for row in cursor.fetchall()]
        here = list(Event.objects.filter(workspace=workspace).order_by("id").values())
        fields = [field.attname for field in Event._meta.concrete_fields]
        read = [{name: getattr(event, name) for name in fields} for event in as_events(workspace.pk, rows)]
        assert len(here) > 20 and read == here

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

    def test_an_erasure_does_not_hide_what_was_lost(
        self, workspace: Workspace, moved: Kept, by_alice: Actor, now: datetime
    ) -> None:
        archive(workspace).keeper.delete("profile = {profile:Int64}", profile=person("u18").pk)
        profiles.erase(workspace=workspace, profile=person("u19"), by=by_alice, now=now)
        keep_window(workspace=workspace, now=now + timedelta(days=1))
        with pytest.raises(DaysDiffer):
            engine.rebuild(workspace)

    def test_erasures_at_once_and_again_take_their_rows_off_once(
        self, workspace: Workspace, moved: Kept, by_alice: Actor, now: datetime
    ) -> None:
        expected = moved.copied
        for user in ("u19", "u18"):
            profiles.erase(workspace=workspace, profile=person(user), by=by_alice, now=now)
            raw_archive.forget_erased(workspace)
            expected -= 3
            assert sum(check.rows for check in whole_days(archive(workspace)).values()) == expected

    @pytest.mark.parametrize("step", ["forget_profiles", "_note_done"])
    def test_an_erasure_that_is_killed(
        self,
        step: str,
        workspace: Workspace,
        moved: Kept,
        by_alice: Actor,
        now: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Before the rows are removed, and before that is noted: nothing differs, and the next run does the rest."""
        counted, pk = everything(workspace), person("u19").pk

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as dying:
            dying.setattr(RawStore if step == "forget_profiles" else raw_archive, step, killed)
            with pytest.raises(KeyboardInterrupt):
                profiles.erase(workspace=workspace, profile=person("u19"), by=by_alice, now=now)
        whole_days(archive(workspace))
        engine.rebuild(workspace)
        assert everything(workspace) != counted
        raw_archive.forget_erased(workspace)
        whole_days(archive(workspace))
        there = archive(workspace)
        assert there.keeper.ids_of(there.rounds, [pk]) == []
        assert not RawErasure.objects.filter(is_done=False).exists()

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
