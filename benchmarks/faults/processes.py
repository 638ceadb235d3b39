"""The processes that are killed and started again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from stratum.lib.postgres import server

KINDS = ("web server", "web worker", "projector", "compactor", "rebuilder", "PostgreSQL")
PAUSES = {"projector": 0.05, "compactor": 0.2, "rebuilder": 1.0}  # seconds


class Processes:
    def __init__(
        self,
        listener: socket.socket,
        workspace_id: int,
        cluster: server.Cluster,
        log: Path,
        pauses: Mapping[str, float] = PAUSES,
    ) -> None:
        """`pauses`: of the roles that are played, in seconds."""
        self.listener, self.cluster, self.log = listener, cluster, log.open("ab")
        web = [sys.executable, "-m", "gunicorn", "-c", "python:stratum.gunicorn", "--log-level", "warning"]
        self.commands = {"web server": [*web, "--bind", f"fd://{listener.fileno()}", "stratum.wsgi"]}
        for role, pause in pauses.items():
            play = [sys.executable, "-m", "benchmarks.faults.roles", role, str(workspace_id), str(pause)]
            self.commands[role] = play
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, kind: str) -> None:
        self.running[kind] = subprocess.Popen(
            self.commands[kind],
            stdout=self.log,
            stderr=self.log,
            pass_fds=[self.listener.fileno()],
            start_new_session=True,
        )

    def start_all(self) -> None:
        for kind in self.commands:
            self.start(kind)

    def kill(self, kind: str, number: int) -> None:
        """With SIGKILL, and start it again; `number` chooses among the web server's workers.

        The web server goes with all of them: one that is left would answer once more and hide how long a start takes.
        """
        if kind == "PostgreSQL":
            self.kill_database()
        elif kind == "web worker":
            self.kill_worker(number)
        else:
            os.killpg(self.running[kind].pid, signal.SIGKILL)
            self.running[kind].wait()
            self.start(kind)

    def kill_database(self) -> None:
        """It is started again by whoever needs it first."""
        if postmaster := server.postmaster(self.cluster):
            postmaster.kill()

    def kill_worker(self, number: int) -> None:
        """It is started again by the web server."""
        with suppress(psutil.NoSuchProcess):
            workers = psutil.Process(self.running["web server"].pid).children()
            if workers:
                workers[number % len(workers)].kill()

    def stop_all(self) -> None:
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.log.close()
