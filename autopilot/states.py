"""Which state of an action may follow which. Pure; everything that is not in the table is refused."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    PROPOSED = "proposed"
    PENDING_REVIEW = "pending_review"
    BLOCKED = "blocked"
    APPROVED = "approved"
    EXECUTING = "executing"
    UNKNOWN = "unknown"
    STALE = "stale"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    REVERTED = "reverted"


def _states(words: str) -> frozenset[State]:
    return frozenset(State(word) for word in words.split())


MOVES: Mapping[State, frozenset[State]] = {
    State.PROPOSED: _states("pending_review approved blocked cancelled"),
    State.PENDING_REVIEW: _states("approved rejected expired cancelled superseded blocked"),
    State.BLOCKED: _states("pending_review expired cancelled superseded"),
    State.APPROVED: _states("executing stale pending_review blocked cancelled expired"),
    State.EXECUTING: _states("succeeded failed unknown stale"),
    State.UNKNOWN: _states("succeeded approved stale failed"),
    State.STALE: _states("superseded cancelled"),
    State.SUCCEEDED: _states("reverted"),
}

# Somebody may still decide, or the platform may still be changed: no second action on the same field meanwhile.
LIVE = _states("proposed pending_review blocked approved executing unknown")
UNDECIDED = _states("pending_review blocked")
ENDED = frozenset(state for state in State if state not in MOVES)

VALUES = tuple(state.value for state in State)

LABELS: Mapping[State, str] = {
    State.PROPOSED: "Proposed",
    State.PENDING_REVIEW: "Waiting for review",
    State.BLOCKED: "Blocked",
    State.APPROVED: "Approved",
    State.EXECUTING: "Executing",
    State.UNKNOWN: "Outcome unknown",
    State.STALE: "Stale",
    State.SUCCEEDED: "Executed",
    State.FAILED: "Failed",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Expired",
    State.CANCELLED: "Cancelled",
    State.SUPERSEDED: "Superseded",
    State.REVERTED: "Undone",
}


def may_move(before: str, after: str) -> bool:
    return State(after) in MOVES.get(State(before), frozenset())


def sources_of(after: str) -> frozenset[State]:
    """From where an action may come to this state."""
    return frozenset(before for before, targets in MOVES.items() if State(after) in targets)
