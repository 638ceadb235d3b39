"""Events per second through gunicorn into PostgreSQL, beside a plain COPY of the same rows.

    python -m benchmarks.ingest [--events 60000] [--stored 0 1000000 3000000] [--write] [--direct]

In a home of its own with the embedded PostgreSQL; `--database postgres://…` uses another one. Each round begins with so
many stored events, sends from six clients that share the machine with server and database, measures again with somebody
who asks whether the events are counted, and copies the same rows. `--direct` calls the service in this process instead:
what one worker spends without HTTP. `--write` puts the figures into docs/performance.md.
"""

import argparse
import os
import shutil
import socket
import tempfile
from pathlib import Path

import django
import psutil


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--stored", type=int, nargs="+", default=[0])
    parser.add_argument("--database", default="")
    parser.add_argument("--direct", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="stratum-ingest-"))
    home.chmod(0o711)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[2] / "var" / "kernels"))  # not compiled again
    os.environ |= {"STRATUM_HOME": str(home), "DATABASE_URL": options.database}
    os.environ |= {"ENGINE_URL": f"columnar://{home / 'engine'}", "DJANGO_SETTINGS_MODULE": "stratum.settings"}
    try:
        run(options)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def run(options: argparse.Namespace) -> None:
    django.setup()
    from benchmarks.ingest import report, rounds, stage, traffic  # noqa: PLC0415  (settings exist after setup)

    made = stage.set_up()
    if options.direct:
        rate = stage.direct(made, traffic.bodies(options.events, 3))
        print(f"service in one process: {rate:,.0f} events/s")
        return
    database = psutil.Process(stage.backend()).parent()
    assert database is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    measured = []
    for number, stored in enumerate(options.stored):
        stage.fill(made, stored)
        measured.append(rounds.measure(made, database, port, options.events, seed=100 * (number + 1)))
        print(measured[-1].line(), flush=True)
    size = sum(map(len, traffic.bodies(1_000, 9))) / 1_000
    told = report.text(measured, options.events, size)
    print(told)
    if options.write:
        report.write(told)


if __name__ == "__main__":
    main()
