"""Conditions on one event, written alike in every SQL."""

from collections.abc import Sequence

from cdp.engine.predicates import Predicate, Test

COLUMN = {"value": "value", "$platform": "platform"}


def literal(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))})"
    return f"'{value}'" if isinstance(value, str) else str(value)


def named(names: Sequence[str]) -> str:
    return f"event = {literal(names[0])}" if len(names) == 1 else f"event IN {literal(tuple(names))}"


def test(where: Predicate) -> str:
    """Money is stored in cents."""
    match where:
        case Test("value", "gt", int(value)):
            return f"value > {value * 100}"
        case Test(name, "in", tuple(values)):
            return f"{COLUMN[name]} IN {literal(values)}"
    raise NotImplementedError(where)
