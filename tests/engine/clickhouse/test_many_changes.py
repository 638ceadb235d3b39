"""Very many changes in one commit, on a server that keeps the limits of a statement."""

import numpy as np

from cdp.engine.clickhouse.engine import ClickHouseEngine
from tests.clickhouse_server.process import ClickHouseProcess
from tests.engine.story import batch

MERGES = 50_000


def test_fifty_thousand_merges_in_one_commit(clickhouse: ClickHouseProcess) -> None:
    """Numbers are as long as they get, and every second profile has an event."""
    engine = ClickHouseEngine(clickhouse.url("many"), 1)
    losers = [2**62 + 3 * number for number in range(MERGES)]
    survivors = [2**62 + 3 * number + 1 for number in range(MERGES)]
    with engine.writing(5.0) as writer:
        writer.append(batch([(loser, number, "a", {}) for number, loser in enumerate(losers)]))
        writer.commit({})
    with engine.writing(5.0) as writer:
        writer.relink(dict(zip(losers, survivors, strict=True)))
        writer.commit({})
    activity = engine.activity(2**60)
    assert np.array_equal(activity.profile, survivors)
    assert engine.stored().events == MERGES
