"""Kill -9 at random, and count: `python -m benchmarks.faults [--rounds 200] [--seed 1] [--write]`.

In a home of its own: the embedded PostgreSQL, gunicorn with two workers, and three processes that bring the engine up
to date, fold it and rebuild it, all more often than in production. Clients send events, merge, void and erase, and ask,
and keep a ledger of what was acknowledged. Each round kills one process and waits for the first right answer.
`--write` puts the figures into docs/reliability.md.
"""

import argparse
import os
import random
import shutil
import socket
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import django

LONGEST_WAIT = 120.0  # seconds for a right answer, on however busy a machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="stratum-faults-"))
    home.chmod(0o711)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[2] / "var" / "kernels"))  # not compiled again
    os.environ |= {"STRATUM_HOME": str(home), "DATABASE_URL": "", "ENGINE_URL": f"columnar://{home / 'engine'}"}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    try:
        sys.exit(run(home, options.rounds, options.seed, options.write))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def run(home: Path, rounds: int, seed: int, write: bool) -> int:
    """0 when every answer was right and everything acknowledged is counted once."""
    django.setup()
    from benchmarks.faults import processes, report, stage, traffic  # noqa: PLC0415  (settings exist after setup)
    from benchmarks.faults.ledger import ERASES, MERGES, Ledger  # noqa: PLC0415
    from stratum.lib import embedded  # noqa: PLC0415
    from stratum.lib.postgres import server  # noqa: PLC0415

    workspace, write_key, api_key = stage.set_up()
    cluster, ledger, chance = server.Cluster(embedded.settle(home)), Ledger(), random.Random(seed)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients = traffic.Traffic(
            traffic.Service(listener.getsockname()[1], write_key, api_key), ledger, stage.find_profile
        )
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
                figures.recovery.setdefault(kind, []).append(wait_for_right(clients.answers, killed))
                figures.rounds += 1
                print(f"{figures.rounds} {kind}: {figures.recovery[kind][-1]:.2f} s", file=sys.stderr, flush=True)
        finally:
            clients.stop()
            running.stop_all()
    server.attach(cluster)
    figures.seconds = time.monotonic() - begun
    figures.differences = stage.differences(workspace, ledger, home / "rebuilt")
    answers = clients.answers
    figures.right, figures.failed = answers.right, answers.failed
    figures.wrong, figures.longest = answers.wrong, answers.longest
    figures.events = len(ledger.message_ids)
    merges = sum(user % 4 == MERGES for user in ledger.gone.done)
    erasures = sum(user % 4 == ERASES for user in ledger.gone.done)
    figures.changes = Counter({"merges": merges, "erasures": erasures, "voids": len(ledger.voided.done)})
    print(figures.text())
    for line in figures.wrong[:10]:
        print(f"WRONG: {line}")
    if write:
        report.write(figures.text())
    return 0 if figures.ok else 1


def wait_for_right(answers: object, since: float) -> float:
    """Seconds from `since` to the next right answer."""
    right = answers.right  # type: ignore[attr-defined]
    while answers.right == right:  # type: ignore[attr-defined]
        if time.monotonic() - since > LONGEST_WAIT:
            raise SystemExit(f"No right answer for {LONGEST_WAIT:.0f} s")
        time.sleep(0.005)
    return time.monotonic() - since


if __name__ == "__main__":
    main()
