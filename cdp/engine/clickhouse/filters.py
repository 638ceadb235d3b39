"""Filters as SQL: every comparison is decided here, once per distinct value, and becomes a set of accepted texts.

So `predicates.holds` stays the law, whatever the operator; ClickHouse looks values up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from cdp.engine.clickhouse.server import Server
from cdp.engine.clickhouse.state import Head
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.clickhouse.values import from_text
from cdp.engine.errors import NotSupported
from cdp.engine.predicate_refs import elsewhere
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Not, Predicate, Ref, Test, holds

MOST_VALUES = 50_000
Named = Callable[[Statement], str]


@dataclass(frozen=True)
class Scope:
    """The rows about which filters are decided: names and times, written for a statement by `named`."""

    server: Server
    head: Head
    as_of: int
    start: int
    last: int

    def condition(self, where: Predicate, named: Named, statement: Statement) -> str:
        """SQL that holds for the rows that satisfy the filter."""
        match where:
            case AllOf(children):
                return joined(" AND ", "1", [self.condition(child, named, statement) for child in children])
            case AnyOf(children):
                return joined(" OR ", "0", [self.condition(child, named, statement) for child in children])
            case Not(child):
                return f"NOT ({self.condition(child, named, statement)})"
            case Test() | AnyItem():
                return self.comparison(where, named, statement)

    def comparison(self, where: Test | AnyItem, named: Named, statement: Statement) -> str:
        if any(True for _ in elsewhere(where)):
            raise NotSupported("ClickHouse cannot compare events with fields of their profiles so far.")
        names = properties_of(where)
        found = self.distinct(names, named)
        verdicts = [(texts, self.decide(where, names, texts)) for texts in found]
        accepted, refused = ([texts for texts, holds_ in verdicts if holds_ is wanted] for wanted in (True, False))
        if not accepted or not refused:
            return "1" if accepted else "0"
        is_fewer = len(accepted) <= len(refused)
        values = value_list(names, statement)
        some = statement.bind(*bound(accepted if is_fewer else refused))
        return f"{values} {'IN' if is_fewer else 'NOT IN'} {some}"

    def decide(self, where: Test | AnyItem, names: Sequence[str], texts: Sequence[str]) -> bool:
        return holds(where, dict(zip(names, map(from_text, texts), strict=True)), self.as_of)

    def distinct(self, names: Sequence[str], named: Named) -> list[tuple[str, ...]]:
        asked = self.head.question("distinct_values", self.as_of)
        asked.parts["values"] = ", ".join(value_of(name, asked) for name in names)
        asked.parts["named"] = named(asked)
        asked.parameters |= {"start": self.start, "last": self.last, "most": MOST_VALUES + 1}
        rows = self.server.rows(asked.text, asked.parameters)
        if len(rows) > MOST_VALUES:
            raise NotSupported(
                f"{' and '.join(names)} have more than {MOST_VALUES:,} different values: ClickHouse cannot filter by "
                "them so far. Ask about fewer days, or filter by another property."
            )
        return [tuple(row) for row in rows]


def properties_of(where: Test | AnyItem) -> tuple[str, ...]:
    """What is looked at of an event; references inside items stay inside them."""
    if isinstance(where, Test) and isinstance(where.value, Ref):
        return tuple(dict.fromkeys((where.property, where.value.path)))
    return (where.property,)


def value_of(name: str, statement: Statement) -> str:
    """The JSON text of a property, empty where it is not there."""
    key = statement.bind(name, "String")
    if "." not in name:
        return f"properties[{key}]"
    return f"if(properties[{key}] IN ('', 'null'), inner[{key}], properties[{key}])"


def value_list(names: Sequence[str], statement: Statement) -> str:
    values = [value_of(name, statement) for name in names]
    return values[0] if len(values) == 1 else f"({', '.join(values)})"


def bound(texts: Sequence[tuple[str, ...]]) -> tuple[list[str] | list[tuple[str, ...]], str]:
    if len(texts[0]) == 1:
        return list(chain.from_iterable(texts)), "Array(String)"
    return list(texts), f"Array(Tuple({', '.join(['String'] * len(texts[0]))}))"


def joined(word: str, nothing: str, parts: Sequence[str]) -> str:
    return f"({word.join(parts)})" if parts else nothing
