"""The table of states, as designed, and nothing beside it."""

import pytest

from autopilot.states import ENDED, MOVES, State, may_move, sources_of

TABLE = {
    "proposed": "pending_review approved blocked cancelled",
    "pending_review": "approved rejected expired cancelled superseded blocked",
    "blocked": "pending_review expired cancelled superseded",
    "approved": "executing stale pending_review blocked cancelled expired",
    "executing": "succeeded failed unknown stale",
    "unknown": "succeeded approved stale failed",
    "stale": "superseded cancelled",
    "succeeded": "reverted",
}


@pytest.mark.parametrize("before", list(State))
def test_exactly_these_moves(before):
    allowed = set(TABLE.get(before.value, "").split())
    assert {after.value for after in State if may_move(before, after)} == allowed


def test_ends_and_sources():
    assert set(State) - set(MOVES) == ENDED
    assert sources_of("approved") == {State.PROPOSED, State.PENDING_REVIEW, State.UNKNOWN}
