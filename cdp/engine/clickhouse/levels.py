"""Funnels of which only numbers of users are wanted, and whose steps have events of their own: ClickHouse counts them
itself, on each shard those that lie there, and sends a line per depth.
"""

from cdp.engine.clickhouse.filters import Scope
from cdp.engine.clickhouse.marks import Asked
from cdp.engine.columnar.walk import is_level
from cdp.engine.funnels import FunnelAnswer, FunnelSpec, StepAnswer


def can_count(spec: FunnelSpec) -> bool:
    return is_level(spec) and spec.counting == "unique" and spec.breakdown is None and not spec.timed


def count_levels(asked: Asked) -> FunnelAnswer:
    """The answer to a funnel that `can_count`."""
    spec, head = asked.spec, asked.head
    start, last = max(spec.start, head.floor), min(spec.end - 1 + spec.window, asked.as_of)
    statement = head.question("funnel_depths", asked.as_of)
    statement.parameters |= {"names": asked.names(), "start": start, "last": last}
    statement.parameters |= {"end": spec.end, "open_from": asked.as_of - spec.window}
    steps = asked.by_step(statement, Scope(asked.server, asked.head, asked.as_of, start, last))
    entry = f"({steps[0]} AND ts < {{end:Int64}})"
    statement.parts |= {"window": str(int(spec.window)), "steps": ", ".join([entry, *steps[1:]]), "entry": entry}
    statement.parts["asked"] = asked.profiles(statement)
    rows = asked.server.rows(statement.text, statement.parameters)
    return answer_of({depth: (users, may_go_on) for depth, users, may_go_on in rows}, len(spec.steps))


def answer_of(by_depth: dict[int, tuple[int, int]], steps: int) -> FunnelAnswer:
    """by_depth: users, and those of them who have an entry from which they may still go on."""
    reached = [sum(users for depth, (users, _) in by_depth.items() if depth > step) for step in range(steps)]
    return FunnelAnswer(
        steps=tuple(StepAnswer(users, None, None) for users in reached),
        converted=reached[-1],
        in_progress=sum(may_go_on for depth, (_, may_go_on) in by_depth.items() if depth < steps),
        average_us=None,
        median_us=None,
    )
