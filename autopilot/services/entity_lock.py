"""One attempt at a time on an entity, over all processes. The database lets go when the holder's connection dies."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

ROOM = 0x41505054  # keeps our numbers apart from other advisory locks


@contextmanager
def held(entity_id: int) -> Iterator[bool]:
    """Whether we hold it; False when somebody else does."""
    key = [ROOM, entity_id % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
