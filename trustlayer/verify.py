"""Read a book from its beginning and find the first place where it was tampered with. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trustlayer import chain
from trustlayer.chain import Broken


@dataclass(frozen=True, slots=True)
class Witness:
    """What somebody else knows about the book: at `seq` its hash was this. `name` says who, as a person reads it."""

    seq: int
    entry_hash: str
    name: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`entries` were read, `first` to `last`; `broken` is None when all of it holds together."""

    entries: int
    first: int
    last: int
    head: str
    broken: Broken | None


def verify(entries: Iterable[Mapping[str, Any]], witnesses: Iterable[Witness], *, pruned_through: int = 0) -> Verified:
    """`entries` by ascending seq, with all of chain.FIELDS and `entry_hash`. What was pruned ends at a witness."""
    by_seq: dict[int, list[Witness]] = {}
    for witness in witnesses:
        by_seq.setdefault(witness.seq, []).append(witness)
    reader = _Reader(pruned_through, by_seq)
    broken = next(reader.faults(entries), None)
    return Verified(reader.read, pruned_through + 1, reader.seq, reader.head, broken)


class _Reader:
    """Walks along the chain; stops at the first fault."""

    def __init__(self, pruned_through: int, witnesses: dict[int, list[Witness]]) -> None:
        self.seq, self.read, self.witnesses = pruned_through, 0, witnesses
        known = witnesses.get(pruned_through, [])
        self.head = known[0].entry_hash if pruned_through and known else chain.BEGINNING
        self.is_anchored = not pruned_through or bool(known)

    def faults(self, entries: Iterable[Mapping[str, Any]]) -> Iterator[Broken]:
        if not self.is_anchored:
            yield Broken(
                self.seq, f"Entries up to {self.seq} were pruned, but no signed checkpoint tells where they ended."
            )
        for entry in entries:
            yield from self._follow(entry)
            yield from self._ask_witnesses(entry)
            self.seq, self.head, self.read = entry["seq"], entry["entry_hash"], self.read + 1
        for seq in sorted(seq for seq in self.witnesses if seq > self.seq):
            witness = self.witnesses[seq][0]
            yield Broken(self.seq + 1, f"The book ends at {self.seq}, but {witness.name} has seen entry {seq}.")

    def _follow(self, entry: Mapping[str, Any]) -> Iterator[Broken]:
        if entry["seq"] != self.seq + 1:
            yield Broken(self.seq + 1, f"Entry {self.seq + 1} is missing: after {self.seq} comes {entry['seq']}.")
        elif entry["prev_hash"] != self.head:
            yield Broken(entry["seq"], f"Entry {entry['seq']} does not follow the one before it.")
        elif chain.entry_hash(entry) != entry["entry_hash"]:
            yield Broken(entry["seq"], f"Entry {entry['seq']} was changed after it was written.")

    def _ask_witnesses(self, entry: Mapping[str, Any]) -> Iterator[Broken]:
        for witness in self.witnesses.get(entry["seq"], []):
            if witness.entry_hash != entry["entry_hash"]:
                sentence = (
                    f"The book was rewritten at or before entry {entry['seq']}: {witness.name} knows another one."
                )
                yield Broken(entry["seq"], sentence)
