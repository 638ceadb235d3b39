"""What leaves ClickHouse's disk, what becomes of it when others write at that moment, and damage that is found."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cdp.engine.clickhouse import checks, compaction, state
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.errors import EngineDamaged, EngineOvertaken
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_engine
from tests.engine.story import at, attribute, batch, funnel, happen

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
LATER = at(10_000)
APART = "_apart"  # a mutation looks at the parts of every workspace, and other tests leave thousands
HERE = "WHERE workspace = {workspace:Int64} AND edition = {edition:Int64}"


def rows_in(engine: ClickHouseEngine, table: str, also: str = "") -> int:
    """That ClickHouse has, whether they count or not."""
    ((count,),) = engine.server.rows(f"SELECT count() FROM {table} {HERE} {also}", engine.state().key)
    return int(count)


def change(engine: ClickHouseEngine, **changes: Any) -> None:
    with engine.writing(1) as writer:
        for name, what in changes.items():
            getattr(writer, name)(what)
        writer.commit({"after": sorted(changes)})


def answers(engine: ClickHouseEngine) -> list[Any]:
    asked = funnel("a", "b", start=-100)
    lived = [(engine.timeline(profile, LATER, 99), engine.attributes(profile)) for profile in range(1, 6)]
    return [engine.funnel(asked, LATER), engine.cursor(), lived, engine.stored().events]


@pytest.fixture
def worn() -> ClickHouseEngine:
    """Of ten events two are moved, one is erased, one voided and one beyond retention."""
    engine = clickhouse_engine(APART)
    happen(engine, "1: a@0 b@1", "2: a@10 b@11", "3: a@10 b@12")
    change(engine, set_attributes=attribute(2, "tier", "gold", at(1)))
    change(engine, set_attributes=attribute(3, "tier", "tin", at(1)))
    change(engine, append=batch([(4, at(20), "a", {}), (4, at(21), "b", {})], seqs=[900_001, 900_002]))
    change(engine, append=batch([(5, at(20), "a", {}), (5, at(21), "b", {})]))
    change(engine, relink={1: 5}, forget=[3])
    change(engine, retract=[900_002])
    change(engine, purge=at(1))
    return engine


def test_what_does_not_count_leaves_the_disk(worn: ClickHouseEngine) -> None:
    before = answers(worn)
    assert (rows_in(worn, "event"), rows_in(worn, "attribute"), worn.stored().events) == (12, 2, 6)
    assert worn.compact()
    assert answers(worn) == before
    assert rows_in(worn, "event") == worn.stored().events
    assert rows_in(worn, "event", "AND origin = 3") == rows_in(worn, "attribute", "AND origin = 3") == 0
    assert worn.check() == []


def test_questions_look_for_nothing_that_is_gone(worn: ClickHouseEngine) -> None:
    assert worn.head().has_moved and worn.head().has_voided
    assert worn.compact()
    head = worn.head()
    assert not head.has_moved and not head.has_voided and rows_in(worn, "moved") == 0
    change(worn, relink={2: 4})
    assert worn.head().has_moved and not worn.head().has_voided


def test_the_lines_of_old_changes_are_folded(worn: ClickHouseEngine) -> None:
    lines = rows_in(worn, "state")
    assert worn.compact()
    assert rows_in(worn, "state") < 5 < lines
    for profile in range(20, 30):
        happen(worn, f"{profile}: a@50 b@51")
    found = answers(worn)
    assert worn.compact() and rows_in(worn, "state") < 5
    assert answers(worn) == found


def test_what_was_erased_or_voided_stays_so_when_it_comes_again(worn: ClickHouseEngine) -> None:
    assert worn.compact()
    before = worn.stored().events
    happen(worn, "3: a@30 b@31")
    change(worn, append=batch([(4, at(30), "b", {})], seqs=[900_002]))
    change(worn, relink={1: 1})
    assert worn.stored().events == before and worn.check() == []


def test_rows_of_a_change_that_was_given_up_go_too(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = clickhouse_engine(APART)
    happen(engine, "1: a@0 b@1")
    monkeypatch.setattr(state, "LEASE_SECONDS", 0.0)
    with engine.writing(1) as dead:
        dead.append(batch([(1, at(1), "b", {})]))
        dead.store()
        happen(engine, "2: a@0 b@1")
        assert engine.compact() and rows_in(engine, "event") == 4
        dead.server.insert("event", {**row_of(dead), "generation": np.array([dead.claim.generation])}, "late")
        assert engine.stored().events == 4, "rows of a given up change may arrive after the compaction"
        with pytest.raises(EngineOvertaken):
            dead.commit({"late": True})
    assert engine.compact() and rows_in(engine, "event") == 4 and engine.check() == []


def row_of(writer: Any) -> dict[str, Any]:
    key = {name: np.array([value]) for name, value in writer.head.key.items()}
    return {**key, "profile": np.array([1]), "ts": np.array([5]), "origin": np.array([1])}


def test_a_change_beside_a_compaction_loses_nothing(worn: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody writes after the dead rows were removed, and before that is told."""
    settle = compaction.settle

    def first_another(*arguments: Any) -> None:
        happen(worn, "7: a@40 b@41")
        change(worn, relink={2: 7}, retract=[900_001])
        settle(*arguments)

    monkeypatch.setattr(compaction, "settle", first_another)
    assert worn.compact()
    assert worn.head().has_moved and worn.head().has_voided and worn.check() == []
    after = answers(worn)
    assert [event.name for event in worn.timeline(7, LATER, 9)] == ["b", "a", "b", "a"] and worn.timeline(
        4, LATER, 9
    ) == ()
    monkeypatch.undo()
    assert worn.compact() and answers(worn) == after and rows_in(worn, "event") == worn.stored().events


def test_a_compaction_that_was_interrupted_is_done_again(
    worn: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(worn)
    monkeypatch.setattr(compaction, "settle", interrupted)
    with pytest.raises(KeyboardInterrupt):
        worn.compact()
    assert answers(worn) == before and worn.check() == []
    happen(worn, "8: a@40 b@41")
    assert worn.check() == []
    monkeypatch.undo()
    monkeypatch.setattr(compaction, "GRACE_SECONDS", 0.0)
    worn.maintain()
    assert not worn.head().is_sweeping and worn.check() == [] and rows_in(worn, "event") == worn.stored().events == 8


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_who_writes_for_long_puts_it_off(worn: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "CLAIM_SECONDS", 0.0)
    with worn.writing(1) as writer:
        assert not worn.compact()
        writer.append(batch([(9, at(50), "a", {}), (9, at(51), "b", {})]))
        writer.commit({})
    assert worn.stored().events == 8 and worn.check() == []
    assert worn.compact() and worn.stored().events == 8 == rows_in(worn, "event")


def test_it_is_due_when_many_rows_are_dead_or_for_long(worn: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    worn.maintain()
    monkeypatch.setattr(compaction, "GRACE_SECONDS", 0.0)
    worn.maintain()
    assert rows_in(worn, "event") == 12
    monkeypatch.setattr(compaction, "MOST_SECONDS", -1.0)
    worn.maintain()
    assert rows_in(worn, "event") == 6
    lines = rows_in(worn, "state")
    monkeypatch.setattr(compaction, "MOST_LINES", 3)
    for _ in range(3):
        happen(worn, "8: a@40 b@41")
    worn.maintain()
    assert rows_in(worn, "state") <= lines


def test_a_claim_that_comes_after_its_generation_was_folded_is_refused(worn: ClickHouseEngine) -> None:
    assert worn.compact()
    key = worn.state().key
    assert not state.tell(worn.server, key, 2, "claim", "late")
    with worn.writing(0.1) as writer:
        writer.commit({})


# -- damage ------------------------------------------------------------------------------------------------------


def test_rows_that_are_not_there_are_damage_that_a_rebuild_heals(worn: ClickHouseEngine) -> None:
    table, name, _ = next(part for part in checks.parts_of(worn.server, worn.state()) if part[0] == "event")
    worn.server.change(f"ALTER TABLE {table} DROP PART '{name}'", {})
    (damage,) = worn.check()
    assert damage.file == "event" and "instead of" in damage.reason
    worn.condemn(damage)
    with pytest.raises(EngineDamaged):
        worn.open()
    with pytest.raises(EngineDamaged):
        worn.funnel(funnel("a"), LATER)
    assert worn.compact() and worn.check() != []
    with worn.rebuilding(1) as draft:
        happen(draft, "1: a@0 b@1")
    worn.open()
    assert worn.check() == [] and worn.stored().events == 2


def test_altered_files_are_found(worn: ClickHouseEngine) -> None:
    """A few files at a time, beginning where the last look ended."""
    folder = "SELECT path FROM system.parts WHERE active AND database = currentDatabase() AND table = 'event' AND name = {name:String}"
    parts = checks.parts_of(worn.server, worn.state())
    name = next(name for table, name, _ in reversed(parts) if table == "event")
    ((path,),) = worn.server.rows(folder, {"name": name})
    file = max(Path(path).glob("*.bin"), key=lambda one: one.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    (damage,) = worn.check()
    assert damage.file == f"event/{name}"
    assert [found for _ in parts for found in worn.check(most_bytes=1)] == [damage]
