"""System checks: what an installation lacks, with an id and a hint. An error keeps commands from running.

Production is what has SECURE on: pages leave the machine.
"""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from stratum.lib import locations
from stratum.support import hours

OLDEST_POSTGRESQL = 15
ENGINES = {"columnar", "clickhouse"}
LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}


@register("stratum")
def production_is_complete(app_configs: Any, **kwargs: object) -> list[CheckMessage]:
    if not settings.SECURE:
        return []
    return [
        *_secret_key(),
        *_hosts(),
        *_servers(),
        *_addresses(),
    ]


def _secret_key() -> list[CheckMessage]:
    if os.environ.get("SECRET_KEY", "").strip():
        return []
    return [
        Error(
            "SECURE is on, but SECRET_KEY is not set.",
            hint="Set SECRET_KEY to 50 random characters, the same for web and worker: "
            'python -c "import secrets; print(secrets.token_urlsafe(50))"',
            id="stratum.E001",
        )
    ]


def _hosts() -> list[CheckMessage]:
    hosts = set(settings.ALLOWED_HOSTS)
    if hosts - LOCAL_NAMES and "*" not in hosts:
        return []
    return [
        Error(
            "SECURE is on, but ALLOWED_HOSTS does not name this installation.",
            hint="Set ALLOWED_HOSTS to the names people type, for example ALLOWED_HOSTS=stratum.example.com",
            id="stratum.E002",
        )
    ]


def _servers() -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if not settings.DATABASE_URL:
        messages.append(
            Warning(
                "SECURE is on, but DATABASE_URL is not set: the embedded PostgreSQL serves one machine only.",
                hint="Set DATABASE_URL=postgres://user:password@host/name (PostgreSQL 15 or later).",
                id="stratum.W001",
            )
        )
    if settings.CELERY_BROKER_URL.startswith("filesystem:"):
        messages.append(
            Warning(
                "SECURE is on, but CELERY_BROKER_URL is not set: jobs pass through files of one machine.",
                hint="Set CELERY_BROKER_URL=redis://host:6379/0",
                id="stratum.W002",
            )
        )
    return messages


def _addresses() -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if urlsplit(settings.BASE_URL).hostname in {"localhost", "127.0.0.1", "::1", None}:
        messages.append(
            Warning(
                f"BASE_URL is {settings.BASE_URL}: links in e-mails and snippets lead nowhere.",
                hint="Set BASE_URL=https://stratum.example.com",
                id="stratum.W003",
            )
        )
    if not settings.EMAIL_HOST:
        messages.append(
            Warning(
                "EMAIL_HOST is not set: invitations and password resets are written to files.",
                hint=f"Set EMAIL_HOST (.env.example shows the rest). Until then look in {settings.EMAIL_FILE_PATH}.",
                id="stratum.W004",
            )
        )
    return messages


@register("stratum")
def support_hours_are_readable(app_configs: Any, **kwargs: object) -> list[CheckMessage]:
    try:
        hours.read(settings.SUPPORT_HOURS)
    except ValueError as error:
        return [Error(f"SUPPORT_HOURS: {error}", hint="SUPPORT_HOURS=Mon-Fri 09:00-17:00 UTC", id="stratum.E008")]
    return []


@register("stratum")
def folders_are_writable(app_configs: Any, **kwargs: object) -> list[CheckMessage]:
    if not locations.writable(settings.HOME):
        return [
            Error(
                f"The folder {settings.HOME} cannot be written.",
                hint="Give it to the user who runs Stratum, or name another one: STRATUM_HOME=/path",
                id="stratum.E003",
            )
        ]
    return [*_engine(), *_broker_folders()]


def _engine() -> list[CheckMessage]:
    scheme = urlsplit(settings.ENGINE_URL).scheme
    if scheme not in ENGINES:
        return [
            Error(
                f"ENGINE_URL starts with {scheme!r}, which is no engine of Stratum.",
                hint="Leave ENGINE_URL unset, or use columnar:///path or clickhouse://user:password@host/name",
                id="stratum.E004",
            )
        ]
    folder = locations.engine_folder(settings.ENGINE_URL)
    if folder is None or locations.writable(folder):
        return []
    return [
        Error(
            f"The engine's folder {folder} cannot be written.",
            hint="Give it to the user who runs Stratum, or name another one: ENGINE_URL=columnar:///path",
            id="stratum.E005",
        )
    ]


def _broker_folders() -> list[CheckMessage]:
    folders = locations.broker_folders(getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {}))
    return [
        Error(
            f"The broker's folder {folder} cannot be written.",
            hint="Give it to the user who runs Stratum, or use Redis: CELERY_BROKER_URL=redis://host:6379/0",
            id="stratum.E006",
        )
        for folder in folders
        if not locations.writable(folder)
    ]


@register(Tags.database, "stratum")
def postgresql_is_recent(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Runs with `migrate` and `check --database default`."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        with connections[alias].cursor() as cursor:
            cursor.execute("SHOW server_version_num")
            version = int(cursor.fetchone()[0]) // 10_000
        if version < OLDEST_POSTGRESQL:
            messages.append(
                Error(
                    f"The database {alias!r} is PostgreSQL {version}; Stratum needs {OLDEST_POSTGRESQL} or later.",
                    hint="Upgrade the server, or unset DATABASE_URL to use the embedded one.",
                    id="stratum.E007",
                )
            )
    return messages
