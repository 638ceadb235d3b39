"""Kill -9 at random, and count: `python -m benchmarks.faults [--rounds 200] [--seed 1] [--write]`.

In a home of its own: the embedded PostgreSQL, gunicorn with two workers, and three processes that bring the engine up
to date, fold it and rebuild it, all more often than in production. Clients send events, merge, void and erase, and ask,
and keep a ledger of what was acknowledged. Each round kills one process and waits for the first right answer.
`--write` puts the figures into docs/reliability.md.
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

FIGURES = Marked("reliability.md", "faults", "python -m benchmarks.faults")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with home_of_its_own() as home:
        os.environ["ENGINE_URL"] = f"columnar://{home / 'engine'}"
        sys.exit(run(home, options.rounds, options.seed, options.write))


def run(home: Path, rounds: int, seed: int, write: bool) -> int:
    """0 when every answer was right and everything acknowledged is counted once."""
    django.setup()
    from benchmarks.faults import processes, report, stage, traffic  # noqa: PLC0415  (settings exist after setup)
    from benchmarks.faults.ledger import Ledger  # noqa: PLC0415
    from stratum.lib import embedded  # noqa: PLC0415
    from stratum.lib.postgres import server  # noqa: PLC0415

    workspace, write_key, api_keys = stage.set_up()
    cluster, ledger, chance = server.Cluster(embedded.settle(home)), Ledger(), random.Random(seed)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = traffic.Service(listener.getsockname()[1], write_key, cycle(api_keys))
        clients = traffic.Traffic(service, ledger, stage.find_profile)
        running = processes.Processes(listener, workspace.pk, cluster, home / "processes.log")
        figures = report.Figures(seed)
        begun = time.monotonic()
        try:
            running.start_all()
            clients.start()
            wait_for_right(clients.answers, begun)
            clients.answers.longest = 0.0
            for _ in range(rounds):
                kind = chance.choice(processes.KINDS)
                time.sleep(chance.random())
                killed = time.monotonic()
                running.kill(kind, chance.randrange(8))
                figures.count(kind, wait_for_right(clients.answers, killed))
        finally:
            clients.stop()
            running.stop_all()
    server.attach(cluster)
    figures.seconds = time.monotonic() - begun
    figures.differences = stage.differences(workspace, ledger, home / "rebuilt")
    figures.take(clients, ledger)
    figures.tell()
    if write:
        FIGURES.write(figures.text())
    return 0 if figures.ok else 1


if __name__ == "__main__":
    main()
