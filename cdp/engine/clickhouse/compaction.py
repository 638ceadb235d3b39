"""Removing what does not count any more, from disk too, while others read and write.

A row that is dead as of one committed state is dead for good, so it may go at any time: a compaction that is
interrupted, or overtaken, has removed nothing that anybody could ask for. What it left undone, the next one does.
"""

import time
from collections.abc import Sequence
from uuid import uuid4

from cdp.engine.clickhouse.server import Server
from cdp.engine.clickhouse.state import PAUSE_SECONDS, Head, Line, claimed, head_of, read_head, read_lines, tell
from cdp.engine.clickhouse.statements import Statement, template
from cdp.engine.errors import EngineBusy

ROWS = ("event", "attribute")
# Every table whose rows belong to generations.
TABLES = (*ROWS, "link", "void", "erased", "moved")
# No question that began with an older state is still under way.
GRACE_SECONDS = 120.0
CLAIM_SECONDS = 10.0
SWEEP_SECONDS, MOST_PAUSE_SECONDS = 30.0, 1.0
# What is read by every question, and rows that every question reads in vain, up to these or for a day.
MOST_LINES = 400
MOST_DEAD, MOST_SHARE = 20_000, 16
MOST_SECONDS = 86_400.0


def compact(server: Server, workspace: int, edition: int, grace: float = 0.0) -> bool:
    """False when it takes longer than this call may, or when somebody else writes for too long. `grace`: how many
    seconds ago the state was that is compacted."""
    head = settled_head(workspace, edition, read_lines(server, workspace, edition), grace)
    if not head.generation:
        return True
    if head.is_sweeping or head.has_moved or head.has_voided or count_dead(server, head):
        if not sweep(server, head):
            return False
        try:
            settle(server, head)
        except EngineBusy:
            return False
    fold(server, read_head(server, workspace, edition), grace)
    return True


def settled_head(workspace: int, edition: int, lines: Sequence[Line], grace: float) -> Head:
    """As it was so many seconds ago."""
    return head_of(workspace, edition, [line for line in lines if line.age >= grace * 1_000])


def sweep(server: Server, head: Head) -> bool:
    """Whether all dead rows are gone. ClickHouse writes the parts that have some again, in the background."""
    tell(server, head.key, head.generation, "sweep", str(uuid4()))
    deadline = time.monotonic() + SWEEP_SECONDS
    asked = Statement("removals", head.key)
    is_asked_for = server.rows(asked.text, asked.parameters)[0][0] > 0
    pause = PAUSE_SECONDS
    while dead := [table for table in ROWS if count_dead(server, head, (table,))]:
        if not is_asked_for:
            remove(server, head, dead)
            is_asked_for = True
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, MOST_PAUSE_SECONDS)
    return True


def remove(server: Server, head: Head, tables: Sequence[str]) -> None:
    for table in tables:
        change = about_dead("remove_dead", head, table, server.layout.stored(table), server.layout.local(table))
        server.change(change.text, change.parameters)


def count_dead(server: Server, head: Head, tables: Sequence[str] = ROWS) -> int:
    counts = (about_dead("count_dead", head, table, table, table) for table in tables)
    return sum(server.rows(count.text, count.parameters)[0][0] for count in counts)


def about_dead(name: str, head: Head, table: str, stored: str, looked_up: str) -> Statement:
    """`stored` is asked or changed, dead rows are looked up in `looked_up`: both have rows of the table."""
    kept = head.kept if table == "event" else "1"
    dead = template("dead_rows").substitute(table=looked_up, committed=head.committed, kept=kept)
    return Statement(name, head.parameters, table=stored, dead=dead, **partition(head))


def partition(head: Head) -> dict[str, str]:
    return {"workspace": str(head.workspace), "edition": str(head.edition)}


def settle(server: Server, head: Head) -> None:
    """Questions need not look for dead rows any more, but for those that died since. Raises EngineBusy."""
    with claimed(server, head.workspace, head.edition, CLAIM_SECONDS) as claim:
        now = claim.head
        since = Statement("changed_since", now.parameters | {"swept": head.generation}, committed=now.committed)
        ((moved, voided),) = server.rows(since.text, since.parameters)
        remove = Statement("remove_moves", head.parameters, **partition(head))
        server.change(remove.text, remove.parameters)
        held = {table: count_held(server, now, table) for table in TABLES}
        claim.commit(
            now.cursor or {},
            now.purged_before,
            has_moved=bool(moved),
            has_voided=bool(voided),
            known=now.known,
            held=held,
            swept=head.generation,
        )


def count_held(server: Server, head: Head, table: str) -> int:
    count = Statement("held_rows", head.parameters, table=table, committed=head.committed)
    ((rows,),) = server.rows(count.text, count.parameters)
    return int(rows)


def fold(server: Server, head: Head, grace: float) -> None:
    """The lines of all changes but the last and those of the last `grace` seconds."""
    key = head.key | {"last": head.generation, "swept": head.swept, "grace": int(grace)}
    server.change(Statement("fold_state", key).text, key)


def maintain(server: Server, workspace: int, edition: int) -> None:
    lines = read_lines(server, workspace, edition)
    if is_due(server, settled_head(workspace, edition, lines, GRACE_SECONDS), lines):
        compact(server, workspace, edition, GRACE_SECONDS)
    elif len(lines) > MOST_LINES:
        fold(server, head_of(workspace, edition, lines), GRACE_SECONDS)


def is_due(server: Server, head: Head, lines: Sequence[Line]) -> bool:
    if head.is_sweeping:
        return True
    if not (head.has_moved or head.has_voided or head.abandoned or head.purged_before is not None):
        return False
    dead = count_dead(server, head)
    swept = [line.age for line in lines if line.what == "sweep"]
    seconds = min(swept, default=max((line.age for line in lines), default=0)) / 1_000
    most = max(MOST_DEAD, count_held(server, head, "event") // MOST_SHARE)
    return dead >= most or (dead > 0 and seconds > MOST_SECONDS)
