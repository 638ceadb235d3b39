"""The fakes of a workspace, with their state in the database, so that web and worker meet the same platform."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from django.db import transaction

from integrations.models import AdConnection, SandboxState
from integrations.sandbox import demo
from integrations.sandbox.google import FakeGoogle
from integrations.sandbox.meta import FakeMeta
from integrations.sandbox.session import SandboxSession
from integrations.sandbox.wire import Reply, Request
from integrations.sandbox.world import World, dump, load
from stratum.lib.refusal import Missing
from stratum.workspaces.models import Workspace

WORLDS = {"meta": demo.meta, "google": demo.google}


class Fake(Protocol):
    def answer(self, request: Request) -> Reply: ...


def found(workspace: Workspace, platform: str, *, now: datetime) -> SandboxState:
    """The demo shop's accounts, unless they are there already."""
    state, _ = SandboxState.objects.get_or_create(
        workspace=workspace,
        platform=platform,
        defaults={"state": dump(WORLDS[platform](now)), "changed_at": now},
    )
    return state


def session(connection: AdConnection, now: Callable[[], datetime]) -> SandboxSession:
    def answer(request: Request) -> Reply:
        return _answer(connection, request, now)

    return SandboxSession(answer, headers={"Authorization": "Bearer sandbox"})


def _answer(connection: AdConnection, request: Request, now: Callable[[], datetime]) -> Reply:
    """Reading takes no lock; changes of one platform follow one another."""
    rows = SandboxState.objects.filter(workspace_id=connection.workspace_id, platform=connection.platform)
    with transaction.atomic():
        row = (rows.select_for_update() if _may_change(request) else rows).first()
        if row is None:
            raise Missing("The sandbox of this workspace has been removed.")
        world = load(row.state)
        reply = _fake(world, now).answer(request)
        if world.touched:
            row.state, row.changed_at = dump(world), now()
            row.save(update_fields=["state", "changed_at"])
    return reply


def _fake(world: World, now: Callable[[], datetime]) -> Fake:
    return FakeGoogle(world, now=now) if world.platform == "google" else FakeMeta(world, now=now)


def _may_change(request: Request) -> bool:
    return request.method == "POST" and not request.path.endswith(":searchStream")
