"""The people of every test: Alice owns, Bob is on the team, Charlie is a stranger with a workspace of his own."""

from stratum.workspaces.models import User, Workspace
from tests import factories

PASSWORD = "correct horse battery"


def member(workspace: Workspace, email: str, role: str) -> User:
    user = factories.UserFactory(email=email, name=email.partition("@")[0].capitalize())
    factories.MemberFactory(workspace=workspace, user=user, role=role)
    return user


def alice(workspace: Workspace) -> User:
    return member(workspace, "alice@example.com", "owner")


def bob(workspace: Workspace) -> User:
    return member(workspace, "bob@example.com", "analyst")


def charlie(workspace: Workspace) -> User:
    return member(workspace, "charlie@example.com", "owner")
