"""What is ClickHouse's own: tables, claims, tokens, and workspaces beside each other."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cdp.engine import open_engine
from cdp.engine.clickhouse import bound, marks, migrations, state
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.clickhouse.server import server_of
from cdp.engine.errors import EngineBusy, EngineOvertaken
from cdp.engine.funnels import Breakdown, ByProperty
from tests.engine.clickhouse.stage import CLICKHOUSE_URL, IS_HERE, WHY_NOT, clickhouse_engine, workspaces
from tests.engine.story import at, batch, funnel, happen

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
LATER = at(10_000)


def converted(engine: Any) -> int:
    return engine.funnel(funnel("a", "b"), LATER).converted


def test_the_url_chooses_it() -> None:
    engine = open_engine(CLICKHOUSE_URL, next(workspaces))
    assert isinstance(engine, ClickHouseEngine)
    happen(engine, "1: a@0 b@1")
    assert converted(engine) == 1


def test_workspaces_do_not_meet() -> None:
    one, two = clickhouse_engine(), clickhouse_engine()
    happen(one, "1: a@0 b@1")
    assert (converted(one), converted(two)) == (1, 0)
    assert two.timeline(1, LATER, 9) == () and two.catalog(0, LATER).events == ()
    with two.writing(1) as writer:
        writer.relink({1: 2})
        writer.forget([1])
        writer.retract(range(1_000_000))
        writer.purge(LATER)
        writer.commit({})
    assert converted(one) == 1


def test_schema_files_are_numbered_without_gaps_and_applied_once() -> None:
    assert list(migrations.steps()) == list(range(1, len(migrations.steps()) + 1))
    server = server_of(CLICKHOUSE_URL)
    numbers = [number for (number,) in server.rows("SELECT number FROM migration ORDER BY number", {})]
    migrations.migrate(server.client(), server.layout)
    assert [number for (number,) in server.rows("SELECT number FROM migration ORDER BY number", {})] == numbers


def test_a_block_that_is_sent_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the driver does when the connection broke before the server's answer came."""
    engine = clickhouse_engine()
    insert = engine.server.insert
    with monkeypatch.context() as repeating:
        repeating.setattr(engine.server, "insert", lambda *block: (insert(*block), insert(*block)))
        happen(engine, "1: a@0 b@1")
        with engine.writing(1) as writer:
            writer.relink({1: 2})
            writer.commit({})
    assert engine.stored().events == 2 and converted(engine) == 1


def test_leaving_without_commit_discards() -> None:
    engine = clickhouse_engine()
    happen(engine, "1: a@0")
    with suppress(RuntimeError), engine.writing(1) as writer:
        writer.append(batch([(1, at(1), "b", {})]))
        raise RuntimeError
    assert converted(engine) == 0


def test_what_was_written_and_never_committed_never_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process was killed between its rows and its commit: the next writer goes on without them."""
    engine = clickhouse_engine()
    happen(engine, "1: a@0")
    monkeypatch.setattr(state, "LEASE_SECONDS", 0.0)
    with engine.writing(1) as dead:
        dead.append(batch([(1, at(1), "b", {})]))
        dead.store()
        assert converted(engine) == 0
        happen(engine, "2: a@0 b@1")
        assert converted(engine) == 1
        with pytest.raises(EngineOvertaken):
            dead.commit({"late": True})
    happen(engine, "3: a@0 b@1")
    assert converted(engine) == 2
    assert engine.cursor() == {}


def test_only_one_writes_at_a_time() -> None:
    engine = clickhouse_engine()
    with engine.writing(1), pytest.raises(EngineBusy, match=r"\.$"), engine.writing(0.02):
        pass
    with engine.writing(0.02) as writer:
        assert writer.cursor is None


def test_of_two_lines_about_one_thing_the_first_stays() -> None:
    engine = clickhouse_engine()
    key = {"workspace": engine.workspace, "edition": 1}
    assert state.tell(engine.server, key, 1, "claim", "first")
    assert not state.tell(engine.server, key, 1, "claim", "second")


def test_a_rebuild_takes_the_place_of_the_old_state_at_once() -> None:
    engine = clickhouse_engine()
    happen(engine, "1: a@0 b@1")
    with engine.rebuilding(1) as draft:
        assert draft.cursor() is None and draft.stored().events == 0
        happen(draft, "1: a@0 b@1", "2: a@0 b@1")
        assert converted(engine) == 1, "the old state answers"
        with pytest.raises(EngineBusy), engine.rebuilding(0):
            pass
    assert converted(engine) == 2
    with suppress(RuntimeError), engine.rebuilding(1) as draft:
        raise RuntimeError
    assert converted(engine) == 2
    with engine.rebuilding(1) as draft:
        happen(draft, "7: a@0")
    assert converted(engine) == 0 and engine.stored().events == 1


def test_rows_from_before_a_column_was_there_are_not_asked() -> None:
    engine = clickhouse_engine()
    happen(ClickHouseEngine(engine.url, engine.workspace, edition=1), "1: a@0 b@1")
    state.tell(engine.server, {"workspace": engine.workspace, "edition": 7}, 0, "current", "long ago")
    assert engine.cursor() is None and engine.stored().events == 0
    with engine.rebuilding(1) as draft:
        happen(draft, "1: a@0 b@1", "2: a@0 b@1")
    assert engine.head().edition > state.FIRST_EDITION and converted(engine) == 2


def test_lists_longer_than_a_server_takes_go_in_pieces() -> None:
    """A value of a statement may have 128 KiB there."""
    engine = clickhouse_engine()
    people = list(range(100_000, 125_000))
    assert len(str(people)) > 131_072
    with engine.writing(1) as writer:
        writer.append(batch([(one, at(one), "a", {}) for one in people]))
        writer.commit({})
    with engine.writing(1) as writer:
        writer.relink(dict.fromkeys(people, 1))
        writer.commit({})
    assert engine.activity(at(200_000)).profile.tolist() == [1]
    assert engine.stored().events == len(people)


@pytest.mark.parametrize("kind", ["", "é'\\", "x" * 70_000])
def test_pieces_are_what_they_were(kind: str) -> None:
    texts = [f"{kind}{n}" for n in range(3)]
    values = texts * (1 if len(kind) > 9 else 10_000)
    sql, given = bound.parted("SELECT {a:Array(String)}, {b:Int64}", {"a": values, "b": 1})
    assert "arrayConcat({a_0:Array(String)}, {a_1:Array(String)}" in sql
    assert [one for name in sorted(given, key=len) if name != "b" for one in given[name]] == values


def test_names_are_asked_about_one_by_one_or_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = clickhouse_engine()
    happen(engine, "1: a@0 c@1 b@2 a@3/p=1 b@4", "2: b@0 a@1 b@2/p=2", "3: d@0 a@0 b@1", "4: c@5")
    asked = [
        funnel("a", "b"),
        funnel("a", "b", mode="strict"),
        funnel("a", "b", mode="any_order"),
        funnel("z", mode="strict"),
    ]
    asked += [funnel("a", "b", counting="totals"), funnel("a", "b", breakdown=Breakdown(ByProperty("p", "step", 1)))]
    apart = [engine.funnel(one, LATER) for one in asked]
    monkeypatch.setattr(marks, "MOST_APART", 1)
    assert [engine.funnel(one, LATER) for one in asked] == apart
    assert [one.converted for one in apart[:4]] == [3, 3, 3, 0]


def test_every_json_value_comes_back_as_it_went_in() -> None:
    odd: list[Any] = [0, -0.5, 19.99, 0.1 + 0.2, 1e300, -(2**63), 2**70, True, None, "", "é 🎈 '\\\n", [], {}, [1, [2.5, None]], {"a": {"b": []}}, "x" * 10_000]  # fmt: skip
    engine = clickhouse_engine()
    with engine.writing(1) as writer:
        writer.append(
            batch([(1, at(n), "a", {"odd": value, f"p{n}": value, "": value}) for n, value in enumerate(odd)])
        )
        writer.commit({})
    seen = [event.properties["odd"] for event in reversed(engine.timeline(1, LATER, 100))]
    assert seen == odd and list(map(type, seen)) == list(map(type, odd))


def test_inserts_keep_the_schema_of_their_table() -> None:
    """Arrow columns are matched by name: a column that does not exist is refused, not dropped."""
    engine = clickhouse_engine()
    with pytest.raises(Exception, match=r"\.$"):
        engine.server.insert("void", {"nonsense": pa.array([1])}, "nonsense")


def test_the_files_travel_with_the_package() -> None:
    assert all(Path(migrations.FOLDER, file.name).read_text().strip() for file in migrations.FOLDER.glob("*.sql"))
