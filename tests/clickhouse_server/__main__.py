"""`python -m tests.clickhouse_server --folder F --port P`, or a command after `--`, which gets CLICKHOUSE_URL."""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tests.clickhouse_server.database import Database
from tests.clickhouse_server.front import Front, Service
from tests.clickhouse_server.process import ClickHouseProcess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--user", default="stratum")
    parser.add_argument("--password", default="")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does")
    parser.add_argument("command", nargs="*")
    given = parser.parse_args()
    if given.command:
        sys.exit(beside(given.command))
    folder = given.folder or Path(tempfile.mkdtemp(prefix="clickhouse-"))
    serve(folder, given.port, given.user, given.password, given.with_parent)


def serve(folder: Path, port: int, user: str, password: str, is_child: bool) -> None:
    if is_child:
        threading.Thread(target=end_with_parent, daemon=True).start()
    folder.mkdir(parents=True, exist_ok=True)
    front = Front(port, Service(Database(folder), user, password))
    print(f"ClickHouse in {folder} on 127.0.0.1:{front.server_port}", flush=True)
    front.serve_forever()


def end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def beside(command: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="clickhouse-") as folder, ClickHouseProcess(Path(folder)) as server:
        return subprocess.call(command, env={**os.environ, "CLICKHOUSE_URL": server.url("stratum_tests")})


if __name__ == "__main__":
    main()
