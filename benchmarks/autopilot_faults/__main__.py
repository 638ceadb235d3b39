"""Actions on both ad platforms while everything goes wrong: `python -m benchmarks.autopilot_faults [--runs 200]`.

The platforms are the fakes over real HTTP in a process of their own; workers are processes that are killed with SIGKILL
at calls to the platform and between our own steps, two of them at once where it says so. The clock moves on by minutes
and hours. In the end nothing may have been applied twice or be lost, and book, platform and page have to agree. Works
in a database of its own on the server of DATABASE_URL. `--write` puts the figures into docs/reliability.md.
"""

import argparse
import os
import sys
import time
from multiprocessing import get_context
from typing import Any

import django

from benchmarks.autopilot import database
from benchmarks.autopilot_faults import platforms, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--database", default="stratum_bench_autopilot_faults")
    given = parser.parse_args()
    spawn = get_context("spawn")
    (commands, theirs), (trapped, springs) = spawn.Pipe(), spawn.Pipe()
    process = spawn.Process(target=platforms.serve, args=(theirs, springs), daemon=True)
    process.start()
    meta, google = commands.recv()
    os.environ |= {
        "META_API_URL": f"{meta}/v26.0",
        "GOOGLE_ADS_API_URL": f"{google}/v26",
        "GOOGLE_TOKEN_URL": f"{google}/token",
        "MAY_CALL_LOOPBACK": "1",
    }
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    with database(given.database):
        figures = run(given.runs, given.seed, commands, trapped)
    commands.send(None)
    process.join(5)
    print(figures.text())
    for line in figures.differences:
        print(f"WRONG: {line}")
    if given.write:
        report.write(figures.text())
    sys.exit(1 if figures.differences else 0)


def run(runs: int, first: int, commands: Any, trapped: Any) -> report.Figures:
    django.setup()
    from django.conf import settings  # noqa: PLC0415  (they exist after setup)
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connections  # noqa: PLC0415

    from autopilot.services import proposals  # noqa: PLC0415
    from benchmarks.autopilot_faults import scenario, verdict  # noqa: PLC0415

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
    proposals.jobs.after_commit = lambda *_, **__: None  # workers are started here and nowhere else
    call_command("migrate", verbosity=0)

    def platform(name: str, *args: Any) -> Any:
        commands.send((name, args))
        return commands.recv()

    figures, began = report.Figures(first), time.monotonic()
    for seed in range(first, first + runs):
        one = scenario.begin(seed, platform, trapped)
        scenario.live(one)
        found = verdict.differences(one)
        figures.differences += found
        _count(figures, one, platform)
        for line in found:
            print(f"WRONG: {line}", file=sys.stderr, flush=True)
        if seed % 10 == 0:
            print(f"{seed}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    figures.seconds = time.monotonic() - began
    connections.close_all()
    return figures


def _count(figures: report.Figures, one: Any, platform: Any) -> None:
    row = figures.rows.setdefault(one.fault.name, report.Row())
    row.runs += 1
    row.kills += one.kills
    for action in one.actions:
        row.actions += 1
        row.ends[action.get_state_display().lower()] += 1
        row.writes += len(platform("seen", action.account.platform, action.entity.external_id, action.field)[1])
    figures.calls += platform("calls")


if __name__ == "__main__":
    main()
