"""Three-way merge of a pair: what both sides said when they last agreed decides who has changed it since. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from integrations.pipedrive.canonical import Canonical, same
from integrations.pipedrive.fields import Direction, Rule

Base = Mapping[str, Any]  # {"o": ours, "t": theirs}; without "o" ours has still to be written
Outcome = Literal["agree", "rest", "push", "pull"]
Side = Literal["stratum", "pipedrive"]


@dataclass(frozen=True, slots=True)
class Decision:
    """`rest` leaves both as they are though they differ. `winner` is set where both had changed."""

    outcome: Outcome
    winner: Side | None = None


@dataclass(frozen=True, slots=True)
class Both:
    """A pair's two values now, and when each got it, as far as that is known."""

    ours: Canonical
    theirs: Canonical
    ours_at: datetime | None = None
    theirs_at: datetime | None = None


def decide(direction: Direction, rule: Rule, base: Base | None, both: Both) -> Decision:
    if same(both.ours, both.theirs):
        return Decision("agree")
    ours, theirs = changed(base, both)
    if direction == "to_pipedrive":
        return _outward(rule, base, both, ours=ours, theirs=theirs)
    if direction == "from_pipedrive":
        return _inward(rule, both, theirs=theirs)
    return _two_way(rule, base, both, ours=ours, theirs=theirs)


def changed(base: Base | None, both: Both) -> tuple[bool, bool]:
    """(ours, theirs). Before the two ever agreed, each counts as changed."""
    if base is None:
        return True, True
    return "o" not in base or not same(both.ours, base["o"]), "t" not in base or not same(both.theirs, base["t"])


def _outward(rule: Rule, base: Base | None, both: Both, *, ours: bool, theirs: bool) -> Decision:
    if both.ours is None and (base is None or base.get("o") is None):
        return Decision("rest")  # we never had anything to say
    if not ours and not theirs:
        return Decision("rest")  # they write it their own way
    if rule == "fill_blank":
        return Decision("push" if both.theirs is None else "rest")
    if both.theirs is None or not theirs or base is None:
        wins = both.theirs is None or not theirs or rule != "crm_wins"
    else:
        wins = _winner(rule, both) == "stratum"
    return Decision("push" if wins else "rest", _winner(rule, both) if ours and theirs and base is not None else None)


def _inward(rule: Rule, both: Both, *, theirs: bool) -> Decision:
    if rule == "fill_blank":
        return Decision("pull" if both.ours is None else "rest")
    return Decision("pull" if theirs else "rest")


def _two_way(rule: Rule, base: Base | None, both: Both, *, ours: bool, theirs: bool) -> Decision:
    if not ours and not theirs:
        return Decision("rest")
    if rule == "fill_blank":
        return _fill(both)
    if ours and not theirs:
        return Decision("push")
    if theirs and not ours:
        return Decision("pull")
    if base is None and (both.ours is None or both.theirs is None):
        return _fill(both)
    winner = _winner(rule, both)
    return Decision("push" if winner == "stratum" else "pull", winner)


def _fill(both: Both) -> Decision:
    if both.ours is None:
        return Decision("pull")
    return Decision("push" if both.theirs is None else "rest")


def _winner(rule: Rule, both: Both) -> Side:
    """Of equally new edits, or where a time is not known, the salesperson's."""
    if rule == "stratum_wins":
        return "stratum"
    if rule == "crm_wins" or both.ours_at is None:
        return "pipedrive"
    if both.theirs_at is None or both.ours_at > both.theirs_at:
        return "stratum"
    return "pipedrive"
