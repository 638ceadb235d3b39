"""Every committed row reaches the engine exactly once, whatever the order of commits."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, transaction

from cdp.engine.batches import EventBatch
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.errors import EngineOvertaken, EngineUnwritable
from cdp.models import Change, Event, Identifier, Profile, RejectedItem
from cdp.queries import projection
from cdp.queries.position import Position
from cdp.queries.projection import advance_to, count_up_to, project, rebuild
from cdp.services import profiles
from cdp.services.event_store import store
from cdp.tracking.messages import Kind, Message
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.messages import T0, message
from tests.cdp.projection.notebook import Draft, Notebook

pytestmark = pytest.mark.django_db


@pytest.fixture
def book() -> Notebook:
    return Notebook()


@pytest.fixture
def tell(workspace: Workspace, book: Notebook) -> Callable[..., int]:
    """Store messages and project; how many rows were new to the engine."""

    def told(*messages: Message) -> int:
        store(workspace, None, list(messages))
        return project(book, workspace.pk)  # type: ignore[arg-type]

    return told


def stored(workspace: Workspace) -> list[int]:
    return sorted(Event.objects.filter(workspace=workspace, kind__lte=2).values_list("id", flat=True))


class TestWhatReachesTheEngine:
    def test_new_events_once(self, workspace: Workspace, book: Notebook, tell: Callable[..., int]) -> None:
        assert tell(*(message(user_id=f"u{n}") for n in range(3))) == 3
        assert tell() == 0
        assert tell(message(user_id="u1")) == 1
        assert sorted(book.notes.events) == stored(workspace)

    def test_what_a_question_counts_and_what_tells_who(self, book: Notebook, tell: Callable[..., int]) -> None:
        tell(
            message(Kind.PAGE, user_id="u", properties={"path": "/"}, platform="meta", device="mobile"),
            message(Kind.IDENTIFY, user_id="u", traits={"plan": "free", "city": None}),
            message(Kind.GROUP, user_id="u", traits={"seats": 5}),
        )
        assert book.notes.properties == [{"path": "/", "$platform": "meta", "$device": "mobile"}]
        profile = Profile.objects.get().pk
        assert sorted(book.notes.attributes) == [(profile, "city", None), (profile, "plan", "free")]

    def test_not_another_workspace_s(
        self, workspace: Workspace, other_workspace: Workspace, book: Notebook, tell: Callable[..., int]
    ) -> None:
        store(other_workspace, None, [message(user_id="theirs")])
        assert tell(message(user_id="ours")) == 1

    def test_merge_and_split(self, workspace: Workspace, book: Notebook, tell: Callable[..., int]) -> None:
        tell(message(anonymous_id="a"), message(user_id="u"))
        tell(message(user_id="u", anonymous_id="a", at=1))
        merge = Change.objects.get()
        assert book.notes.links == [{merge.profile_id: merge.into_id}]
        profiles.split(workspace=workspace, merge_id=merge.pk, by=SYSTEM, now=T0)
        tell()
        assert book.notes.links[1:] == [{merge.profile_id: merge.profile_id}]

    def test_void(self, workspace: Workspace, book: Notebook, tell: Callable[..., int]) -> None:
        told = message(user_id="u")
        tell(told)
        for _ in range(2):
            profiles.void_events(
                workspace=workspace, message_ids=[told.message_id], reason="reopened", by=SYSTEM, now=T0
            )
        tell()
        assert book.notes.retracted == stored(workspace)

    def test_erasure(self, workspace: Workspace, book: Notebook, tell: Callable[..., int]) -> None:
        tell(message(anonymous_id="a"), message(user_id="u"))
        tell(message(user_id="u", anonymous_id="a", at=1, properties={"secret": 1}))
        user = Profile.objects.get(user_id="u")
        profiles.erase(workspace=workspace, profile=user, by=SYSTEM, now=T0)
        tell()
        assert sorted(book.notes.forgotten) == sorted(Profile.objects.values_list("pk", flat=True))
        assert not Identifier.objects.exists()
        assert set(map(str, Event.objects.values_list("properties", flat=True))) == {"{}"}

    def test_erasure_takes_the_refused_items_that_name_somebody_and_no_others(
        self, workspace: Workspace, tell: Callable[..., int]
    ) -> None:
        tell(message(user_id="1"))
        for item in ('{"userId": "1"}', '{"userId": "21", "price": 1}'):
            RejectedItem.objects.create(workspace=workspace, received_at=T0, code="x", reason="x", item=item)
        profiles.erase(workspace=workspace, profile=Profile.objects.get(user_id="1"), by=SYSTEM, now=T0)
        assert [left.item for left in RejectedItem.objects.all()] == ['{"userId": "21", "price": 1}']


class TestRebuild:
    def test_it_reads_the_whole_truth_again(
        self, workspace: Workspace, book: Notebook, tell: Callable[..., int]
    ) -> None:
        tell(*(message(user_id=f"u{n}") for n in range(3)))
        rebuild(book, workspace.pk)  # type: ignore[arg-type]
        assert (book.rebuilds, sorted(book.notes.events)) == (2, stored(workspace))

    def test_a_cursor_of_another_database_starts_over(
        self, workspace: Workspace, book: Notebook, tell: Callable[..., int]
    ) -> None:
        tell(message(user_id="u"))
        assert book._cursor is not None
        book._cursor = {**book._cursor, "database": "elsewhere/1", "xid": 10**12}
        assert tell() == 1
        assert (book.rebuilds, book.notes.events) == (2, stored(workspace))

    def test_transactions_from_the_future_are_restamped(
        self, workspace: Workspace, book: Notebook, tell: Callable[..., int]
    ) -> None:
        tell(message(user_id="u"))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE cdp_event SET xid = '999999999999'")
        rebuild(book, workspace.pk)  # type: ignore[arg-type]
        assert tell(message(user_id="u")) == 1
        assert sorted(book.notes.events) == stored(workspace)


@pytest.mark.django_db(transaction=True)
def test_who_stops_half_way_leaves_the_connection_free(
    workspace: Workspace, book: Notebook, tell: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(message(user_id="before"))
    store(workspace, None, [message(user_id=f"u{n}") for n in range(200)])
    with monkeypatch.context() as patched:
        patched.setattr(projection, "CHUNK", 10)
        patched.setattr(projection, "PARSED", 10)
        patched.setattr(Draft, "append", refuse)
        with pytest.raises(EngineUnwritable) as refused:  # which holds on to every frame of the read
            project(book, workspace.pk)  # type: ignore[arg-type]
    assert tell() == 200
    assert "10 events" in str(refused.value)
    assert sorted(book.notes.events) == stored(workspace)


def refuse(_: Draft, batch: EventBatch) -> None:
    raise EngineUnwritable(f"No room for {len(batch)} events.")


@pytest.mark.django_db(transaction=True)
class TestLateCommits:
    def test_a_transaction_that_commits_late_is_read_once(self, workspace: Workspace, book: Notebook) -> None:
        started, may_end = threading.Event(), threading.Event()

        def slow() -> None:
            with transaction.atomic():
                store(workspace, None, [message(user_id="slow")])
                started.set()
                may_end.wait(10)
            connection.close()

        thread = threading.Thread(target=slow)
        thread.start()
        started.wait(10)
        store(workspace, None, [message(user_id="quick")])
        assert project(book, workspace.pk) == 1  # type: ignore[arg-type]
        may_end.set()
        thread.join()
        assert project(book, workspace.pk) == 1  # type: ignore[arg-type]
        assert project(book, workspace.pk) == 0  # type: ignore[arg-type]
        assert sorted(book.notes.events) == stored(workspace)

    def test_many_writers_with_random_delays(self, workspace: Workspace, book: Notebook) -> None:
        def write(seed: int) -> None:
            chance = random.Random(seed)
            pause = threading.Event()
            for n in range(12):
                try:
                    with transaction.atomic():
                        store(workspace, None, [message(user_id=f"{seed}-{n}") for _ in range(3)])
                        pause.wait(chance.random() * 0.02)
                        if chance.random() < 0.2:
                            raise InterruptedError
                except InterruptedError:
                    pass
            connection.close()

        with ThreadPoolExecutor(6) as pool:
            writers = [pool.submit(write, seed) for seed in range(6)]
            while not all(writer.done() for writer in writers):
                project(book, workspace.pk)  # type: ignore[arg-type]
        project(book, workspace.pk)  # type: ignore[arg-type]
        assert sorted(book.notes.events) == stored(workspace)
        assert len(book.notes.events) > 0

    def test_another_engine_follows_to_where_one_stands(self, workspace: Workspace, book: Notebook) -> None:
        """Piece by piece, while transactions commit late or never: at every goal it has read the very same rows."""

        def write(seed: int) -> None:
            chance = random.Random(seed)
            for n in range(12):
                try:
                    with transaction.atomic():
                        store(workspace, None, [message(user_id=f"{seed}-{n}") for _ in range(3)])
                        threading.Event().wait(chance.random() * 0.02)
                        if chance.random() < 0.2:
                            raise InterruptedError
                except InterruptedError:
                    pass
            connection.close()

        follower, goals = Notebook(), 0
        with ThreadPoolExecutor(6) as pool:
            writers = [pool.submit(write, seed) for seed in range(6)]
            while not all(writer.done() for writer in writers):
                project(book, workspace.pk)  # type: ignore[arg-type]
                goal = Position.of(book.cursor())
                for _ in range(1 + goals % 3):  # some goals are reached, others are left for the next one
                    advance_to(follower, workspace.pk, goal, most=2)  # type: ignore[arg-type]
                if goals % 5 == 0:
                    while follower.cursor() != goal.cursor():
                        advance_to(follower, workspace.pk, goal, most=4)  # type: ignore[arg-type]
                    assert sorted(follower.notes.events) == sorted(book.notes.events)
                goals += 1
        project(book, workspace.pk)  # type: ignore[arg-type]
        while follower.cursor() != book.cursor():
            advance_to(follower, workspace.pk, Position.of(book.cursor()), most=5)  # type: ignore[arg-type]
        assert sorted(follower.notes.events) == stored(workspace)
        assert count_up_to(workspace.pk, Position(), Position.of(book.cursor())) == len(stored(workspace))

    def test_who_is_ahead_of_a_goal_is_not_taken_back(self, workspace: Workspace, book: Notebook) -> None:
        store(workspace, None, [message(user_id="one")])
        project(book, workspace.pk)  # type: ignore[arg-type]
        goal, ahead = Position.of(book.cursor()), Notebook()
        store(workspace, None, [message(user_id="two")])
        project(ahead, workspace.pk)  # type: ignore[arg-type]
        with pytest.raises(EngineOvertaken):
            advance_to(ahead, workspace.pk, goal, most=10)  # type: ignore[arg-type]

    def test_many_writers_and_many_projectors(self, workspace: Workspace, tmp_path: Path) -> None:
        """With the real engine: web and worker processes all bring it up to date, each at its own moment."""
        engine = ColumnarEngine(tmp_path / "engine")
        done = threading.Event()

        def write(seed: int) -> None:
            chance = random.Random(seed)
            for n in range(8):
                with transaction.atomic():
                    store(workspace, None, [message(user_id=f"{seed}-{n}-{k}") for k in range(3)])
                    threading.Event().wait(chance.random() * 0.03)
            connection.close()

        def follow() -> None:
            own = ColumnarEngine(tmp_path / "engine")
            while not done.is_set():
                project(own, workspace.pk)
            connection.close()

        with ThreadPoolExecutor(7) as pool:
            followers = [pool.submit(follow) for _ in range(3)]
            writers = [pool.submit(write, seed) for seed in range(4)]
            try:
                for writer in writers:
                    writer.result()
            finally:
                done.set()
            for follower in followers:
                follower.result()
        project(engine, workspace.pk)
        found = [seq for table in (*engine.snapshot().base, *engine.snapshot().runs) for seq in table.seq.tolist()]
        assert sorted(found) == stored(workspace)
        assert len(found) == 4 * 8 * 3
