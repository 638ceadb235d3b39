"""Compiling the kernels of the questions about each profile: a few events in a folder of their own are asked all."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np

from cdp.engine.aggregates import AggregateSpec, Fn
from cdp.engine.batches import EventBatch
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.conditions import Condition, EventCondition, FirstEvent, Regular, SequenceCondition, SequenceStep
from cdp.engine.events import Events
from cdp.engine.overlap import region_sizes
from cdp.engine.predicates import Test
from cdp.engine.sets import chosen, is_in

A, B = Events(("a",)), Events(("a", "b"))
STEPS = (SequenceStep(("a",)), SequenceStep(("b",), max_gap=1))
CONDITIONS: tuple[Condition, ...] = (
    EventCondition(Events(("a",), Test("text", "exists"))),
    FirstEvent(A, 0, 9),
    Regular(A, 9, 2, 1),  # of periods that reach back to the events
    SequenceCondition(STEPS),
    SequenceCondition(STEPS[:1], total=1),
    SequenceCondition(STEPS, total=1),
    SequenceCondition((SequenceStep(("a", "b")), SequenceStep(("b",)))),
)


def warm_profiles() -> None:
    """Some 16 s once per machine; then a third of a second."""
    texts = [AggregateSpec(events, fn, "text") for events in (A, B) for fn in get_args(Fn)]
    # More texts than are counted as bits.
    many = [AggregateSpec(A, "unique", "many")]
    numbers = [AggregateSpec(A, "sum", "number")]
    with TemporaryDirectory(prefix="stratum-kernels-") as folder:
        engine = ColumnarEngine(Path(folder) / "events")
        store(engine, first_seq=1)
        engine.compact()
        store(engine, first_seq=1_001)
        engine.aggregates([*texts, *many, *numbers], 9)
        engine.aggregates(texts, 9, np.array([1, 2], np.int64))
        for condition in CONDITIONS:
            engine.members(condition, 9)
        engine.catalog(0, 9)
        engine.activity(9)
        engine.daily(0, 9, 9)
    one, two = np.array([1, 2], np.int64), np.array([2], np.int64)
    region_sizes([one, two])
    is_in(one, two)
    chosen(one, two, True)


def store(engine: ColumnarEngine, first_seq: int) -> None:
    rows = [("a", 1, number % 7) for number in range(70)] + [("b", 1, 7), ("a", 2, 1), ("a", 3 + first_seq, 1)]
    properties: list[dict[str, Any]] = [
        {"text": "x", "many": str(number), "number": number} for number in range(len(rows))
    ]
    properties[0] = {"number": 0}
    ts = np.array([when for _, _, when in rows], np.int64)
    profile = np.array([profile for _, profile, _ in rows], np.int64)
    batch = EventBatch(
        seq=np.arange(first_seq, first_seq + len(rows)),
        profile=profile,
        ts=ts,
        received=ts,
        name=[name for name, _, _ in rows],
        kind=np.zeros(len(rows), np.uint8),
        properties=properties,
    )
    with engine.writing(10) as writer:
        writer.append(batch)
        writer.commit({})
