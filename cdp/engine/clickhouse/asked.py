"""Which rows a question about profiles is about: names, times and profiles, as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse import given
from cdp.engine.clickhouse.filters import Scope
from cdp.engine.clickhouse.server import Server, numbers_of
from cdp.engine.clickhouse.state import Head
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.events import ANY_EVENT, EventName, Events, Prefix

# Of more profiles everybody is asked about, and these are picked: their list would take longer than the rows.
MOST_NAMED = 100_000


@dataclass(frozen=True)
class Question:
    """What is asked of one committed state; of the ascending `profiles`, or of all."""

    server: Server
    head: Head
    as_of: int
    profiles: Ints | None

    def about(self, name: str, events: Events, **parts: str) -> Statement:
        """A statement about the rows of these events."""
        start, last = self.times(events)
        asked = self.head.question(name, self.as_of, start, last, **parts)
        asked.parts["named"] = named(events.names, asked)
        return asked

    def times(self, events: Events) -> tuple[int, int]:
        """The first and the last instant."""
        return max(events.start, self.head.floor), min(events.end - 1, self.as_of)

    def where(self, events: Events, statement: Statement) -> str:
        """SQL of the filter."""
        if events.where is None:
            return "1"
        scope = Scope(self.server, self.head, self.as_of, *self.times(events))
        return scope.condition(events.where, lambda one: named(events.names, one), statement)

    def table(self, statement: Statement) -> pa.Table:
        """The answer of the profiles asked about."""
        wanted = self.profiles
        if wanted is None or len(wanted) > MOST_NAMED:
            statement.parts["asked"] = "1"
            found = self.server.table(statement.text, statement.parameters)
            return found if wanted is None else found.filter(pa.array(np.isin(numbers(found, "profile"), wanted)))
        statement.parts["asked"] = f"profile IN {given.ids(self.server, wanted, statement)}"
        return self.server.table(statement.text, statement.parameters)


def numbers(table: pa.Table, name: str) -> Ints:
    return numbers_of(table.column(name))


def named(names: Sequence[EventName], statement: Statement) -> str:
    """SQL: the row is one of those events."""
    if ANY_EVENT in names:
        return "1"
    terms = [f"startsWith(name, {statement.bind(one.text, 'String')})" for one in names if isinstance(one, Prefix)]
    plain = [one for one in names if isinstance(one, str)]
    if len(plain) == 1:  # so that ClickHouse knows that rows lie by profile
        terms.append(f"name = {statement.bind(plain[0], 'String')}")
    elif plain:
        terms.append(f"name IN {statement.bind(plain, 'Array(String)')}")
    return f"({' OR '.join(terms)})" if terms else "0"
