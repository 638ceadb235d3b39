"""More names than the kernel takes streams: the shortest are merged, and must live as long as they are read."""

from pathlib import Path

from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.funnels import Step
from tests.engine.reference import Reference
from tests.engine.story import SECOND, batch, funnel


def test_any_event_among_many_names(tmp_path: Path) -> None:
    rows = [(p, (p * 7 + k * 3) % 90 * SECOND, f"e{(p + k) % 40}", {}) for p in range(1, 400) for k in range(12)]
    engine, oracle = ColumnarEngine(tmp_path), Reference()
    one = batch(rows)
    with engine.writing(1) as w:
        w.append(one)
        w.commit({})
    oracle.append(one)
    spec = funnel(Step(("e1", "e2")), Step(("*",)), Step(("e5", "e6", "e7")))
    for _ in range(20):
        assert engine.funnel(spec, 10**12) == oracle.funnel(spec, 10**12)
