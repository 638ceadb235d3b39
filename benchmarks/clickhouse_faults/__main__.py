"""ClickHouse fails at random, and who writes there is killed: `python -m benchmarks.clickhouse_faults [--rounds 200]
[--seed 1] [--seconds N] [--write]`.

In a home of its own: the embedded PostgreSQL, gunicorn with two workers, the ClickHouse server of the tests, and three
processes that bring the engine up to date, fold it and rebuild it, all more often than in production. Clients send
events, merge, void and erase, and ask, and keep a ledger of what was acknowledged. Each round injects one fault; it
ends, and nobody repairs anything: the answers become right by themselves. In the end ledger, truth and engine are
compared, and an engine in files that is built from the truth. `--write` puts the figures into docs/reliability.md.
"""

import argparse
import os
import random
import socket
import sys
import time
from itertools import cycle
from pathlib import Path

import django

from benchmarks.faults.course import home_of_its_own, wait_for_right
from benchmarks.marked import Marked
from tests.clickhouse_server.process import ClickHouseProcess

FIGURES = Marked("reliability.md", "clickhouse faults", "python -m benchmarks.clickhouse_faults")
PAUSES = {"projector": 2.0, "compactor": 15.0, "rebuilder": 20.0}  # seconds
PAUSE = 0.2  # seconds between two calls of a client: the server of the tests does one thing at a time
PATIENCE = 90.0  # of a client; longer than the engine waits for the server, or for another process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="after which no other round begins")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with home_of_its_own() as home, ClickHouseProcess(home) as clickhouse:
        os.environ["ENGINE_URL"] = clickhouse.url("stratum")
        sys.exit(run(home, clickhouse, options))


def run(home: Path, clickhouse: ClickHouseProcess, options: argparse.Namespace) -> int:
    """0 when every answer was right and everything acknowledged is counted once."""
    django.setup()
    from benchmarks.clickhouse_faults import faults  # noqa: PLC0415  (settings exist after setup)
    from benchmarks.faults import processes, report, stage, traffic  # noqa: PLC0415
    from benchmarks.faults.ledger import Ledger  # noqa: PLC0415
    from stratum.lib import embedded  # noqa: PLC0415
    from stratum.lib.postgres import server  # noqa: PLC0415

    workspace, write_key, api_keys = stage.set_up()
    cluster, ledger, chance = server.Cluster(embedded.settle(home)), Ledger(), random.Random(options.seed)
    storing = faults.Storing()
    figures = report.Figures(
        options.seed,
        fault="what failed",
        since="from its end to the first right answer",
        compared="ledger, truth, engine and an engine in files",
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = traffic.Service(listener.getsockname()[1], write_key, cycle(api_keys), PATIENCE)
        clients = traffic.Traffic(service, ledger, stage.find_profile, storing.was_blocked_since, PAUSE)
        running = processes.Processes(listener, workspace.pk, cluster, home / "processes.log", PAUSES)
        scene = faults.Scene(clickhouse, running, storing, chance)
        begun = time.monotonic()
        try:
            running.start_all()
            clients.start()
            wait_for_right(clients.answers, begun)
            clients.answers.longest = clients.slowest = 0.0
            for kind in faults.drawn(options.rounds, chance):
                if time.monotonic() - begun > options.seconds:
                    break
                time.sleep(chance.random())
                faults.KINDS[kind](scene)
                figures.count(kind, wait_for_right(clients.answers, time.monotonic()))
        finally:
            clients.stop()
            running.stop_all()
    figures.seconds = time.monotonic() - begun
    figures.differences = stage.differences(workspace, ledger, home / "rebuilt")
    figures.take(clients, ledger)
    refused = sum(service.refused.values())
    figures.more = {
        "answers from the last good state, while nothing could be stored": f"{clients.answers.stale:,}",
        "batches of events that were refused": f"{refused:,}",
        "longest time until a batch was acknowledged": f"{clients.slowest:.2f} s",
    }
    if refused:
        figures.differences.append(f"events were refused ({dict(service.refused)})")
    figures.tell()
    if options.write:
        FIGURES.write(figures.text())
    return 0 if figures.ok else 1


if __name__ == "__main__":
    main()
