"""Filters as SQL. `predicates.holds` is the law: ClickHouse compares by itself only where it does so exactly. Of other
comparisons the distinct values are decided here, or, where these are many or profiles are asked, the events.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cdp.engine.clickhouse import given
from cdp.engine.clickhouse.decisions import Events, decide
from cdp.engine.clickhouse.properties import MISSING, value_of
from cdp.engine.clickhouse.pushed import COMPARISONS, Verdict, both, either, every, joined, opposite, pushed
from cdp.engine.clickhouse.server import Server, numbers_of
from cdp.engine.clickhouse.state import Head
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.clickhouse.values import from_text
from cdp.engine.errors import NotSupported
from cdp.engine.predicate_refs import elsewhere
from cdp.engine.predicates import (
    BARE_OPERATORS,
    NEGATIONS,
    AllOf,
    AnyItem,
    AnyOf,
    Not,
    OfProfile,
    Predicate,
    Ref,
    Scalar,
    Test,
    holds,
)

# Distinct values that are decided before the question; of more, only those of the events that it is about.
MOST_VALUES = 50_000
Named = Callable[[Statement], str]
Leaf = Test | AnyItem
Settle = Callable[[Leaf, Verdict, Named, Statement], Verdict]


@dataclass(frozen=True)
class Scope:
    """The rows about which filters are decided: names and times, written for a statement by `named`."""

    server: Server
    head: Head
    as_of: int
    start: int
    last: int

    def condition(self, where: Predicate, named: Named, statement: Statement) -> str:
        """SQL that holds for the rows that satisfy the filter, and for no others."""
        return self.verdict(where, named, statement, self.settled).sure

    def verdict(self, where: Predicate, named: Named, statement: Statement, settle: Settle | None = None) -> Verdict:
        """Without `settle` some rows may be left open."""
        match where:
            case AllOf(children):
                return every([self.verdict(child, named, statement, settle) for child in children])
            case AnyOf(children):
                return either([self.verdict(child, named, statement, settle) for child in children])
            case Not(child):
                return opposite(self.verdict(child, named, statement, settle))
            case Test(op=op) if op in NEGATIONS:
                positive = replace(where, op=NEGATIONS[op])
                return opposite(self.verdict(positive, named, statement, settle))
            case Test() | AnyItem():
                found = self.compared(where, named, statement)
                return settle(where, found, named, statement) if settle and found.is_open else found

    def compared(self, leaf: Leaf, named: Named, statement: Statement) -> Verdict:
        """Of a comparison that is no negation: nothing satisfies it without being there. Raises NotSupported."""
        if not all(isinstance(one, OfProfile) for one in elsewhere(leaf)):
            raise NotSupported("Only the steps of a sequence can be compared with earlier ones.")
        if (found := told(leaf, statement)) is not None:
            return found
        is_open = Verdict("0", is_there(leaf, statement))
        return is_open if asks_profiles(leaf) else self.by_values(leaf, is_open, named, statement) or is_open

    def settled(self, leaf: Leaf, found: Verdict, named: Named, statement: Statement) -> Verdict:
        """What is open is decided now, by value or, where these are too many, by event."""
        by_values = None if asks_profiles(leaf) else self.by_values(leaf, found, named, statement)
        return by_values or self.by_events(leaf, found, named, statement)

    def by_values(self, leaf: Leaf, found: Verdict, named: Named, statement: Statement) -> Verdict | None:
        """None where there are too many different ones."""
        names = properties_of(leaf)
        texts = self.distinct(names, leaf, named)
        if texts is None:
            return None
        accepted = [one for one in texts if holds(leaf, dict(zip(names, map(from_text, one), strict=True)), self.as_of)]
        refused = list(set(texts) - set(accepted))
        if not accepted or not refused:
            return either([both(found.sure), both(found.open if accepted else "0")])
        is_fewer = len(accepted) <= len(refused)
        values = [value_of(name, statement) for name in names]
        among = given.texts(self.server, accepted if is_fewer else refused, statement)
        one = values[0] if len(values) == 1 else f"({', '.join(values)})"
        return either([both(found.sure), both(f"({found.open} AND {one} {'IN' if is_fewer else 'NOT IN'} {among})")])

    def distinct(self, names: Sequence[str], leaf: Leaf, named: Named) -> list[tuple[str, ...]] | None:
        asked = self.asked("distinct_values", names, leaf, named)
        asked.parameters["most"] = MOST_VALUES + 1
        rows = self.server.rows(asked.text, asked.parameters)
        return [tuple(row) for row in rows] if len(rows) <= MOST_VALUES else None

    def by_events(self, leaf: Leaf, found: Verdict, named: Named, statement: Statement) -> Verdict:
        names = properties_of(leaf)
        asked = self.asked("undecided", names, leaf, named)
        table = self.server.table(asked.text, asked.parameters)
        seq, profile = (numbers_of(table.column(name)) for name in ("seq", "profile"))
        texts = {name: table.column(f"v{place}") for place, name in enumerate(names)}
        accepted = seq[decide(leaf, Events(profile, texts), self.as_of)]
        among = given.ids(self.server, accepted, statement)
        return either([both(found.sure), both(f"({found.open} AND seq IN {among})")])

    def asked(self, name: str, properties: Sequence[str], leaf: Leaf, named: Named) -> Statement:
        """A question about what is open of a comparison."""
        asked = self.head.question(name, self.as_of, self.start, self.last)
        values = [value_of(one, asked) for one in properties]
        asked.parts["values"] = ", ".join(f"{value} AS v{place}" for place, value in enumerate(values))
        asked.parts["named"] = named(asked)
        found = told(leaf, asked)
        asked.parts["open"] = found.open if found else is_there(leaf, asked)
        return asked


def told(leaf: Leaf, statement: Statement) -> Verdict | None:
    """What ClickHouse can tell by itself."""
    if not isinstance(leaf, Test) or not isinstance(leaf.value, Scalar | tuple | None):
        return None
    return pushed(leaf, statement)


def is_told(where: Predicate) -> bool:
    """Whether ClickHouse tells all but odd values by itself."""
    match where:
        case AllOf(children) | AnyOf(children):
            return all(map(is_told, children))
        case Not(child):
            return is_told(child)
        case Test(_, op, value):
            is_compared = NEGATIONS.get(op, op) in COMPARISONS or op in BARE_OPERATORS
            return is_compared and isinstance(value, Scalar | tuple | None)
    return False


def asks_profiles(leaf: Leaf) -> bool:
    return any(True for _ in elsewhere(leaf))


def is_there(leaf: Leaf, statement: Statement) -> str:
    values = [value_of(name, statement) for name in properties_of(leaf)]
    return joined(" AND ", "1", [f"{value} NOT IN {MISSING}" for value in values])


def properties_of(where: Predicate) -> tuple[str, ...]:
    """What is looked at of an event; references inside items stay inside them."""
    match where:
        case AllOf(children) | AnyOf(children):
            return tuple(dict.fromkeys(name for child in children for name in properties_of(child)))
        case Not(child):
            return properties_of(child)
        case Test(name, _, Ref(other)):
            return tuple(dict.fromkeys((name, other)))
    return (where.property,)
