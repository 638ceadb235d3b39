"""What a question brings with it: few values are written into its statement, many become rows of a table.

A server takes no more than 128 KiB for one value of a statement.
"""

from collections.abc import Sequence
from uuid import uuid4

import numpy as np
import pyarrow as pa

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse.server import Server
from cdp.engine.clickhouse.statements import Statement, template

MOST_IDS, MOST_LETTERS = 1_000, 20_000


def ids(server: Server, some: Ints, statement: Statement) -> str:
    """SQL for whole numbers, after IN."""
    if len(some) <= MOST_IDS:
        return statement.bind(some.tolist(), "Array(Int64)")
    question = give(server, statement, {"id": some})
    return template("given_ids").substitute(question=question)


def texts(server: Server, some: Sequence[tuple[str, ...]], statement: Statement) -> str:
    """SQL for texts, or for pairs of texts, after IN."""
    parts = [list(part) for part in zip(*some, strict=True)]
    if sum(len(text) for part in parts for text in part) <= MOST_LETTERS:
        if len(parts) == 1:
            return statement.bind(parts[0], "Array(String)")
        return statement.bind(list(some), "Array(Tuple(String, String))")
    columns = {name: pa.array(part, pa.string()) for name, part in zip(("text", "other"), parts, strict=False)}
    return template("given_texts").substitute(question=give(server, statement, columns), columns=", ".join(columns))


def give(server: Server, statement: Statement, columns: dict[str, Ints | pa.Array]) -> str:
    """The number of the question, as SQL."""
    question = str(uuid4())
    size = len(next(iter(columns.values())))
    key = {"workspace": np.full(size, statement.parameters["workspace"]), "question": pa.array([question] * size)}
    server.insert("given", key | columns, question)
    return statement.bind(question, "String")
