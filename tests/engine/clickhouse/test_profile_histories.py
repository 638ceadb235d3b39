"""Random histories: aggregates and conditions like the oracle's on ClickHouse too, whatever happened to the events.

`HISTORIES=500 pytest tests/engine/clickhouse` looks further than the few examples of every day.
"""

import os

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_engine
from tests.engine.reference import Reference
from tests.engine.test_profile_histories import CHANGES, QUESTIONS, Change, Questions, apply, compare

EXAMPLES = int(os.environ.get("HISTORIES", "6"))

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)


@given(st.lists(CHANGES, min_size=1, max_size=12), QUESTIONS)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, suppress_health_check=list(HealthCheck))
def test_the_engine_answers_like_the_oracle(changes: list[Change], questions: Questions) -> None:
    note(f"{changes=}\n{questions=}")
    engine, oracle, seq = clickhouse_engine(), Reference(), 1
    for change in changes:
        if change.kind == "ask":
            compare(engine, oracle, questions)
        elif change.kind not in ("compact", "reopen"):  # nothing is folded, and nothing kept open
            with engine.writing(1) as writer:
                apply(writer, change, seq)
                writer.commit({"seq": seq})
            seq = apply(oracle, change, seq)
    compare(engine, oracle, questions)
