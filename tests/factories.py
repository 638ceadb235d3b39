"""Rows for tests, with everything a test does not care about filled in."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from stratum.lib import keys
from stratum.workspaces import roles
from stratum.workspaces.models import ApiKey, Job, Member, User, Workspace, WriteKey

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda number: f"user{number}@example.com")
    password = factory.django.Password("correct horse battery")


class WorkspaceFactory(DjangoModelFactory[Workspace]):
    class Meta:
        model = Workspace

    name = factory.Sequence(lambda number: f"Workspace {number}")
    slug = factory.Sequence(lambda number: f"workspace-{number}")


class MemberFactory(DjangoModelFactory[Member]):
    class Meta:
        model = Member

    workspace = factory.SubFactory(WorkspaceFactory)
    user = factory.SubFactory(UserFactory)
    role = "analyst"
    joined_at = NOON


class JobFactory(DjangoModelFactory[Job]):
    class Meta:
        model = Job

    workspace = factory.SubFactory(WorkspaceFactory)
    kind = "stratum.tick"
    created_at = NOON


def api_key(workspace: Workspace, *, scopes: list[str] | None = None, **fields: object) -> str:
    """The text of a new API key; every scope unless told otherwise."""
    prefix, text = keys.new_api_key()
    ApiKey.objects.create(
        workspace=workspace,
        prefix=prefix,
        secret_hash=keys.digest(text),
        scopes=list(roles.SCOPES) if scopes is None else scopes,
        **{"name": "Test program", "created_at": NOON, **fields},
    )
    return text


def write_key(workspace: Workspace, **fields: object) -> tuple[WriteKey, str]:
    """A new write key and its text."""
    prefix, text = keys.new_write_key()
    given = {"name": "Test source", "created_at": NOON, **fields}
    key = WriteKey.objects.create(workspace=workspace, prefix=prefix, secret_hash=keys.digest(text), **given)
    return key, text
