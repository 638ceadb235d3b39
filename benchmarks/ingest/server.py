"""The web server under test, and the processor time of everybody who takes part."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

READY_SECONDS = 120.0


@contextmanager
def web(port: int) -> Iterator[psutil.Process]:
    """gunicorn with the settings of the product."""
    command = [sys.executable, "-m", "gunicorn", "-c", "python:stratum.gunicorn", "--log-level", "warning"]
    server = subprocess.Popen([*command, "--bind", f"127.0.0.1:{port}", "stratum.wsgi"])
    try:
        wait_until_ready(port)
        yield psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait()


def wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):
            http.client.HTTPConnection("127.0.0.1", port).connect()
            return
        time.sleep(0.1)
    raise SystemExit("gunicorn did not start")


def worked(root: psutil.Process) -> float:
    """Processor seconds so far of the process and all below it; of these, those that ended are left out."""
    seconds = 0.0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds
