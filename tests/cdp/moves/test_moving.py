"""A workspace moves to another engine and back: the same answers all the time, whatever interrupts the move."""

from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from string import Template
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from rest_framework.test import APIClient

from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.clickhouse.known import Known
from cdp.engine.clickhouse.properties import number_column, text_column
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.models import EnginePlace, Event, Profile
from cdp.queries.engine import engine_of, fresh_engine
from cdp.queries.engine_places import address_of
from cdp.services import engine_alone, engine_moves, profiles
from cdp.services.engine_moves import EnginesDiffer, Progress, tidy
from stratum.lib.refusal import Refusal
from stratum.lib.seal import unseal
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.moves.conftest import Did, MoveTo

pytestmark = pytest.mark.django_db


def answers(api: APIClient, workspace: Workspace) -> list[Any]:
    """What programs are told: a funnel, its trend, people, the catalogue, everybody's profile and timeline."""
    funnel = workspace.funnels.get().pk
    paths = [f"/api/v1/cdp/funnels/{funnel}/{part}" for part in ("analyze", "trend", "people", "time-to-convert")]
    paths += [
        f"/api/v1/cdp/profiles/{pk}"
        for pk in Profile.objects.filter(merged_into=None, erased_at=None).values_list("pk", flat=True)[:5]
    ]
    told = [api.get(path) for path in paths]
    assert {one.status_code for one in told} == {200}
    return [one.json() for one in told]


def census(workspace: Workspace) -> object:
    return fresh_engine(workspace).census(2**62)


class TestThereAndBack:
    def test_everything_is_as_it_was(
        self, api: APIClient, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo
    ) -> None:
        before, counted = answers(api, workspace), census(workspace)
        moved = move_to(clickhouse)
        assert isinstance(engine_of(workspace), ClickHouseEngine)
        assert moved.rows > Event.objects.count() and moved.compared > 15
        assert answers(api, workspace) == before
        assert census(workspace) == counted
        move_to("columnar")
        assert isinstance(engine_of(workspace), ColumnarEngine)
        assert answers(api, workspace) == before
        assert census(workspace) == counted

    def test_events_count_at_once_after_it(
        self, api: APIClient, workspace: Workspace, shop: None, did: Did, clickhouse: str, move_to: MoveTo
    ) -> None:
        move_to(clickhouse)
        before = fresh_engine(workspace).stored().events
        did("late", "page_view", "purchase")
        assert fresh_engine(workspace).stored().events == before + 2

    def test_what_an_engine_does_not_answer_is_named(
        self, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo
    ) -> None:
        refused = move_to(clickhouse).refused
        assert all(": " in one and one.endswith(".") for one in refused)

    def test_an_empty_workspace_moves_too(
        self, workspace: Workspace, did: Did, clickhouse: str, move_to: MoveTo
    ) -> None:
        assert move_to(clickhouse).rows == 0
        did("first", "page_view")
        assert fresh_engine(workspace).stored().events == 1

    def test_others_stay_where_they_are(
        self, workspace: Workspace, other_workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo
    ) -> None:
        move_to(clickhouse)
        assert isinstance(engine_of(other_workspace), ColumnarEngine)

    def test_the_address_is_kept_sealed(self, workspace: Workspace, clickhouse: str, move_to: MoveTo) -> None:
        move_to(clickhouse)
        kept = EnginePlace.objects.get().address
        assert clickhouse not in kept and unseal(kept) == clickhouse


class TestInterruption:
    @pytest.fixture(autouse=True)
    def small_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine_moves, "PIECE", 9)

    @pytest.mark.parametrize("reports", [1, 2, 5, 9, 12, 20])
    def test_the_next_run_goes_on(
        self, reports: int, api: APIClient, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo
    ) -> None:
        """It is stopped after so many reports: while it copies, or while it compares."""
        before, seen = answers(api, workspace), []

        def stop(told: Progress) -> None:
            seen.append(told)
            if len(seen) == reports:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            move_to(clickhouse, stop)
        assert isinstance(engine_of(workspace), ColumnarEngine) and answers(api, workspace) == before
        copied = max(told.done for told in seen if told.stage == "copied")
        again: list[Progress] = []
        moved = move_to(clickhouse, again.append)
        assert (again[0].resumed, again[0].done) == (copied, copied)
        assert moved.rows == again[0].total - copied
        assert answers(api, workspace) == before

    def test_another_address_begins_anew(
        self, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo, tmp_path: Path
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            move_to(clickhouse, interrupt)
        second: list[Progress] = []
        move_to(f"columnar://{tmp_path / 'second'}", second.append)
        assert second[0].resumed == 0

    def test_one_that_nobody_goes_on_with_is_removed(
        self, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo, now: datetime
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            move_to(clickhouse, interrupt)
        draft = ClickHouseEngine(clickhouse, workspace.pk)
        assert draft.stored().events > 0
        assert not tidy(workspace, now=now + timedelta(days=6))
        assert tidy(workspace, now=now + timedelta(days=8))
        assert draft.stored().events == 0

    def test_events_that_come_meanwhile_count_once(
        self,
        api: APIClient,
        workspace: Workspace,
        shop: None,
        did: Did,
        clickhouse: str,
        move_to: MoveTo,
        now: datetime,
    ) -> None:
        """And merges, voids and erasures that come meanwhile."""
        told = 0

        def meanwhile(progress: Progress) -> None:
            nonlocal told
            told += 1
            if told < 25:
                did(f"meanwhile-{told}", "page_view", ("purchase", {"revenue": told}))
            if told == 5:
                profiles.erase(workspace=workspace, profile=Profile.objects.get(user_id="u7"), by=SYSTEM, now=now)
            if told in (3, 20):
                did("u1", "page_view", anonymousId=f"device-{told}")
                did("whoever", "page_view", userId=None, anonymousId="device-right")
            if told in (8, 22):
                voided = [f"meanwhile-{told - 1}-{n}" for n in range(1_000)]
                profiles.void_events(workspace=workspace, message_ids=voided, reason="x", by=SYSTEM, now=now)

        move_to(clickhouse, meanwhile)
        assert told >= 25
        there, counted = answers(api, workspace), census(workspace)
        move_to("columnar")
        assert answers(api, workspace) == there and census(workspace) == counted


def interrupt(told: Progress) -> None:
    if told.done > told.resumed:
        raise KeyboardInterrupt


CHANGES = {
    "a lost event": "DELETE FROM event WHERE workspace = {workspace:Int64} AND name = 'purchase' AND $text = '11.5'",
    "an altered property": "ALTER TABLE event UPDATE $text = '99', $number = 99000000 "
    "WHERE workspace = {workspace:Int64} AND name = 'purchase' AND $text = '11.5' SETTINGS mutations_sync = 1",
    "an altered attribute": "ALTER TABLE attribute UPDATE value = '\"none\"' WHERE workspace = {workspace:Int64} SETTINGS mutations_sync = 1",
}
NEWEST = "SELECT known FROM state WHERE workspace = {workspace:Int64} AND what = 'commit' ORDER BY edition, generation"


def spoil(engine: ClickHouseEngine, statement: str) -> None:
    """In the edition that is being filled."""
    key = {"workspace": engine.workspace}
    place = Known.from_text(engine.server.rows(NEWEST, key)[-1][0]).own["revenue"].place
    change = Template(statement).substitute(text=text_column(place), number=number_column(place))
    engine.server.change(change, key)


class TestDifferences:
    @pytest.fixture(autouse=True)
    def few_questions(self) -> None:
        """All of them here."""

    @pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
    def test_they_stop_the_move(
        self, statement: str, api: APIClient, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo
    ) -> None:
        before, is_spoilt = answers(api, workspace), False

        def meanwhile(told: Progress) -> None:
            nonlocal is_spoilt
            if told.stage == "copied" and told.done == told.total > 0 and told.done > told.resumed and not is_spoilt:
                spoil(ClickHouseEngine(clickhouse, workspace.pk), statement)
                is_spoilt = True

        with pytest.raises(EnginesDiffer) as refused:
            move_to(clickhouse, meanwhile)
        assert is_spoilt and refused.value.differences
        assert all(one.question in str(refused.value) for one in refused.value.differences)
        assert isinstance(engine_of(workspace), ColumnarEngine)
        assert answers(api, workspace) == before
        assert ClickHouseEngine(clickhouse, workspace.pk).stored().events == 0
        assert move_to(clickhouse).compared > 20


class TestAfterwards:
    def test_the_former_engine_is_emptied_a_little_later(
        self, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo, now: datetime, engine_folder: Path
    ) -> None:
        former = engine_of(workspace)
        move_to(clickhouse)
        assert not tidy(workspace, now=now + timedelta(minutes=14)) and former.stored().events > 0
        assert tidy(workspace, now=now + timedelta(minutes=15)) and former.stored().events == 0
        assert not list((engine_folder / str(workspace.pk)).glob("*.arrow"))
        assert not tidy(workspace, now=now + timedelta(days=30))

    def test_who_had_the_former_one_open_is_answered_rightly(
        self,
        workspace: Workspace,
        shop: None,
        did: Did,
        clickhouse: str,
        move_to: MoveTo,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        move_to(clickhouse)
        did("late", "page_view")
        new = census(workspace)
        with monkeypatch.context() as a_moment_ago:
            former = unseal(EnginePlace.objects.get().left)
            a_moment_ago.setattr("cdp.queries.engine_places.address_of", lambda one: former)
            assert isinstance(engine_of(workspace), ColumnarEngine) and census(workspace) == new

    def test_back_at_once(
        self,
        api: APIClient,
        workspace: Workspace,
        shop: None,
        did: Did,
        clickhouse: str,
        move_to: MoveTo,
        now: datetime,
    ) -> None:
        """What the former engine still holds is not taken for a move that was interrupted."""
        move_to(clickhouse)
        did("late", "page_view")
        counted, seen = census(workspace), []
        move_to("columnar", seen.append)
        assert seen[0].resumed == 0 and census(workspace) == counted
        assert tidy(workspace, now=now + timedelta(hours=1))
        assert isinstance(engine_of(workspace), ColumnarEngine) and census(workspace) == counted


class TestRefusals:
    def test_where_it_is_already(self, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo) -> None:
        for to in ("columnar", clickhouse):
            if to != "columnar":
                move_to(to)
            with pytest.raises(Refusal, match="already"):
                move_to(to)

    def test_another_password_copies_nothing(
        self, workspace: Workspace, shop: None, move_to: MoveTo, tmp_path: Path
    ) -> None:
        move_to(f"columnar://{tmp_path / 'second'}")
        counted = census(workspace)
        assert move_to(f"columnar://{tmp_path / 'second'}/").rows == 0
        assert address_of(workspace).endswith("/second/") and census(workspace) == counted

    def test_one_at_a_time(self, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo) -> None:
        parameters = connection.get_connection_params()
        known = {key: parameters[key] for key in ("host", "port", "user", "password", "dbname") if parameters.get(key)}
        with psycopg.connect(**known) as other:
            other.execute("SELECT pg_advisory_lock(%s, %s)", [engine_alone.LOCK, workspace.pk])
            with pytest.raises(Refusal, match="Another process"):
                move_to(clickhouse)
            other.execute("SELECT pg_advisory_unlock(%s, %s)", [engine_alone.LOCK, workspace.pk])
        move_to(clickhouse)

    @pytest.mark.parametrize("to", ["mysql://here/x", "columnar://relative", "clickhouse://host"])
    def test_what_is_no_engine(self, to: str, workspace: Workspace, shop: None) -> None:
        told = StringIO()
        with pytest.raises(CommandError, match="acme"):
            call_command("move_engine", to=to, stderr=told)
        assert "is no engine" in told.getvalue()
        assert not EnginePlace.objects.exists()


class TestCommand:
    def test_it_tells_how_far_it_is(
        self, workspace: Workspace, shop: None, clickhouse: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine_moves, "PIECE", 20)
        said = StringIO()
        call_command("move_engine", to=clickhouse, workspace="acme", stdout=said)
        lines = said.getvalue().splitlines()
        assert lines[0].startswith("acme: copied 0 of ")
        assert any("rows/s" in line and "s left" in line for line in lines)
        assert lines[-1].startswith("acme: moved. ") and "questions answered alike" in lines[-1]

    def test_a_second_run_says_that_it_goes_on(
        self, workspace: Workspace, shop: None, clickhouse: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine_moves, "PIECE", 20)
        with monkeypatch.context() as stopped:
            stopped.setattr(engine_moves, "_compare", lambda *_: pressed())
            with pytest.raises(CommandError, match="The same command goes on from here"):
                call_command("move_engine", to=clickhouse, stdout=StringIO())
        said = StringIO()
        call_command("move_engine", to=clickhouse, stdout=said)
        assert "copied by an earlier run" in said.getvalue()
        call_command("move_engine", to=clickhouse, stderr=StringIO())

    def test_an_unknown_workspace(self, workspace: Workspace, clickhouse: str) -> None:
        with pytest.raises(CommandError, match="no workspace nobody"):
            call_command("move_engine", to=clickhouse, workspace="nobody")


def pressed() -> None:
    raise KeyboardInterrupt
