"""Who rearranges what a workspace's engine rests on does it alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace

LOCK = 5_304  # namespace of the advisory lock


@contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """The lock goes with the connection, so a killed process does not keep it. Raises Refusal."""
    with raw_cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, workspace.pk])
        if not (cursor.fetchone() or (False,))[0]:
            raise Refusal("move_running", f"Another process moves events of {workspace.slug} just now.")
    try:
        yield
    finally:
        with raw_cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, workspace.pk])
