"""A profile beside its person: what goes out, what comes in, what both had changed, what they agree on then. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from integrations.pipedrive.canonical import Canonical
from integrations.pipedrive.mapping import Labels, Pair, Setting, key_of, label_ids, owned_labels, theirs
from integrations.pipedrive.merge import Base, Both, Side, decide
from integrations.pipedrive.shapes import Person


@dataclass(frozen=True, slots=True)
class Conflict:
    pair: Pair
    ours: Canonical
    theirs: Canonical
    winner: Side


@dataclass(slots=True)
class Compared:
    """`base` as it is once pulls are applied; what is still to be pushed has no "o" in it. `labels`: the whole list of
    labels to send, None where it is right already. `before`: theirs, of what is pushed."""

    pushes: dict[Pair, Canonical] = field(default_factory=dict)
    pulls: dict[Pair, Canonical] = field(default_factory=dict)
    before: dict[Pair, Canonical] = field(default_factory=dict)
    base: dict[str, dict[str, Canonical]] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    labels: list[int] | None = None

    @property
    def writes(self) -> bool:
        return bool(self.pushes) or self.labels is not None


def compare(
    pairs: Sequence[Pair],
    said: Mapping[Pair, Canonical],
    person: Person,
    base: Mapping[str, Base],
    *,
    setting: Setting,
    ours_at: Mapping[str, datetime],
) -> Compared:
    found = Compared()
    for pair in pairs:
        agreed = base.get(key_of(pair))
        value = said[pair]
        seen = theirs(pair, person, setting, known=(value, (agreed or {}).get("t")))
        both = Both(value, seen, ours_at.get(pair.local), person.update_time)
        decision = decide(pair.direction, pair.rule, agreed, both)
        outcome = decision.outcome
        if pair.is_contact and ((outcome == "push" and value is None) or (outcome == "pull" and seen is None)):
            outcome = "rest"  # an address is never taken away from anybody by somebody else's blank
        if outcome == "push":
            found.pushes[pair], found.before[pair] = value, seen
            found.base[key_of(pair)] = {"t": seen}
        else:
            if outcome == "pull":
                found.pulls[pair] = seen
            found.base[key_of(pair)] = {"o": value, "t": seen}
        if decision.winner is not None:
            found.conflicts.append(Conflict(pair, value, seen, decision.winner))
    return found


def compare_labels(person: Person, labels: Labels, desired: Sequence[int]) -> list[int] | None:
    """The whole list to send, None where ours are as they should be."""
    if owned_labels(person, labels) == sorted(desired):
        return None
    return label_ids(person, labels, desired)


def remote_digest_of(pairs: Sequence[Pair], person: Person, base: Mapping[str, Base], setting: Setting) -> list[object]:
    """What the person says in every pair, as far as it concerns us."""
    return [
        [pair.code, theirs(pair, person, setting, known=((base.get(key_of(pair)) or {}).get("t"),))] for pair in pairs
    ]
