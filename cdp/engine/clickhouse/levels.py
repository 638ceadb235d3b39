"""Funnels of which only numbers of users are wanted, and whose steps have events of their own: ClickHouse counts them
itself, on each shard those that lie there, and sends a line per depth, and per value of a first or last touch.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse.asked import named, numbers
from cdp.engine.clickhouse.filters import Scope
from cdp.engine.clickhouse.marks import TOUCHES, Asked
from cdp.engine.clickhouse.properties import MISSING, value_of
from cdp.engine.clickhouse.server import array_of
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.clickhouse.texts import labels_of
from cdp.engine.columnar.breakdown import groups_by_code
from cdp.engine.columnar.labels import Labels
from cdp.engine.columnar.walk import is_level
from cdp.engine.events import BEGINNING
from cdp.engine.funnels import Breakdown, ByProperty, FunnelAnswer, FunnelSpec, Group, StepAnswer


def can_count(spec: FunnelSpec) -> bool:
    return is_level(spec) and spec.counting == "unique" and not spec.timed and can_group(spec.breakdown)


def can_group(breakdown: Breakdown | None) -> bool:
    return breakdown is None or (isinstance(breakdown.by, ByProperty) and breakdown.by.attribution in TOUCHES)


def count_levels(asked: Asked) -> FunnelAnswer:
    """The answer to a funnel that `can_count`."""
    spec = asked.spec
    if spec.breakdown is None:
        return answer_of(depths(asked), len(spec.steps))
    table, labels = touched_depths(asked, spec.breakdown), Labels()
    codes, users = labels_of(table.column("known"), labels), numbers(table, "users")
    group_of, values = groups_by_code(np.repeat(codes, users), labels, spec.breakdown)
    groups = [
        Group(value, answer_of(table.filter(pa.array(group_of[codes] == place)), len(spec.steps)))
        for place, value in enumerate(values)
    ]
    return replace(answer_of(table, len(spec.steps)), breakdown=tuple(groups))


def depths(asked: Asked) -> pa.Table:
    start = max(asked.spec.start, asked.head.floor)
    last = min(asked.spec.end - 1 + asked.spec.window, asked.as_of)
    statement = asked.head.question("funnel_depths", asked.as_of, start, last)
    statement.parameters["start"] = start
    followed(asked, statement, asked.by_step(statement, Scope(asked.server, asked.head, asked.as_of, start, last)))
    return asked.server.table(statement.text, statement.parameters)


def touched_depths(asked: Asked, breakdown: Breakdown) -> pa.Table:
    """What serves a step counts as a touch before the funnel's date range too."""
    by = breakdown.by
    assert isinstance(by, ByProperty)
    statement = asked.head.question(
        "funnel_touched_depths", asked.as_of, in_order=asked.head.known.in_order, missing=MISSING
    )
    statement.parameters["beginning"] = BEGINNING
    steps = asked.by_step(statement, Scope(asked.server, asked.head, asked.as_of, BEGINNING, asked.as_of))
    statement.parts |= {"touch": TOUCHES[by.attribution], "value": value_of(by.property, statement)}
    statement.parts["serves"] = f"({' OR '.join(steps)})"
    followed(asked, statement, steps)
    return asked.server.table(statement.text, statement.parameters)


def followed(asked: Asked, statement: Statement, steps: list[str]) -> None:
    """`steps`: per step, SQL of the events that serve it."""
    spec = asked.spec
    entry = f"({steps[0]} AND {asked.head.known.during(max(spec.start, asked.head.floor), spec.end - 1)})"
    statement.parameters["open_from"] = asked.as_of - spec.window
    statement.parts["named"] = named(asked.names(), statement)
    statement.parts |= {"window": str(int(spec.window)), "steps": ", ".join([entry, *steps[1:]]), "entry": entry}
    statement.parts["asked"] = asked.profiles(statement)


def answer_of(lines: pa.Table, steps: int) -> FunnelAnswer:
    """lines: users by depth, and how many of them have an entry from which they may still go on."""
    depth, users, may_go_on = (
        array_of(lines.column("depth"), np.uint8),
        numbers(lines, "users"),
        numbers(lines, "may_go_on"),
    )
    reached = [total(users[depth > step]) for step in range(steps)]
    return FunnelAnswer(
        steps=tuple(StepAnswer(users, None, None) for users in reached),
        converted=reached[-1],
        in_progress=total(may_go_on[depth < steps]),
        average_us=None,
        median_us=None,
    )


def total(some: Ints) -> int:
    return int(some.sum())
