"""Random histories: whatever happens to the events, ClickHouse answers like the oracle.

`HISTORIES=500 pytest tests/engine/clickhouse` looks further than the few examples of every day.
"""

import os

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from cdp.engine.funnels import FunnelSpec
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_engine
from tests.engine.reference import Reference
from tests.engine.test_histories import CHANGES, Change, apply, compare, specs

EXAMPLES = int(os.environ.get("HISTORIES", "6"))
pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)


@given(st.lists(CHANGES, min_size=1, max_size=12), st.lists(specs(), min_size=1, max_size=3), st.integers(0, 26))
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, suppress_health_check=list(HealthCheck))
def test_the_engine_answers_like_the_oracle(changes: list[Change], questions: list[FunnelSpec], as_of: int) -> None:
    note(f"{changes=}\n{questions=}\n{as_of=}")
    engine, oracle, seq = clickhouse_engine(), Reference(), 1
    for change in changes:
        if change.kind == "compact":
            assert engine.compact()
        elif change.kind == "ask":
            compare(engine, oracle, questions, as_of)
        elif change.kind != "reopen":  # nothing is kept open
            with engine.writing(1) as writer:
                apply(writer, change, seq)
                writer.commit({"seq": seq})
            seq = apply(oracle, change, seq)
    compare(engine, oracle, questions, as_of)
    assert engine.check() == []
