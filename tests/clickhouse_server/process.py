"""A server from outside: started, killed, started again, with faults switched on and off."""

import http.client
import json
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.clickhouse_server.faults import Fault

ROOT = Path(__file__).parents[2]
LONGEST_START = 60.0  # seconds, on however busy a machine
AGAIN = 0.02


class ClickHouseProcess:
    """Keeps its data in `folder`, its port and its password through all restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user, self.password = "stratum", secrets.token_hex(8)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "ClickHouseProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def url(self, database: str, password: str | None = None) -> str:
        return f"clickhouse://{self.user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "tests.clickhouse_server",
            "--with-parent",
            "--folder",
            str(self.folder / "data"),
        ]
        command += ["--port", str(self.port), "--user", self.user, "--password", self.password]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log)
        self.wait()

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + LONGEST_START
        while not self.answers():
            if time.monotonic() > deadline or not self.lives():
                raise RuntimeError(f"ClickHouse does not start: {(self.folder / 'server.log').read_text()[-2_000:]}")
            time.sleep(AGAIN)

    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def answers(self) -> bool:
        try:
            return self.call("GET", "/ping") == 200
        except (OSError, http.client.HTTPException):
            return False

    def kill(self) -> None:
        """With SIGKILL; nothing when it is dead already."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.gone()

    def gone(self) -> None:
        """Waits for the end of a server that dies of a fault."""
        if self.process is not None:
            self.process.wait()
            if self.process.stdin:
                self.process.stdin.close()
            self.process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def fault(self, kind: str, match: str = "", times: int | None = None, **more: Any) -> None:
        self.call("POST", "/faults", Fault(kind, match, times, **more).fields)

    def heal(self) -> None:
        self.call("DELETE", "/faults")

    def recover(self) -> None:
        """It lives and is well."""
        if self.answers():
            self.heal()
        else:
            self.restart()

    def call(self, method: str, path: str, body: object = None) -> int:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            link.request(method, path, json.dumps(body))
            answer = link.getresponse()
            answer.read()
            return answer.status
        finally:
            link.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
