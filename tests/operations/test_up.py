"""`manage.py up`: one command runs everything, keeps it running, and leaves nothing behind."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stratum.lib import embedded
from stratum.lib.postgres import server
from stratum.up import children

pytestmark = pytest.mark.clients

WITHIN = 180  # seconds, on a busy machine
ROOT = Path(__file__).parents[2]


class Up:
    """A running `manage.py up` with a home of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.cluster = server.Cluster(embedded.settle(home))
        self.screen = home / "screen.txt"
        self.start()

    def start(self) -> None:
        with self.screen.open("w") as screen:
            self.process = subprocess.Popen(
                command(self.port), env=environment(self.home), cwd=ROOT, stdout=screen, stderr=screen
            )
        wait_until(lambda: "Ctrl-C stops everything" in self.screen.read_text() or self.process.poll() is not None)
        assert self.process.poll() is None, self.screen.read_text()

    def health(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def children(self, module: str) -> list[psutil.Process]:
        """The process that `up` started with `python -m <module>`; none while it is being replaced."""
        return [child for child in psutil.Process(self.process.pid).children() if module in words_of(child)]

    def left(self) -> list[psutil.Process]:
        """Everything alive that belongs to this home."""
        return [process for process in psutil.process_iter() if belongs(process, self)]

    def stop(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(WITHIN)


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; nothing once it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def belongs(process: psutil.Process, up: Up) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.environ().get(children.MARK) == str(up.home) or process.cwd() == str(up.cluster.data)
    except (psutil.Error, OSError):
        return False


def command(port: int) -> list[str]:
    return [sys.executable, "manage.py", "up", "--port", str(port), "--no-demo"]


def environment(home: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "CELERY_BROKER_URL", "MAKELEVEL"}
    }
    return {**kept, "STRATUM_HOME": str(home)}


def wait_until(holds: object) -> None:
    assert callable(holds)
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    place = embedded.settle(tmp_path)
    server.stop(server.Cluster(place))
    if place.parent == embedded.PUBLIC_HOME:
        shutil.rmtree(place)


@pytest.fixture
def up(home: Path) -> Iterator[Up]:
    running = Up(home, a_free_port())
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGTERM)
    children.end_leftovers(home, print)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_stops_and_leaves_nothing(up: Up, number: signal.Signals) -> None:
    assert up.health() == 200

    up.stop(number)

    assert up.process.returncode == 0
    wait_until(lambda: up.left() == [])


def test_it_stops_when_its_make_was_killed(up: Up) -> None:
    up.stop(signal.SIGTERM)
    shell = f"{subprocess.list2cmdline(command(up.port))}; true"
    with up.screen.open("w") as screen:
        make = subprocess.Popen(
            ["/bin/sh", "-c", shell],
            env={**environment(up.home), "MAKELEVEL": "1"},
            cwd=ROOT,
            stdout=screen,
            stderr=screen,
        )
    wait_until(lambda: "Ctrl-C stops everything" in up.screen.read_text())

    make.kill()
    make.wait()

    wait_until(lambda: "Stopped." in up.screen.read_text())
    wait_until(lambda: up.left() == [])


def test_there_is_one_per_home_and_one_per_port(up: Up, tmp_path_factory: pytest.TempPathFactory) -> None:
    again = subprocess.run(
        command(a_free_port()), env=environment(up.home), cwd=ROOT, capture_output=True, text=True, check=False
    )
    elsewhere = subprocess.run(
        command(up.port),
        env={**environment(tmp_path_factory.mktemp("elsewhere")), "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert again.returncode and f"already running from this folder at http://localhost:{up.port}" in again.stderr
    assert elsewhere.returncode and f"Port {up.port} is in use by another program." in elsewhere.stderr
    assert "Traceback" not in again.stderr + elsewhere.stderr
    assert up.health() == 200


def test_killed_parts_come_back(up: Up) -> None:
    database = server.postmaster(up.cluster)
    assert database
    killed = [*up.children("gunicorn"), *up.children("celery"), database]
    assert len(killed) == 3
    for process in killed:
        process.kill()

    wait_until(lambda: all(new_ones(up, killed, module) for module in ("gunicorn", "celery")))
    wait_until(lambda: server.postmaster(up.cluster) not in {None, database})
    wait_until(lambda: up.health() == 200)
    assert "web ended (killed by SIGKILL)" in up.screen.read_text()


def new_ones(up: Up, killed: list[psutil.Process], module: str) -> list[psutil.Process]:
    return [process for process in up.children(module) if process not in killed]


def test_the_next_start_takes_over_what_a_killed_one_left(up: Up) -> None:
    before = [process for process in up.left() if "postgres" not in process.name()]
    up.process.kill()
    up.process.wait()

    up.start()

    assert up.health() == 200
    assert not {process.pid for process in before} & {process.pid for process in up.left()}


def test_the_worker_runs_what_the_web_server_asks(up: Up) -> None:
    """Through the broker's folders, in two processes: the call runs once and its message goes."""
    asked = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "stratum", "call", "stratum.tick"],
        env=environment(up.home),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    task = asked.stdout.split()[-1]
    log, messages = up.home / "logs" / "worker.log", up.home / "broker" / "messages"

    wait_until(lambda: f"stratum.tick[{task}] succeeded" in log.read_text())
    # The worker's own schedule sends messages as well; each of them lives for an instant.
    wait_until(lambda: not any(messages.iterdir()))
    assert log.read_text().count(f"stratum.tick[{task}] received") == 1
    assert json.loads((up.home / "run" / "up.json").read_text())["process"] == up.process.pid
