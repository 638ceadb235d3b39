"""With ClickHouse, PostgreSQL keeps raw events of some days only: how the others go there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from cdp.engine.clickhouse.raw import RawStore
from cdp.models import ArchivedMessage, Event, RawArchive, RawDay
from cdp.queries import profiles as profile_queries
from cdp.queries.raw_archive import DaysDiffer
from cdp.services import engine, raw_archive
from cdp.services.raw_archive import DROP_AFTER, Kept, claim_due, keep_window
from stratum.workspaces.models import Workspace
from tests.cdp.moves.conftest import Did, MoveTo
from tests.cdp.moves.window import DAYS, PATIENCE, archive, arrived, everything, keep, lies_here, person

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def writing_in(database: str) -> Iterator[None]:
    """A transaction that has begun to write, and does not end."""
    given = connection.get_connection_params()
    reached = {name: given[name] for name in ("host", "port", "user", "password") if given.get(name)}
    with psycopg.connect(dbname=database, **reached) as other:
        other.execute("SELECT pg_current_xact_id()")
        yield


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

    def test_only_transactions_of_this_database_hold_it_up(
        self, workspace: Workspace, copied: Kept, did: Did, now: datetime
    ) -> None:
        later = now + timedelta(hours=1)
        with writing_in("postgres"):
            with writing_in(connection.settings_dict["NAME"]):
                did("late", "page_view", days_ago=30)
                Event.objects.filter(profile_id=person("late").pk).update(received_at=arrived(workspace))
                assert keep_window(workspace=workspace, now=later).copied == 0
            assert keep(workspace, later).copied == 1

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
