"""ClickHouse itself, inside this process: one statement at a time, each with settings of its own."""

import re
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chdb

from cdp.engine.clickhouse.server import AS_A_SERVER
from tests.clickhouse_server.asking import FORMAT, Asked, Refused

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Answer:
    """`format` is that of a result; a change has none."""

    body: bytes = b""
    format: str | None = None
    summary: dict[str, str] = field(default_factory=dict)


class Database:
    def __init__(self, folder: Path) -> None:
        self.path = str(folder.resolve()) + AS_A_SERVER
        self.lock = threading.Lock()
        self.keeper = chdb.connect(self.path)  # without any connection the engine would stop

    def run(self, asked: Asked) -> Answer:
        """Raises Refused."""
        with self.lock:
            link = chdb.connect(self.path)
            try:
                prepare(link, asked)
                return carry_out(link, asked)
            except RuntimeError as error:
                raise refusal(str(error)) from error
            finally:
                link.close()


def prepare(link: Any, asked: Asked) -> None:
    if asked.database:
        link.query(f"USE `{asked.database.replace('`', '')}`", "TabSeparated")
    for name, value in asked.settings.items():
        if not NAME.fullmatch(name):
            raise Refused(115, f"Setting {name} is neither a builtin setting nor started with the prefix 'SQL_'.")
        link.query(f"SET {name} = {quoted(value)}", "TabSeparated")


def carry_out(link: Any, asked: Asked) -> Answer:
    if asked.data is not None:
        return insert(link, asked)
    if asked.format:
        result = link.query(asked.statement, asked.format, params=asked.bound)
        return Answer(result.bytes() or b"", asked.format, summary(result))
    # A result has a line of names, be it empty; a change has nothing at all.
    result = link.query(asked.statement, "TabSeparatedWithNames", params=asked.bound)
    names, line, body = (result.bytes() or b"").partition(b"\n")
    return Answer(body, "TabSeparated" if line else None, summary(result))


def insert(link: Any, asked: Asked) -> Answer:
    """chdb reads what is inserted from a file."""
    with tempfile.NamedTemporaryFile(suffix=".insert") as file:
        file.write(asked.data or b"")
        file.flush()
        head = FORMAT.sub("", asked.statement)
        statement = f"{head} FROM INFILE {quoted(file.name)} FORMAT {asked.format}"
        result = link.query(statement, "TabSeparated", params=asked.bound)
    rows = str(result.rows_read())
    return Answer(summary={"written_rows": rows, "read_rows": rows})


def summary(result: Any) -> dict[str, str]:
    return {"read_rows": str(result.rows_read()), "read_bytes": str(result.bytes_read())}


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def refusal(text: str) -> Refused:
    found = re.search(r"Code: (\d+)\. DB::Exception: (.*)", text, re.DOTALL)
    return Refused(int(found.group(1)), found.group(2)) if found else Refused(1002, f"{text} (UNKNOWN_EXCEPTION)")
