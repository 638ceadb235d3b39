"""The fake Pipedrive of a workspace, with its state in the database, so that web and worker meet the same company."""

from django.db import transaction

from integrations.models import SandboxState
from integrations.sandbox.pipedrive import FakePipedrive, dump, load
from integrations.sandbox.session import SandboxSession
from integrations.sandbox.wire import Reply, Request
from stratum.lib import clock
from stratum.lib.refusal import Missing
from stratum.workspaces.models import Workspace

PLATFORM = "pipedrive"


def owns(workspace: Workspace, token: str) -> bool:
    """Whether it is the token of this workspace's sandbox."""
    row = SandboxState.objects.filter(workspace=workspace, platform=PLATFORM).first()
    return row is not None and bool(token) and row.state.get("token") == token


def session(workspace: Workspace, token: str) -> SandboxSession:
    def answer(request: Request) -> Reply:
        return _answer(workspace, request)

    return SandboxSession(answer, headers={"x-api-token": token})


def _answer(workspace: Workspace, request: Request) -> Reply:
    """Reading takes no lock; changes follow one another."""
    rows = SandboxState.objects.filter(workspace=workspace, platform=PLATFORM)
    with transaction.atomic():
        row = (rows if request.method == "GET" else rows.select_for_update()).first()
        if row is None:
            raise Missing("The sandbox of this workspace has been removed.")
        fake = FakePipedrive(load(row.state), now=lambda: clock.now())
        reply = fake.answer(request)
        if fake.world.touched:
            row.state, row.changed_at = dump(fake.company), clock.now()
            row.save(update_fields=["state", "changed_at"])
    return reply


def token_of(workspace: Workspace) -> str:
    """For the page where the token is asked for; empty where there is no sandbox."""
    row = SandboxState.objects.filter(workspace=workspace, platform=PLATFORM).first()
    return str(row.state.get("token") or "") if row else ""
