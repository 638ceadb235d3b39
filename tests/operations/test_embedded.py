"""The embedded server: started by whoever needs it, shared, stopped by the last, and back after every kill."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from stratum.lib import embedded
from stratum.lib.postgres import server

USE_IT = """
import sys
import time
from pathlib import Path
from stratum.lib import embedded
from stratum.lib.postgres import server
server.attach(server.Cluster(embedded.settle(Path(sys.argv[1]))))
print("ready", flush=True)
sys.stdin.read()
"""


def query(cluster: server.Cluster, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(host=str(cluster.socket), user="postgres", dbname="stratum", autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def has_ended(process: psutil.Process) -> bool:
    """Within twenty seconds. A zombie has: who reaps it is not our business."""
    for _ in range(2000):
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for all: each story begins with a stopped server."""
    folder = tmp_path_factory.mktemp("home")
    yield folder
    place = embedded.settle(folder)
    server.stop(server.Cluster(place))
    if place.parent == embedded.PUBLIC_HOME:
        shutil.rmtree(place)


@pytest.fixture
def fresh_home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    place = embedded.settle(tmp_path)
    if place.parent == embedded.PUBLIC_HOME:
        shutil.rmtree(place)


@pytest.fixture
def cluster(home: Path) -> Iterator[server.Cluster]:
    cluster = server.Cluster(embedded.settle(home))
    server.attach(cluster)
    yield cluster
    server.release(cluster)


@pytest.fixture
def another_process(home: Path) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Starts a process that uses the server until its input is closed."""
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", USE_IT, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_settings_start_nothing(fresh_home: Path) -> None:
    settings = embedded.database_settings(fresh_home)

    cluster = server.Cluster(Path(str(settings["PLACE"])))
    assert settings["HOST"] == str(cluster.socket)
    assert not cluster.data.exists()


def test_it_serves_a_durable_utf8_database(cluster: server.Cluster) -> None:
    query(cluster, "CREATE TABLE note (words text)")
    query(cluster, "INSERT INTO note VALUES ('Zürich')")

    assert query(
        cluster, "SELECT upper(words), current_setting('fsync'), current_setting('listen_addresses') FROM note"
    ) == [("ZÜRICH", "on", "")]


def test_the_last_one_out_stops_it(
    cluster: server.Cluster, another_process: Callable[[], "subprocess.Popen[str]"]
) -> None:
    process = server.postmaster(cluster)
    assert process
    other = another_process()
    assert other.stdout and other.stdout.readline() == "ready\n"

    server.release(cluster)
    assert query(cluster, "SELECT 1") == [(1,)]

    other.communicate()
    assert has_ended(process)
    assert server.postmaster(cluster) is None


def test_many_may_start_it_at_once(another_process: Callable[[], "subprocess.Popen[str]"]) -> None:
    others = [another_process() for _ in range(4)]

    assert [other.stdout and other.stdout.readline() for other in others] == ["ready\n"] * 4


def test_a_killed_user_keeps_nobody_from_stopping_it(
    home: Path, another_process: Callable[[], "subprocess.Popen[str]"]
) -> None:
    other = another_process()
    assert other.stdout and other.stdout.readline() == "ready\n"
    cluster = server.Cluster(embedded.settle(home))
    process = server.postmaster(cluster)
    assert process
    other.kill()
    other.wait()
    assert query(cluster, "SELECT 1") == [(1,)]

    server.attach(cluster)
    assert server.postmaster(cluster) == process  # adopted
    server.release(cluster)

    assert has_ended(process)


def test_nothing_is_lost_when_the_server_is_killed(cluster: server.Cluster) -> None:
    query(cluster, "CREATE TABLE survivors AS SELECT generate_series(1, 1000) AS line")
    process = server.postmaster(cluster)
    assert process
    process.kill()

    server.attach(cluster)

    assert query(cluster, "SELECT count(*) FROM survivors") == [(1000,)]


def test_nothing_is_lost_when_one_of_its_processes_is_killed(cluster: server.Cluster) -> None:
    query(cluster, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS line")
    process = server.postmaster(cluster)
    assert process
    [(pid,)] = query(cluster, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    checkpointer = psutil.Process(pid)
    checkpointer.kill()
    assert has_ended(checkpointer)

    server.attach(cluster)

    assert server.postmaster(cluster) == process
    assert query(cluster, "SELECT count(*) FROM kept") == [(1000,)]


def test_backends_that_outlive_a_killed_server_are_ended(cluster: server.Cluster) -> None:
    process = server.postmaster(cluster)
    assert process
    busy = psycopg.connect(host=str(cluster.socket), user="postgres", dbname="stratum", autocommit=True)
    backend = psutil.Process(busy.info.backend_pid)
    backend.suspend()  # too busy to notice
    process.kill()

    server.attach(cluster)

    assert has_ended(backend)
    busy.close()


def test_a_stopped_machine_may_give_the_process_id_to_somebody_else(cluster: server.Cluster) -> None:
    server.release(cluster)
    (cluster.data / "postmaster.pid").write_text(f"{os.getppid()}\n{cluster.data}\n")

    server.attach(cluster)

    assert query(cluster, "SELECT 1") == [(1,)]


def test_a_long_home_gets_a_short_socket(tmp_path: Path) -> None:
    place = tmp_path / ("long" * 30)
    socket = embedded.socket_folder(place)

    assert len(str(socket / embedded.SOCKET)) <= 107
    assert socket == embedded.socket_folder(place)
    socket.rmdir()


def test_somebody_elses_socket_folder_is_refused(tmp_path: Path) -> None:
    place = tmp_path / ("long" * 30)
    socket = embedded.socket_folder(place)
    socket.rmdir()
    socket.symlink_to(tmp_path)

    with pytest.raises(PermissionError, match="belongs to somebody else"):
        embedded.socket_folder(place)
    socket.unlink()


def test_another_release_of_postgresql_is_named(fresh_home: Path) -> None:
    cluster = server.Cluster(embedded.settle(fresh_home))
    cluster.data.mkdir()
    (cluster.data / "PG_VERSION").write_text("16\n")
    if os.geteuid() == 0:
        shutil.chown(cluster.data, "nobody")

    with pytest.raises(server.Unavailable, match=r"made by PostgreSQL 16; this release brings 18"):
        server.attach(cluster)
    server.release(cluster)


def test_a_server_that_cannot_start_says_why(cluster: server.Cluster) -> None:
    server.release(cluster)
    configuration = cluster.data / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text("no_such_setting = 1\n")

    with pytest.raises(server.Unavailable, match="no_such_setting"):
        server.attach(cluster)

    configuration.write_text(good)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
def test_roots_private_home_stays_private(tmp_path: Path) -> None:
    home = tmp_path / "private" / "home"
    home.mkdir(mode=0o700, parents=True)
    home.chmod(0o700)

    place = embedded.settle(home)

    assert place.parent == embedded.PUBLIC_HOME
    assert home.stat().st_mode & 0o777 == 0o700
    assert embedded.settle(home) == place  # decided once
    place.rmdir()


def test_an_open_transaction_does_not_keep_it_from_stopping(cluster: server.Cluster) -> None:
    idle = psycopg.connect(host=str(cluster.socket), user="postgres", dbname="stratum")
    idle.execute("CREATE TABLE draft (line int)")
    process = server.postmaster(cluster)
    assert process

    server.release(cluster)

    assert has_ended(process)
    with pytest.raises(psycopg.OperationalError):
        idle.execute("SELECT 1")
    idle.close()


def test_signals_of_the_terminal_do_not_reach_it(cluster: server.Cluster) -> None:
    process = server.postmaster(cluster)
    assert process
    assert os.getsid(process.pid) != os.getsid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
def test_root_may_keep_its_code_private_too(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's user cannot reach the wheel then, and gets a copy that runs by itself."""
    cluster = server.Cluster(embedded.settle(fresh_home))
    monkeypatch.setattr(embedded, "open_to_others", lambda folder: False)

    server.attach(cluster)

    process = server.postmaster(cluster)
    assert process
    assert Path(process.exe()).is_relative_to(cluster.place)
    assert process.username() != "root"
    server.release(cluster)
