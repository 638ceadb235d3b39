"""The folder: nothing half-written counts, damage is found and named, readers and writers do not disturb each other."""

import errno
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cdp.engine import open_engine
from cdp.engine.base import Engine
from cdp.engine.columnar import arrow, claims, compaction, locks, states, table, tidying
from cdp.engine.columnar import engine as engine_module
from cdp.engine.columnar.claims import swap_manifest
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.columnar.files import NewFiles
from cdp.engine.errors import Damage, EngineBusy, EngineDamaged, EngineOvertaken, EngineUnwritable, NotSupported
from cdp.engine.funnels import Step
from cdp.engine.predicates import Test
from tests.engine.story import at, attribute, batch, funnel, happen

LATER = at(10_000)
ODD_VALUES = [
    0, -0.5, 19.99, 0.1 + 0.2, 1e300, -1e-300, 10**13, -(2**63), 2**70, 9_007_199_254.740993, True, False, None, "", "0", "é 🎈",
    [], {}, [1, [2.5, None]], {"a": {"b": []}}, "x" * 10_000,
]  # fmt: skip


def converted(engine: Engine) -> int:
    return engine.funnel(funnel("a", "b"), LATER).converted


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.arrow")}


def named_files(folder: Path) -> set[str]:
    """As any reader of JSON finds them."""
    manifest = json.loads(manifest_of(folder).read_bytes().splitlines()[0])
    single = [manifest[key] for key in ("profiles", "base_state", "base_attributes", "state") if manifest[key]]
    return {one["file"] for one in [*manifest["tables"], *manifest["runs"], *manifest["attribute_runs"], *single]}


def manifest_of(folder: Path) -> Path:
    """There is only one when nobody is at work."""
    (found,) = folder.glob("states/manifest-*.json")
    return found


def spoil(path: Path, harm: str) -> None:
    """As a new file: nothing that is mapped changes."""
    content = path.read_bytes()
    path.unlink()
    if harm == "truncated":
        path.write_bytes(content[:-9])
    elif harm == "altered":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def refill(engine: ColumnarEngine, *lines: str) -> None:
    with engine.rebuilding(1) as draft:
        happen(draft, *lines)


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


@pytest.mark.parametrize("harm", ["truncated", "altered", "removed"])
def test_damage_is_found_and_named(columnar: ColumnarEngine, harm: str) -> None:
    happen(columnar, *(f"{profile}: a@0 b@1" for profile in range(50)))
    columnar.compact()
    victim = columnar.folder / columnar.snapshot().manifest.tables[0].file
    spoil(victim, harm)
    damage = ColumnarEngine(columnar.folder).check()
    assert [one.file for one in damage] == [victim.name]
    if harm != "altered":
        with pytest.raises(EngineDamaged, match=victim.name):
            converted(ColumnarEngine(columnar.folder))
    refill(columnar, "1: a@0 b@1")
    assert columnar.check() == [] and converted(columnar) == 1
    assert files(columnar.folder) == named_files(columnar.folder)


def test_a_condemned_state_answers_nobody(columnar: ColumnarEngine) -> None:
    """Not even those who have it mapped already."""
    happen(columnar, "1: a@0 b@1")
    columnar.compact()
    assert converted(columnar) == 1
    spoil(columnar.folder / columnar.snapshot().manifest.tables[0].file, "altered")
    finder = ColumnarEngine(columnar.folder)
    (damage,) = finder.check()
    finder.condemn(damage)
    finder.condemn(Damage("run-of-the-past.arrow", "is missing"))
    assert columnar.check() == [damage]
    with pytest.raises(EngineDamaged, match=damage.file):
        converted(columnar)
    with pytest.raises(EngineDamaged), columnar.writing(1):
        pass
    refill(columnar, "1: a@0 b@1")
    assert converted(columnar) == 1 and columnar.check() == []


@pytest.mark.parametrize(
    "write_again",
    [lambda engine: happen(engine, "3: a@0 b@1", "4: a@0 b@1"), ColumnarEngine.compact],
    ids=["fold", "compact"],
)
def test_damage_is_never_copied(columnar: ColumnarEngine, write_again: Callable[[ColumnarEngine], Any]) -> None:
    """An altered file that is written again would have a right checksum and wrong numbers."""
    happen(columnar, "1: a@0 b@1", "2: a@0 b@1")
    victim = columnar.folder / columnar.snapshot().manifest.runs[0].file
    spoil(victim, "altered")
    with pytest.raises(EngineDamaged, match=victim.name):
        write_again(columnar)
    assert [one.file for one in columnar.check()] == [victim.name]


def test_a_check_goes_round_in_small_steps(columnar: ColumnarEngine) -> None:
    for rows in (60, 20, 5, 1):
        happen(columnar, *(f"{profile}: a@0 b@1" for profile in range(rows)))
    named = columnar.snapshot().manifest.names
    assert len(named) > 2
    looked = set()
    for _ in named:
        assert columnar.check(most_bytes=1) == []
        looked.add(columnar.checked)
    assert looked == named
    victim = min(named)
    spoil(columnar.folder / victim, "altered")
    found = [damage.file for _ in named for damage in columnar.check(most_bytes=1)]
    assert found == [victim]


@pytest.mark.parametrize("harm", ["truncated", "altered"])
def test_a_broken_manifest_is_damage_too(columnar: ColumnarEngine, harm: str) -> None:
    happen(columnar, "1: a@0 b@1")
    victim = manifest_of(columnar.folder)
    spoil(victim, harm)
    assert [one.file for one in columnar.check()] == [victim.name]
    with pytest.raises(EngineDamaged) as caught:
        converted(columnar)
    columnar.condemn(caught.value.damage)
    refill(columnar, "1: a@0 b@1")
    assert columnar.check() == [] and converted(columnar) == 1


def test_readers_never_see_half_a_change(columnar: ColumnarEngine) -> None:
    """A writer adds one converting profile at a time, and compacts; readers only ever see the number grow."""
    seen: list[list[int]] = [[], []]
    done = threading.Event()

    def read(into: list[int]) -> None:
        reader = ColumnarEngine(columnar.folder)
        while not done.is_set():
            into.append(converted(reader))

    threads = [threading.Thread(target=read, args=(into,)) for into in seen]
    for thread in threads:
        thread.start()
    for number in range(40):
        happen(columnar, f"{number}: a@0 b@1")
        if number % 7 == 0:
            columnar.compact()
    done.set()
    for thread in threads:
        thread.join()
    for numbers in seen:
        assert numbers == sorted(numbers)
    assert converted(columnar) == 40


def write_some(folder: Path, first: int) -> None:
    writer_engine = ColumnarEngine(folder)
    for number in range(first, first + 10):
        with writer_engine.writing(60) as writer:
            count = (writer.cursor or {"count": 0})["count"]
            writer.append(batch([(number, 0, "a", {}), (number, 1, "b", {})], seqs=[2 * number, 2 * number + 1]))
            writer.commit({"count": count + 1})
        writer_engine.compact()


def test_processes_that_write_at_once_lose_nothing(columnar: ColumnarEngine) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_some, args=(columnar.folder, first)) for first in (100, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert columnar.cursor() == {"count": 20}
    assert converted(columnar) == 20
    assert columnar.check() == []


def write_for_ever(folder: Path) -> None:
    engine = ColumnarEngine(folder)
    while True:
        with engine.writing(60) as writer:
            count = (writer.cursor or {"count": 0})["count"]
            writer.append(batch([(count, 0, "a", {}), (count, 1, "b", {})], seqs=[2 * count, 2 * count + 1]))
            writer.set_attributes(attribute(count, "n", count, 0))
            writer.relink({-count: count})
            writer.commit({"count": count + 1})
        if count % 5 == 0:
            engine.compact()


def test_killed_writers_lose_and_double_nothing(columnar: ColumnarEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """`KILLS=100` kills more often; the moments are what the scheduler makes of them."""
    spawn = multiprocessing.get_context("spawn")
    for kill in range(int(os.environ.get("KILLS", "2"))):
        before = (columnar.cursor() or {"count": 0})["count"]
        writer = spawn.Process(target=write_for_ever, args=(columnar.folder,))
        writer.start()
        while (columnar.cursor() or {"count": 0})["count"] < before + 3:
            time.sleep(0.001)
        time.sleep((kill * 7 % 23) / 1_000)
        writer.kill()
        writer.join()
        assert columnar.check() == []
        assert converted(columnar) == (columnar.cursor() or {})["count"]
    monkeypatch.setattr(tidying, "LEFTOVER_SECONDS", -3_600.0)
    columnar.maintain()
    assert files(columnar.folder) == named_files(columnar.folder)


def change_for_ever(folder: Path) -> None:
    """As fast as on the fastest disk."""
    vars(os)["fsync"] = lambda descriptor: None
    state = states.read_manifest(folder)
    while True:
        state = swap_manifest(folder, state)


def test_a_state_is_found_among_thousands_of_files(columnar: ColumnarEngine) -> None:
    """A long listing is read in pieces, between which a new state may come and the old one go."""
    happen(columnar, "1: a@0 b@1")
    for number in range(2_000):
        (columnar.folder / f"base-table-{number:016x}.arrow").touch()
    writer = multiprocessing.get_context("spawn").Process(target=change_for_ever, args=(columnar.folder,))
    writer.start()
    seen = [1]
    while 0 < seen[-1] < 1_000:
        seen.append(states.newest(columnar.folder))
    writer.kill()
    writer.join()
    assert seen == sorted(seen)


def write_without_locks(folder: Path, first: int) -> None:
    """As from another host whose locks do not reach this one."""
    vars(locks)["acquire"] = lambda descriptor, timeout: None
    engine, committed = ColumnarEngine(folder), 0
    while committed < 10:
        number = first + committed
        try:
            with engine.writing(60) as writer:
                count = (writer.cursor or {"count": 0, "numbers": []})["count"]
                if number in (writer.cursor or {"numbers": []})["numbers"]:
                    committed += 1
                    continue
                writer.append(batch([(number, 0, "a", {}), (number, 1, "b", {})], seqs=[2 * number, 2 * number + 1]))
                told = [*(writer.cursor or {"numbers": []})["numbers"], number]
                writer.commit({"count": count + 1, "numbers": told})
        except EngineOvertaken:
            continue
        if committed % 3 == 0:
            engine.compact()


def test_hosts_whose_locks_do_not_reach_each_other_corrupt_nothing(columnar: ColumnarEngine) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_without_locks, args=(columnar.folder, first)) for first in (100, 200, 300)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert (columnar.cursor() or {})["count"] == 30
    assert converted(columnar) == 30
    assert columnar.stored().events == 60
    assert columnar.check() == []


def test_a_change_that_comes_too_late_is_refused(columnar: ColumnarEngine) -> None:
    """Even when the number it wanted has become free again."""
    happen(columnar, "1: a@0 b@1")
    old = columnar.snapshot().manifest
    for profile in (2, 3):
        happen(columnar, f"{profile}: a@0 b@1")
    with pytest.raises(EngineOvertaken):
        swap_manifest(columnar.folder, old)
    assert converted(columnar) == 3
    happen(columnar, "4: a@0 b@1")
    assert converted(ColumnarEngine(columnar.folder)) == 4
    assert columnar.check() == []


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
