"""Run all of Stratum on this machine: `manage.py up`, which `make run` calls."""

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from cdp.engine.columnar.warm import warm
from cdp.services import demo
from cdp.tasks import warm_engine
from stratum.lib import clock, locations
from stratum.lib.postgres import server
from stratum.up import alive, children, ports, single, static, supervisor
from stratum.up.screen import Screen

READY_WITHIN = 60.0  # seconds
DEMO = "Demo workspace"
GIVE_UP_AFTER = 3  # deaths of a child that never worked


class Command(BaseCommand):
    help = (
        "Run Stratum: the embedded PostgreSQL (unless DATABASE_URL is set), migrations, static files, "
        "web server and worker. Ctrl-C stops all of it."
    )
    requires_system_checks = "__all__"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of the web server (8000)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine only)")
        parser.add_argument("--no-demo", action="store_true", help="do not make the demo workspace")

    def handle(self, *args: Any, host: str, port: int, no_demo: bool, **options: Any) -> None:
        shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else host
        address = f"http://{shown}:{port}"
        os.environ.setdefault("BASE_URL", address)  # of links that the children write, such as an invitation's
        try:
            with suppress(KeyboardInterrupt), supervisor.stoppable(), single.only_one(settings.HOME, address):
                self._run(host, port, address, with_demo=not no_demo)
            self._screen.line("Stopped.")
        except (ports.PortRefused, single.AlreadyRunning, server.Unavailable) as refusal:
            raise CommandError(str(refusal)) from None

    @property
    def _screen(self) -> Screen:
        return Screen(self.stdout)

    def _run(self, host: str, port: int, address: str, *, with_demo: bool) -> None:
        screen = self._screen
        children.end_leftovers(settings.HOME, screen.line)
        cluster = embedded_cluster()
        with ports.reserve(host, port) as listener:
            keeper = supervisor.Supervisor(stack(listener), cluster, screen.line)
            try:
                screen.line(f"Stratum, with its data in {settings.HOME}")
                prepare(screen, cluster)
                login = make_demo(screen) if with_demo else []
                # The children get connections of their own.
                connections.close_all()
                with screen.step("Web server and worker"):
                    keeper.start()
                    wait_until_ready(keeper, host, port)
                warm_engine.delay()
                screen.box([address, *login, "", "Ctrl-C stops everything."])
                keeper.watch(abandoned())
            finally:
                screen.line("\nStopping …")
                keeper.stop()
                connections.close_all()
                if cluster:
                    server.release(cluster)


def abandoned() -> Callable[[], bool]:
    """Whether the make that started us is gone: killed, it could not pass the signal on."""
    parent, started_by_make = os.getppid(), "MAKELEVEL" in os.environ
    return lambda: started_by_make and os.getppid() != parent


def embedded_cluster() -> server.Cluster | None:
    place = settings.DATABASES["default"].get("PLACE")
    return server.Cluster(Path(str(place))) if place else None


def prepare(screen: Screen, cluster: server.Cluster | None) -> None:
    if cluster:
        with screen.step("PostgreSQL"):
            server.attach(cluster)
    with screen.step("Database tables"):
        call_command("migrate", interactive=False, verbosity=0)
    with screen.step("Static files"):
        static.collect()
    if settings.ENGINE_URL.startswith("columnar:"):
        with screen.step("Engine kernels"):
            warm(["unique"])  # the worker compiles the rest once it runs
    for folder in locations.broker_folders(getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {})):
        folder.mkdir(parents=True, exist_ok=True)


def make_demo(screen: Screen) -> list[str]:
    """Returns how to log in to it."""
    with screen.step(DEMO):
        made = demo.build(now=clock.now(), progress=lambda done, total: screen.progress(DEMO, done, total))
    return [f"E-mail    {made.email}", f"Password  {made.password}"] if made.password else []


def stack(listener: socket) -> list[children.Child]:
    """In the order in which they are to be stopped: first no new requests, then no new jobs."""
    web = [sys.executable, "-m", "gunicorn", "-c", "python:stratum.gunicorn"]
    web += ["--bind", f"fd://{listener.fileno()}", "stratum.wsgi"]
    worker = [sys.executable, "-m", "celery", "-A", "stratum", "worker", "--beat", "--concurrency=2", "--loglevel=INFO"]
    worker += ["--schedule", str(settings.HOME / "run" / "schedule"), "--without-gossip", "--without-mingle"]
    return [
        children.Child("web", web, settings.HOME, settings.BASE_DIR, keep=[listener.fileno()]),
        children.Child("worker", worker, settings.HOME, settings.BASE_DIR),
    ]


def wait_until_ready(keeper: supervisor.Supervisor, host: str, port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN
    wrong: list[str] = []

    def is_ready() -> bool:
        wrong[:] = alive.problems(host, port)
        if wrong and (keeper.deaths >= GIVE_UP_AFTER or time.monotonic() > deadline):
            raise CommandError("\n".join(["Stratum does not start.", *wrong, *keeper.last_words()]))
        return not wrong

    keeper.watch(is_ready)
