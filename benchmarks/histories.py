"""`python -m benchmarks.histories --histories 100000 --write`: random histories, the engine against the oracle.

Runs the generators of tests/engine in parallel processes, a thousand histories a seed, until so many were compared. A
difference ends the run with its example, Ctrl+C with what was compared so far. `--seed` begins further on, so that
runs on several days look at other ones.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.faults.report import machine

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- histories: written by python -m benchmarks.histories -->", "<!-- /histories -->"
FILES = ("tests/engine/test_histories.py", "tests/engine/test_profile_histories.py")
PIECE = 1_000  # the least for which the generators follow the seed instead of a fixed order


@dataclass(frozen=True, slots=True)
class Piece:
    """A thousand histories of one generator."""

    file: str
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    piece: Piece
    seconds: float
    difference: str


def pieces(histories: int, seed: int) -> Iterator[Piece]:
    for number in range(-(-histories // PIECE)):
        yield Piece(FILES[number % len(FILES)], seed + number // len(FILES))


def run(piece: Piece) -> Outcome:
    command = [sys.executable, "-m", "pytest", piece.file, "-q", "-p", "no:cacheprovider", "-n0"]
    environment = {**os.environ, "HISTORIES": str(PIECE)}
    begun = time.perf_counter()
    ended = subprocess.run(
        [*command, f"--hypothesis-seed={piece.seed}"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    told = "" if ended.returncode == 0 else ended.stdout[-6_000:] + ended.stderr[-2_000:]
    outcome = Outcome(piece, time.perf_counter() - begun, told)
    print(
        f"{piece.file} seed {piece.seed}: {'equal' if not told else 'DIFFERENT'}, {outcome.seconds:.0f} s", flush=True
    )
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.histories", description=__doc__)
    parser.add_argument("--histories", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", action="store_true", help="write the figures to docs/reliability.md")
    options = parser.parse_args()
    begun = time.perf_counter()
    outcomes = compared(pieces(options.histories, options.seed), options.processes)
    text = figures(outcomes, options.seed, time.perf_counter() - begun)
    print(text)
    if options.write:
        write(text)
    if different := [outcome for outcome in outcomes if outcome.difference]:
        raise SystemExit(different[0].difference)


def compared(some: Iterator[Piece], processes: int) -> list[Outcome]:
    """Of all pieces, or of those that were done at the first difference or when somebody pressed Ctrl+C."""
    outcomes = []
    with ThreadPoolExecutor(processes) as pool:
        asked = [pool.submit(run, piece) for piece in some]
        try:
            for one in as_completed(asked):
                outcomes.append(one.result())
                if outcomes[-1].difference:
                    break
        except KeyboardInterrupt:
            pass
        pool.shutdown(wait=False, cancel_futures=True)
    return outcomes


def figures(outcomes: list[Outcome], seed: int, seconds: float) -> str:
    different = [f"{one.piece.file} seed {one.piece.seed}" for one in outcomes if one.difference]
    begins = f"{len(outcomes) * PIECE:,} histories from seed {seed} on"
    return (
        f"{machine()}. {date.today():%Y-%m-%d}: {begins}, half with funnels, trends, breakdowns and people, "
        f"half with aggregates and conditions, in {seconds:,.0f} s; "
        f"differences: {', '.join(different) or 'none'}."
    )


def write(text: str) -> None:
    page = PAGE.read_text()
    written, times = re.subn(f"{re.escape(BEGIN)}.*?{re.escape(END)}", f"{BEGIN}\n\n{text}\n\n{END}", page, flags=re.S)
    if not times:
        raise SystemExit(f"{PAGE} has no place for the figures: {BEGIN} … {END}")
    PAGE.write_text(written)


if __name__ == "__main__":
    main()
