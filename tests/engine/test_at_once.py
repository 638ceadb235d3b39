"""Readers and writers, processes and hosts at once: nobody sees half a change, and nothing is lost or counted twice."""

import multiprocessing
import os
import threading
import time
from itertools import count
from pathlib import Path

import pytest

from cdp.engine.columnar import locks, states, tidying
from cdp.engine.columnar.claims import swap_manifest
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.errors import EngineOvertaken
from tests.engine.folder import converted, files, named_files
from tests.engine.story import attribute, batch, happen


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


def test_a_listing_that_missed_the_newest_state_is_made_up_for(
    columnar: ColumnarEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a signal interrupts it and meanwhile a state comes whose place was passed, and the old one goes."""
    happen(columnar, "1: a@0 b@1")
    whole, listings = os.listdir, count()
    monkeypatch.setattr(os, "listdir", lambda folder: [] if next(listings) % 2 == 0 else whole(folder))
    assert states.newest(columnar.folder) == 1
    assert states.read_manifest(columnar.folder).generation == 1


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
