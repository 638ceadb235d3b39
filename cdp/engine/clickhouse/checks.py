"""Damage that ClickHouse can tell of: files whose checksums are wrong, and rows that are not there any more."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import uuid4

import orjson

from cdp.engine.clickhouse.compaction import count_held
from cdp.engine.clickhouse.server import Server
from cdp.engine.clickhouse.state import Head, read_head, tell
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.errors import Damage, EngineDamaged, EngineError

# Table, name and bytes.
Part = tuple[str, str, int]


def examine(
    server: Server, workspace: int, edition: int, most_bytes: int | None, after: str
) -> tuple[list[Damage], str]:
    """What is damaged, and the last file that was read: with `most_bytes` about so many of those after `after`."""
    head = read_head(server, workspace, edition)
    parts = parts_of(server, head)
    asked = turn(parts, most_bytes, after)
    broken = [damage for table, name, _ in asked if (damage := read_part(server, head, table, name))]
    found = [*head.damage, *broken, *missing_rows(server, head)]
    return list(dict.fromkeys(found)), file_of(*asked[-1][:2]) if asked else ""


def parts_of(server: Server, head: Head) -> list[Part]:
    asked = Statement("parts", head.key)
    return [(table, name, size) for table, name, size in server.rows(asked.text, asked.parameters)]


def turn(parts: Sequence[Part], most_bytes: int | None, after: str) -> list[Part]:
    if most_bytes is None:
        return list(parts)
    later = [part for part in parts if file_of(*part[:2]) > after] or list(parts)
    taken, size = [], 0
    for part in later:
        if size >= most_bytes:
            break
        taken.append(part)
        size += part[2]
    return taken


def file_of(table: str, name: str) -> str:
    return f"{table}/{name}"


def read_part(server: Server, head: Head, table: str, name: str) -> Damage | None:
    check = Statement("check_part", {}, table=table, part=name)
    try:
        rows = server.rows(check.text, {})
    except EngineDamaged as error:
        return Damage(file_of(table, name), error.damage.reason)
    except EngineError:
        if (table, name) in {part[:2] for part in parts_of(server, head)}:
            raise
        return None  # it was merged with others meanwhile
    # The driver takes this statement for a command, whose answer it gives as texts.
    is_broken = any(str(is_passed).lower() not in ("1", "true") for _, is_passed, *_ in rows)
    return Damage(file_of(table, name), "does not have the checksums it was written with") if is_broken else None


def missing_rows(server: Server, head: Head) -> list[Damage]:
    """Tables that do not have as many rows as were committed. While dead rows are being removed nobody can tell."""
    if head.held is None or head.is_sweeping:
        return []
    counts = {table: count_held(server, head, table) for table in head.held}
    found = [
        Damage(table, f"has {counts[table]:,} rows instead of {rows:,}")
        for table, rows in head.held.items()
        if counts[table] != rows
    ]
    if not found:
        return []
    now = read_head(server, head.workspace, head.edition)
    return [] if now.is_sweeping or now.swept != head.swept else found


def condemn(server: Server, head: Head, damage: Damage) -> None:
    tell(server, head.key, head.generation, "damage", str(uuid4()), cursor=orjson.dumps(asdict(damage)).decode())
