"""Keeping raw events of the last ten days only, and finding the others."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from cdp.models import Event, Profile
from cdp.queries.engine import fresh_engine
from cdp.queries.raw_archive import IS_MOVED, archive_of
from cdp.services.raw_archive import Kept, keep_window
from stratum.workspaces.models import Workspace

DAYS = 10
PATIENCE = 30.0  # seconds; PostgreSQL's own housekeeping may hold a round up, too


def arrived(workspace: Workspace) -> datetime:
    newest = Event.objects.filter(workspace=workspace).order_by("-received_at").first()
    assert newest is not None
    return newest.received_at - timedelta(days=8)


def keep(workspace: Workspace, now: datetime) -> Kept:
    """As soon as no older transaction of anybody is running."""
    deadline, copied = time.monotonic() + PATIENCE, 0
    midnight = (now - timedelta(days=DAYS)).replace(hour=0, minute=0)
    waiting = f"t.workspace_id = %s AND t.ts < %s AND t.received_at < %s AND NOT {IS_MOVED}"
    while True:
        copied += keep_window(workspace=workspace, now=now).copied
        with connection.cursor() as cursor:
            asked = [workspace.pk, midnight, now - timedelta(days=7)]
            cursor.execute(f"SELECT count(*) FROM cdp_event t WHERE {waiting}", asked)
            if not cursor.fetchone()[0]:
                return Kept(copied)
        assert time.monotonic() < deadline
        time.sleep(0.2)


def lies_here(workspace: Workspace) -> int:
    return Event.objects.filter(workspace=workspace).count()


def archive(workspace: Workspace) -> Any:
    found = archive_of(workspace.pk)
    assert found is not None
    return found


def person(user_id: str) -> Profile:
    return Profile.objects.get(user_id=user_id)


def everything(workspace: Workspace) -> object:
    return dict(fresh_engine(workspace).census(2**62).counts)
