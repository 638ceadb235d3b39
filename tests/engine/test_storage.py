"""The folder: nothing half-written counts, nothing is written needlessly, and what is gone is in no file."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cdp.engine import open_engine
from cdp.engine.columnar import arrow, claims, compaction, table, tidying
from cdp.engine.columnar import engine as engine_module
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.columnar.files import NewFiles
from cdp.engine.errors import EngineBusy, EngineUnwritable, NotSupported
from cdp.engine.funnels import Step
from cdp.engine.predicates import Test
from tests.engine.folder import LATER, converted, files, manifest_of, named_files, refill
from tests.engine.story import at, attribute, batch, funnel, happen

ODD_VALUES = [
    0, -0.5, 19.99, 0.1 + 0.2, 1e300, -1e-300, 10**13, -(2**63), 2**70, 9_007_199_254.740993, True, False, None, "", "0", "é 🎈",
    [], {}, [1, [2.5, None]], {"a": {"b": []}}, "x" * 10_000,
]  # fmt: skip


def test_the_cursor_moves_with_the_events(columnar: ColumnarEngine) -> None:
    assert columnar.cursor() is None
    with columnar.writing(1) as writer:
        assert writer.cursor is None
        writer.append(batch([(1, 0, "a", {})]))
        writer.commit({"xid": 7, "holes": [3]})
    with ColumnarEngine(columnar.folder).writing(1) as writer:
        assert writer.cursor == {"xid": 7, "holes": [3]}


def test_leaving_without_commit_discards(columnar: ColumnarEngine) -> None:
    happen(columnar, "1: a@0")
    with columnar.writing(1) as writer:
        writer.append(batch([(1, at(1), "b", {})]))
    with suppress(RuntimeError), columnar.writing(1) as writer:
        writer.append(batch([(1, at(1), "b", {})]))
        raise RuntimeError
    assert converted(columnar) == 0
    assert columnar.stored().events == 1


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("moment", [(arrow, "write_synced"), (claims, "write_synced"), (claims, "link")])
def test_a_full_disk_leaves_the_old_state_and_nothing_else(
    columnar: ColumnarEngine, moment: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    happen(columnar, "1: a@0")
    before = files(columnar.folder)
    with monkeypatch.context() as full:
        full.setattr(*moment, no_room)
        with pytest.raises(EngineUnwritable, match="No space"):
            happen(columnar, "1: b@1")
        assert not columnar.compact()
        with pytest.raises(EngineUnwritable, match="No space"):
            refill(columnar, "1: a@0 b@1")
        assert converted(columnar) == 0
        assert files(columnar.folder) == before
        assert not list(columnar.folder.glob("**/*.new")) and not list(columnar.folder.glob("rebuild-*"))
    assert converted(ColumnarEngine(columnar.folder)) == 0
    happen(columnar, "1: b@1")
    assert converted(columnar) == 1


def test_what_killed_processes_left_is_swept_when_it_is_old(
    columnar: ColumnarEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    happen(columnar, "1: a@0 b@1")
    for name in ("run-left.arrow", "base-table-left.arrow", "states/manifest-left.new", "manifest-000000000001.json"):
        (columnar.folder / name).write_bytes(b"half a file")
    (columnar.folder / "rebuild-left").mkdir()
    columnar.maintain()
    assert (columnar.folder / "run-left.arrow").exists(), "somebody may be about to name it"
    assert not (columnar.folder / "rebuild-left").exists()
    monkeypatch.setattr(tidying, "LEFTOVER_SECONDS", -3_600.0)
    columnar.maintain()
    assert files(columnar.folder) == named_files(columnar.folder)
    assert not list(columnar.folder.glob("**/*.new")) and not list(columnar.folder.glob("manifest-*"))
    assert converted(columnar) == 1


def test_only_one_writes_at_a_time(columnar: ColumnarEngine) -> None:
    with columnar.writing(1), pytest.raises(EngineBusy, match=r"\.$"), ColumnarEngine(columnar.folder).writing(0.02):
        pass


def test_every_json_value_comes_back_as_it_went_in(columnar: ColumnarEngine) -> None:
    rows = [(1, number, "a", {"odd": value, f"p{number}": value}) for number, value in enumerate(ODD_VALUES)]
    with columnar.writing(1) as writer:
        writer.append(batch(rows))
        writer.commit({})
    for _ in ("as a run", "in the base"):
        seen = [event.properties for event in reversed(columnar.timeline(1, LATER, 100))]
        assert seen == [row[3] for row in rows]
        assert [type(one["odd"]) for one in seen] == [type(value) for value in ODD_VALUES]
        assert columnar.compact()


def test_thousands_of_properties_do_not_become_thousands_of_columns(
    columnar: ColumnarEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MAX_COLUMNS", 3)
    rows = [(1, number, "a", {"common": number, f"rare{number}": number, "": "empty"}) for number in range(9)]
    for row in rows:
        with columnar.writing(1) as writer:
            writer.append(batch([row]))
            writer.commit({})
    rare = funnel(Step(("a",), Test("rare7", "eq", 7)))
    for _ in ("as runs", "in the base"):
        assert [event.properties for event in reversed(columnar.timeline(1, LATER, 100))] == [row[3] for row in rows]
        assert columnar.funnel(rare, LATER).converted == 1
        assert columnar.compact()
    assert len(columnar.snapshot().base[0].columns) == 4


def test_runs_stay_few(columnar: ColumnarEngine) -> None:
    for number in range(60):
        happen(columnar, f"{number}: a@{number}")
    assert columnar.stored().events == 60
    assert columnar.stored().files <= 6
    assert files(columnar.folder) == named_files(columnar.folder)


def test_many_pending_rows_are_folded_by_who_maintains(
    columnar: ColumnarEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "PENDING_ROWS", 5)
    happen(columnar, "1: a@0 a@1 a@2")
    columnar.maintain()
    assert columnar.stored().pending == 3
    happen(columnar, "1: a@0 a@1 a@2")
    assert columnar.stored().pending == 6, "who asks does not wait for a compaction"
    columnar.maintain()
    assert columnar.stored().pending == 0
    assert columnar.stored().events == 6


def test_compacting_nothing_changes_nothing(columnar: ColumnarEngine) -> None:
    assert columnar.compact()
    happen(columnar, "1: a@0 b@1")
    with columnar.writing(1) as writer:
        writer.relink({2: 1})
        writer.commit({})
    assert columnar.compact()
    content = manifest_of(columnar.folder).read_bytes()
    assert columnar.compact()
    assert manifest_of(columnar.folder).read_bytes() == content


def test_an_unchanged_table_is_not_written_again(columnar: ColumnarEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "OWN_TABLE_ROWS", 2)
    happen(columnar, "1: a@0 a@1 b@1 b@2")
    columnar.compact()
    before = {one.file for one in columnar.snapshot().manifest.tables}
    happen(columnar, "5: b@1")
    columnar.compact()
    assert len(before & {one.file for one in columnar.snapshot().manifest.tables}) == 1


def test_what_is_written_during_a_compaction_is_kept(columnar: ColumnarEngine) -> None:
    happen(columnar, "1: a@0", "2: a@0 b@5")
    frozen = compaction.freeze(columnar.folder)
    written = NewFiles(columnar.folder)
    base = compaction.new_base(written, columnar.snapshot())
    happen(columnar, "1: b@1", "3: a@0 b@1")
    with columnar.writing(1) as writer:
        writer.forget([2])
        writer.commit({"late": True})
    assert compaction.put_in_place(written, frozen, base)
    assert converted(columnar) == 2
    assert columnar.cursor() == {"late": True}
    assert columnar.compact() and converted(columnar) == 2


def merge(engine: ColumnarEngine, loser: int, survivor: int) -> None:
    with engine.writing(1) as writer:
        writer.relink({loser: survivor})
        writer.commit({})


def test_merges_before_and_during_a_compaction_are_kept(columnar: ColumnarEngine) -> None:
    """The second one replaces the file of the state that the new base stands for."""
    happen(columnar, "1: a@0", "2: b@1", "3: a@0", "4: b@1")
    merge(columnar, 2, 1)
    frozen = compaction.freeze(columnar.folder)
    written = NewFiles(columnar.folder)
    base = compaction.new_base(written, columnar.snapshot())
    merge(columnar, 4, 3)
    assert compaction.put_in_place(written, frozen, base)
    assert columnar.check() == []
    assert converted(ColumnarEngine(columnar.folder)) == 2
    assert files(columnar.folder) == named_files(columnar.folder)
    assert columnar.compact() and converted(columnar) == 2


def test_a_compaction_overtaken_by_another_is_thrown_away(columnar: ColumnarEngine) -> None:
    happen(columnar, "1: a@0 b@1")
    frozen = compaction.freeze(columnar.folder)
    written = NewFiles(columnar.folder)
    base = compaction.new_base(written, columnar.snapshot())
    assert columnar.compact()
    assert not compaction.put_in_place(written, frozen, base)
    assert converted(columnar) == 1
    assert files(columnar.folder) == named_files(columnar.folder)


def test_a_rebuild_takes_the_place_of_the_old_state_at_once(columnar: ColumnarEngine) -> None:
    happen(columnar, "1: a@0 b@1")
    columnar.compact()
    happen(columnar, "2: a@0 b@1")
    reader = ColumnarEngine(columnar.folder)
    with columnar.rebuilding(1) as draft:
        assert draft.cursor() is None and draft.stored().events == 0
        happen(draft, "1: a@0 b@1", "2: a@0 b@1", "3: a@0 b@1")
        draft.compact()
        happen(draft, "4: a@0 b@1")
        happen(columnar, "5: a@0")
        assert converted(reader) == 2, "the old state answers"
        with pytest.raises(EngineBusy), reader.rebuilding(0):
            pass
    assert converted(reader) == 4
    assert files(columnar.folder) == named_files(columnar.folder)
    assert not list(columnar.folder.glob("rebuild-*"))
    assert columnar.check() == []


def test_a_failed_rebuild_leaves_the_old_state(columnar: ColumnarEngine) -> None:
    happen(columnar, "1: a@0 b@1")
    with suppress(RuntimeError), columnar.rebuilding(1) as draft:
        happen(draft, "2: a@0")
        raise RuntimeError
    assert converted(columnar) == 1
    assert files(columnar.folder) == named_files(columnar.folder)
    assert not list(columnar.folder.glob("rebuild-*"))


def test_a_compaction_overtaken_by_a_rebuild_is_thrown_away(columnar: ColumnarEngine) -> None:
    happen(columnar, "1: a@0 b@1")
    frozen = compaction.freeze(columnar.folder)
    written = NewFiles(columnar.folder)
    base = compaction.new_base(written, columnar.snapshot())
    refill(columnar, "2: a@0", "3: a@0 b@1")
    assert not compaction.put_in_place(written, frozen, base)
    assert converted(columnar) == 1
    assert files(columnar.folder) == named_files(columnar.folder)


def test_what_was_erased_is_in_no_file(columnar: ColumnarEngine) -> None:
    with columnar.writing(1) as writer:
        writer.append(batch([(1, 0, "a", {"mail": "alice@example.org"}), (2, 0, "a", {"mail": "bob@example.org"})]))
        writer.set_attributes(attribute(1, "name", "Alice Example", 0))
        writer.commit({})
    columnar.compact()
    with columnar.writing(1) as writer:
        writer.forget([1])
        writer.commit({})
    columnar.compact()
    content = b"".join(path.read_bytes() for path in columnar.folder.rglob("*") if path.is_file())
    assert b"bob@example.org" in content
    assert b"alice" not in content.lower()


def test_workspaces_have_folders_of_their_own(tmp_path: Path) -> None:
    one, two = (open_engine(f"columnar://{tmp_path}", number) for number in (1, 2))
    happen(one, "1: a@0 b@1")
    assert (converted(one), converted(two)) == (1, 0)
    assert open_engine(f"columnar://{tmp_path}", 1) is one


@pytest.mark.parametrize("url", ["clickhouse://here", "columnar://relative", ""])
def test_other_engines_are_refused(url: str) -> None:
    with pytest.raises(NotSupported):
        open_engine(url, 1)


def test_catalog_tells_types_and_samples(columnar: ColumnarEngine) -> None:
    rows: list[Any] = [
        (1, 0, "a", {"p": 1, "q": "red", "l": [1]}),
        (1, 1, "a", {"p": "two", "q": "red", "l": {}}),
        (2, 2, "a", {"q": "blue", "n": None}),
    ]
    with columnar.writing(1) as writer:
        writer.append(batch([*rows, (3, 3, "b", {})]))
        writer.commit({})
    for _ in ("as a run", "in the base"):
        first, second = columnar.catalog(0, LATER).events
        assert (first.name, first.count, first.profiles, first.last_ts) == ("a", 3, 2, 2)
        assert [(one.name, one.count, one.types, one.samples) for one in first.properties] == [
            ("q", 3, ("text",), ("red", "blue")), ("l", 2, ("list", "object"), ()), ("p", 2, ("number", "text"), (1, "two")),
        ]  # fmt: skip
        assert (second.name, second.properties) == ("b", ())
        columnar.compact()
