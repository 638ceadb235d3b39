"""The traits that are measured, as the API takes them, and as questions that the engine's benchmark can compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.data import END
from benchmarks.engine.profile_questions import BOUGHT, CARRIED, VIEWED, TraitsQuestion, bought, viewed
from benchmarks.engine.questions import Columns
from cdp.definitions.traits import TraitDefinition, parse_trait
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.base import Engine
from cdp.engine.events import Events
from cdp.traits.evaluation import Values, evaluate

UTC = ZoneInfo("UTC")
Body = dict[str, Any]


def aggregation(fn: str, event: str = BOUGHT, **more: Any) -> Body:
    return {"name": f"{fn}_of_{event}", "kind": "aggregation", "fn": fn, "event": event, **more}


def of_property(kind: str, event: str, name: str, **more: Any) -> Body:
    return {"name": f"{kind}_of_{event}", "kind": kind, "event": event, "property": name, **more}


def read(body: Body) -> TraitDefinition:
    return parse_trait(body, zone=UTC)


@dataclass(frozen=True)
class DefinitionsQuestion(TraitsQuestion):
    """Traits computed for everybody as the product does it; `specs` say the same for the peers' SQL."""

    bodies: tuple[Body, ...] = ()

    def ask(self, engine: Engine) -> Any:
        return compute([read(body) for body in self.bodies], engine)

    def columns(self, answer: Any) -> Columns:
        everybody = np.unique(np.concatenate([one.profile for one in answer]))
        return (everybody, *(spread(spec, one, everybody) for spec, one in zip(self.specs, answer, strict=True)))


def compute(definitions: Sequence[TraitDefinition], engine: Engine) -> list[Values]:
    return evaluate(engine, definitions, as_of=END, zone=UTC)


def spread(spec: AggregateSpec, values: Values, everybody: NDArray[np.int64]) -> NDArray[Any]:
    """One value for each profile of `everybody`; who has none stands as in a database."""
    decoded = [value for value in values.value if value is not None]
    column = np.array(decoded, str) if isinstance(decoded[0], str) else np.array(decoded, np.float64)
    nothing = np.nan if spec.fn == "avg" else np.zeros(1, column.dtype)[0]
    filled = np.full(len(everybody), nothing, column.dtype)
    filled[np.searchsorted(everybody, values.profile[values.present])] = column
    return filled


QUESTIONS = (
    DefinitionsQuestion("sum", "SUM of purchases", (bought("sum", "value"),), 10,
        (aggregation("sum", property="value"),)),
    DefinitionsQuestion("count", "COUNT of views", (viewed("count"),), 10, (aggregation("count", VIEWED),)),
    DefinitionsQuestion("avg", "AVG of purchases", (bought("avg", "value"),), 10,
        (aggregation("avg", property="value"),)),
    DefinitionsQuestion("first", "First platform of views", (viewed("first", "$platform"),), 10,
        (of_property("first", VIEWED, "$platform"),)),
    DefinitionsQuestion("last", "Last platform of views", (viewed("last", "$platform"),), 10,
        (of_property("last", VIEWED, "$platform"),)),
    DefinitionsQuestion("mode", "Most frequent category viewed", (viewed("mode", "category"),), 20,
        (of_property("most_frequent", VIEWED, "category"),)),
    DefinitionsQuestion("unique", "Unique count of categories viewed", (viewed("unique", "category"),), 20,
        (of_property("unique_count", VIEWED, "category"),)),
    DefinitionsQuestion("several", "COUNT of three events and SUM, together",
        (bought("count"), viewed("count"), AggregateSpec(Events((CARRIED,)), "count"), bought("sum", "value")), 10,
        (aggregation("count"), aggregation("count", VIEWED), aggregation("count", CARRIED),
         aggregation("sum", property="value"))),
)  # fmt: skip


def twenty_five() -> list[Body]:
    """A full plan: five kinds of values of five events, some of a window."""
    windows: tuple[Body, ...] = ({}, {"window": {"last": "P30D"}}, {"window": {"last": "P90D"}})
    bodies = []
    for number, event in enumerate(("page_view", VIEWED, CARRIED, "initiate_checkout", BOUGHT)):
        window = windows[number % len(windows)]
        bodies += [
            aggregation("count", event, **window),
            aggregation("sum", event, property="value", **window),
            of_property("most_frequent", event, "category", **window),
            of_property("last", event, "$platform"),
            of_property("unique_count", event, "category", **window),
        ]
    return bodies
