"""What every test stands on: a still clock, a database of its own, and the cast."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from stratum.lib import clock
from stratum.workspaces.access import Actor, actor_of_member
from stratum.workspaces.models import Member, User, Workspace, WriteKey
from tests import cast, factories
from tests.clickhouse_server.stage import clickhouse, clickhouse_process

__all__ = ["clickhouse", "clickhouse_process"]  # fixtures

HOME = Path(tempfile.mkdtemp(prefix="stratum-tests-"))

# How quickly a machine that does other things makes examples says nothing about Stratum.
hypothesis.settings.register_profile("stratum", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("stratum")

MoveClock = Callable[[datetime], None]
SignIn = Callable[[User], Client]


def pytest_configure(config: pytest.Config) -> None:
    """Nothing of a test touches the installation's own files, and passwords cost nothing.

    STRATUM_TEST_DB names the test database, so that several people can share one server.
    """
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": HOME / "files"}}
    django_settings.HOME = HOME
    django_settings.ENGINE_URL = f"columnar://{HOME / 'engine'}"
    django_settings.STATIC_ROOT = HOME / "static"
    django_settings.STATIC_ROOT.mkdir(exist_ok=True)
    django_settings.MAY_CALL_LOOPBACK = True
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django_settings.STORAGES = {
        "default": files,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    # A connection kept by a thread of a test would keep the test database from being dropped.
    django_settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
    if name := os.environ.get("STRATUM_TEST_DB"):
        django_settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = name
    current_app.conf.task_always_eager = True
    current_app.conf.task_eager_propagates = True


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def task_modules() -> None:
    """Celery sets Django up anew when it first looks for tasks, and logging with it, which takes caplog's handler away."""
    current_app.loader.import_default_modules()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A page that is still being answered after its browser has gone would keep the test database from being dropped."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The clock stands still; `move_clock` moves it."""
    instant = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: instant)
    return instant


@pytest.fixture
def move_clock(monkeypatch: pytest.MonkeyPatch) -> MoveClock:
    return lambda instant: monkeypatch.setattr(clock, "now", lambda: instant)


# The cast: Alice owns the workspace, Bob is on its team, Charlie must see nothing of it.


@pytest.fixture
def workspace(db: None) -> Workspace:
    return factories.WorkspaceFactory(name="Acme", slug="acme", time_zone="Europe/Berlin", currency="EUR")


@pytest.fixture
def other_workspace(db: None) -> Workspace:
    """Charlie's."""
    return factories.WorkspaceFactory(name="Other", slug="other")


@pytest.fixture
def alice(workspace: Workspace) -> User:
    return cast.alice(workspace)


@pytest.fixture
def bob(workspace: Workspace) -> User:
    return cast.bob(workspace)


@pytest.fixture
def charlie(other_workspace: Workspace) -> User:
    return cast.charlie(other_workspace)


@pytest.fixture
def by_alice(alice: User, workspace: Workspace) -> Actor:
    return actor_of_member(Member.objects.get(user=alice, workspace=workspace))


@pytest.fixture
def by_bob(bob: User, workspace: Workspace) -> Actor:
    return actor_of_member(Member.objects.get(user=bob, workspace=workspace))


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """A browser of its own for that user."""

    def signed_in(user: User) -> Client:
        browser = Client()
        browser.force_login(user)
        return browser

    return signed_in


@pytest.fixture
def as_alice(alice: User, sign_in: SignIn) -> Client:
    return sign_in(alice)


@pytest.fixture
def as_bob(bob: User, sign_in: SignIn) -> Client:
    return sign_in(bob)


@pytest.fixture
def as_charlie(charlie: User, sign_in: SignIn) -> Client:
    return sign_in(charlie)


@pytest.fixture
def as_role(workspace: Workspace, sign_in: SignIn) -> Callable[[str], Client]:
    """`as_role("viewer")`: a browser of a new member with that role."""
    return lambda role: sign_in(cast.member(workspace, f"{role}@example.com", role))


# Programs.


@pytest.fixture
def api_key(workspace: Workspace) -> str:
    """The text of a key with every scope."""
    return factories.api_key(workspace)


@pytest.fixture
def api(api_key: str) -> APIClient:
    return api_client(api_key)


@pytest.fixture
def api_with(workspace: Workspace) -> Callable[..., APIClient]:
    """`api_with("read")`: a program whose key has only these scopes."""
    return lambda *scopes: api_client(factories.api_key(workspace, scopes=list(scopes)))


@pytest.fixture
def stranger_api(other_workspace: Workspace) -> APIClient:
    """Charlie's program, with every scope of Charlie's workspace."""
    return api_client(factories.api_key(other_workspace))


def api_client(key: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def write_key_text(workspace: Workspace) -> str:
    """What an SDK is given: `stw_…`."""
    return factories.write_key(workspace)[1]


@pytest.fixture
def write_key(workspace: Workspace) -> WriteKey:
    return factories.write_key(workspace)[0]
