"""System checks: an installation is told what it lacks, and how to go on."""

import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import CheckMessage
from pytest_django.fixtures import Settings

from stratum import checks
from stratum.lib import locations

ROOT = Path(__file__).parents[2]


def ids(messages: list[CheckMessage]) -> list[str]:
    return sorted(str(message.id).removeprefix("stratum.") for message in messages)


@pytest.fixture
def production(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A complete one; tests take something away."""
    monkeypatch.setenv("SECRET_KEY", "x" * 50)
    settings.SECURE = True
    settings.ALLOWED_HOSTS = ["stratum.example.com"]
    settings.DATABASE_URL = "postgres://stratum@db/stratum"
    settings.CELERY_BROKER_URL = "redis://redis:6379/0"
    settings.BASE_URL = "https://stratum.example.com"
    settings.EMAIL_HOST = "smtp.example.com"
    return settings


def test_one_machine_needs_no_settings(settings: Settings) -> None:
    settings.SECURE = False
    assert checks.production_is_complete(None) == []


def test_a_complete_production_is_silent(production: Settings) -> None:
    assert checks.production_is_complete(None) == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"], "E002"),
        ("ALLOWED_HOSTS", ["*"], "E002"),
        ("DATABASE_URL", "", "W001"),
        ("CELERY_BROKER_URL", "filesystem://", "W002"),
        ("BASE_URL", "http://localhost:8000", "W003"),
        ("EMAIL_HOST", "", "W004"),
    ],
)
def test_production_lacks_something(production: Settings, name: str, value: object, expected: str) -> None:
    setattr(production, name, value)

    [message] = checks.production_is_complete(None)

    assert ids([message]) == [expected]
    assert message.hint


def test_production_needs_its_own_secret(production: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY")
    assert ids(checks.production_is_complete(None)) == ["E001"]


@pytest.fixture
def no_folder(tmp_path: Path) -> Path:
    """A folder that not even root can write: its parent is a file."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "folder"


def test_an_unwritable_home_is_named(settings: Settings, no_folder: Path) -> None:
    settings.HOME = no_folder
    [message] = checks.folders_are_writable(None)
    assert ids([message]) == ["E003"]
    assert str(no_folder) in message.msg


def test_an_unknown_engine_is_named(settings: Settings) -> None:
    settings.ENGINE_URL = "sqlite:///x"
    assert ids(checks._engine()) == ["E004"]


def test_an_unwritable_engine_folder_is_named(settings: Settings, no_folder: Path) -> None:
    settings.ENGINE_URL = f"columnar://{no_folder}"
    assert ids(checks._engine()) == ["E005"]


def test_unwritable_broker_folders_are_named(settings: Settings, no_folder: Path) -> None:
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_in": no_folder, "data_folder_out": no_folder}
    assert ids(checks._broker_folders()) == ["E006"]


@pytest.mark.django_db
@pytest.mark.parametrize(("version", "expected"), [(140_011, ["E007"]), (150_000, []), (180_004, [])])
def test_an_old_postgresql_is_named(version: int, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "connections", {"default": server_of(version)})
    assert ids(checks.postgresql_is_recent(None, databases=["default"])) == expected


def server_of(version: int) -> Any:
    class Cursor:
        def __enter__(self) -> "Cursor":
            return self

        def __exit__(self, *error: object) -> None: ...

        def execute(self, statement: str) -> None: ...

        def fetchone(self) -> tuple[str]:
            return (str(version),)

    return SimpleNamespace(cursor=Cursor)


@pytest.mark.django_db
def test_our_postgresql_is_recent() -> None:
    assert checks.postgresql_is_recent(None, databases=["default"]) == []


def test_every_id_is_on_the_deploy_page() -> None:
    code = set(re.findall(r'"stratum\.([EW]\d{3})"', (ROOT / "stratum/checks.py").read_text()))
    page = set(re.findall(r"\| stratum\.([EW]\d{3}) \|", (ROOT / "docs/deploy.md").read_text()))
    assert code == page


def test_every_setting_from_the_environment_is_in_the_example() -> None:
    reads = re.compile(r'env\.(?:text|flag|number|words)\(\s*"([A-Z_]+)"')
    code = {name for path in (ROOT / "stratum").rglob("*.py") for name in reads.findall(path.read_text())}
    example = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert code - example == set()
    assert {"SECRET_KEY", "DATABASE_URL", "STRATUM_HOME"} <= code


def test_a_folder_is_writable_only_if_a_file_fits(tmp_path: Path, no_folder: Path) -> None:
    assert locations.writable(tmp_path / "made" / "on the way")
    assert not locations.writable(no_folder)
    assert os.listdir(tmp_path / "made" / "on the way") == []
