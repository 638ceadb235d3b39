"""Read a book from its beginning and find the first place where it was tampered with. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from trustlayer import chain
from trustlayer.chain import Broken


@dataclass(frozen=True, slots=True)
class Witness:
    """What somebody else knows about the book: at `seq` its hash was this. `name` says who, as a person reads it."""

    seq: int
    entry_hash: str
    name: str


class Line(NamedTuple):
    """An entry as it was read: `digest` is the hash of its content, worked out now; `entry_hash` what it claims."""

    seq: int
    prev_hash: str
    entry_hash: str
    digest: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`entries` were read, `first` to `last`; `broken` is None when all of it holds together."""

    entries: int
    first: int
    last: int
    head: str
    broken: Broken | None


def verify(lines: Iterable[Line], witnesses: Iterable[Witness], *, pruned_through: int = 0) -> Verified:
    """`lines` by ascending seq. What was pruned ends at a witness."""
    by_seq: dict[int, list[Witness]] = {}
    for witness in witnesses:
        by_seq.setdefault(witness.seq, []).append(witness)
    reader = _Reader(pruned_through, by_seq)
    broken = next(reader.faults(lines), None)
    return Verified(reader.read, pruned_through + 1, reader.seq, reader.head, broken)


class _Reader:
    """Walks along the chain; stops at the first fault."""

    def __init__(self, pruned_through: int, witnesses: dict[int, list[Witness]]) -> None:
        self.seq, self.read, self.witnesses = pruned_through, 0, witnesses
        known = witnesses.get(pruned_through, [])
        self.head = known[0].entry_hash if pruned_through and known else chain.BEGINNING
        self.is_anchored = not pruned_through or bool(known)

    def faults(self, lines: Iterable[Line]) -> Iterator[Broken]:
        if not self.is_anchored:
            yield Broken(
                self.seq, f"Entries up to {self.seq} were pruned, but no signed checkpoint tells where they ended."
            )
        for line in lines:
            if line.seq != self.seq + 1 or line.prev_hash != self.head or line.digest != line.entry_hash:
                yield self._misplaced(line)
            if line.seq in self.witnesses:
                yield from self._ask_witnesses(line)
            self.seq, self.head, self.read = line.seq, line.entry_hash, self.read + 1
        for seq in sorted(seq for seq in self.witnesses if seq > self.seq):
            witness = self.witnesses[seq][0]
            yield Broken(self.seq + 1, f"The book ends at {self.seq}, but {witness.name} has seen entry {seq}.")

    def _misplaced(self, line: Line) -> Broken:
        if line.seq != self.seq + 1:
            return Broken(self.seq + 1, f"Entry {self.seq + 1} is missing: after {self.seq} comes {line.seq}.")
        if line.prev_hash != self.head:
            return Broken(line.seq, f"Entry {line.seq} does not follow the one before it.")
        return Broken(line.seq, f"Entry {line.seq} was changed after it was written.")

    def _ask_witnesses(self, line: Line) -> Iterator[Broken]:
        for witness in self.witnesses[line.seq]:
            if witness.entry_hash != line.entry_hash:
                sentence = f"The book was rewritten at or before entry {line.seq}: {witness.name} knows another one."
                yield Broken(line.seq, sentence)
