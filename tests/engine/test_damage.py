"""Damage is found and named, answers nobody, and is never copied."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.errors import Damage, EngineDamaged
from tests.engine.folder import converted, files, manifest_of, named_files, refill
from tests.engine.story import happen


def spoil(path: Path, harm: str) -> None:
    """As a new file: nothing that is mapped changes."""
    content = path.read_bytes()
    path.unlink()
    if harm == "truncated":
        path.write_bytes(content[:-9])
    elif harm == "altered":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


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
