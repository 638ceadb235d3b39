"""psycopg without Django's query layer, for the few statements where it costs too much."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
from django.db import connection


@contextmanager
def raw_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor with server-side parameters on Django's own connection (and so in its transaction, if any)."""
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def document(rows: list[dict[str, object]]) -> str:
    """Rows as the one JSON parameter that `jsonb_to_recordset` reads: a third of the cost of typed lists."""
    return orjson.dumps(rows, option=orjson.OPT_NON_STR_KEYS).decode()


def text_array(values: list[str]) -> str:
    """A PostgreSQL array literal."""
    if not values:
        return "{}"
    text = '","'.join(values)
    if "\\" in text or text.count('"') > 2 * (len(values) - 1):  # one look at all is quicker than a look at each
        text = '","'.join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return f'{{"{text}"}}'
