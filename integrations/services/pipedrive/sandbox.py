"""The fake Pipedrive of a workspace, with its state in the database, so that web and worker meet the same company."""

from integrations.models import SandboxState
from integrations.sandbox.session import SandboxSession
from integrations.sandbox.wire import Reply, Request
from stratum.workspaces.models import Workspace

PLATFORM = "pipedrive"


def owns(workspace: Workspace, token: str) -> bool:
    """Whether it is the token of this workspace's sandbox."""
    row = SandboxState.objects.filter(workspace=workspace, platform=PLATFORM).first()
    return row is not None and bool(token) and row.state.get("token") == token


def session(workspace: Workspace, token: str) -> SandboxSession:
    def answer(request: Request) -> Reply:
        raise NotImplementedError

    return SandboxSession(answer, headers={"x-api-token": token})
