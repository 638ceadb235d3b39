"""The files of a change that is not true yet, and the files of a state, byte by byte."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cdp.engine.columnar.arrow import checksum, wrong_size
from cdp.engine.columnar.manifest import Named
from cdp.engine.columnar.states import read_manifest
from cdp.engine.columnar.tidying import discard
from cdp.engine.errors import Damage, EngineDamaged, EngineOvertaken


class NewFiles:
    """What a change has written so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []

    def write(self, prefix: str, rows: int, write: Callable[[Path], tuple[int, int]]) -> Named:
        """`write` fills the file of that path and returns its length and CRC-32."""
        name = fresh_name(prefix)
        self.names.append(name)
        length, crc = write(self.folder / name)
        return Named(name, length, crc, rows)

    def discard(self) -> None:
        """Remove those that no state names."""
        discard(self.folder, self.names)


def fresh_name(prefix: str) -> str:
    """Never used before: a file that some reader has mapped must not be written again."""
    return f"{prefix}{uuid.uuid4().hex[:16]}.arrow"


@contextmanager
def new_files(folder: Path) -> Iterator[NewFiles]:
    """They are removed again when the change fails: a full disk must not become fuller with every attempt."""
    files = NewFiles(folder)
    try:
        yield files
    except BaseException:
        files.discard()
        raise


def examine(folder: Path, named: Named) -> Damage | None:
    """Read every byte of the file; what is wrong with it."""
    try:
        size = (folder / named.file).stat().st_size
        if size != named.length:
            return Damage(named.file, wrong_size(size, named.length))
        if checksum(folder / named.file) != named.crc:
            return Damage(named.file, "was altered: its checksum is wrong")
    except FileNotFoundError:
        return Damage(named.file, "is missing")
    except OSError as error:
        return Damage(named.file, f"cannot be read ({error.strerror})")
    return None


def require_sound(folder: Path, files: Iterable[Named]) -> None:
    """Whatever is written again is read in full first, so that damage is never copied. Raises EngineDamaged, and
    EngineOvertaken when a file is gone because its state has passed."""
    for named in files:
        if damage := examine(folder, named):
            if damage.file not in read_manifest(folder).names:
                raise EngineOvertaken
            raise EngineDamaged(damage.file, damage.reason)


def turn(files: Sequence[Named], after: str, most_bytes: int | None) -> list[Named]:
    """All of them, or about `most_bytes` in the order of their names, going round, from the one behind `after`."""
    ordered = sorted(files, key=lambda one: (one.file <= after, one.file))
    if most_bytes is None:
        return ordered
    chosen, size = 0, 0
    while chosen < len(ordered) and size < most_bytes:
        size += ordered[chosen].length
        chosen += 1
    return ordered[:chosen]
