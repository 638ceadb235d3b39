"""One process that asks: `python -m benchmarks.engine.probe URL NAMES [--warm]`.

It says when the first funnel is answered, then asks about all names, says what that took of its memory (JSON), and
stays until its input ends, so that processes that share files can be looked at side by side.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from benchmarks.engine.data import END, Size
from benchmarks.engine.ours import WORKSPACE
from benchmarks.engine.questions import funnel
from cdp.engine import open_engine, warm

STEPS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("names", type=int)
    parser.add_argument("--warm", action="store_true", help="load the kernels before anything is measured")
    arguments = parser.parse_args()
    if arguments.warm:
        warm(["unique"])
    before = anonymous("self")
    engine = open_engine(arguments.url, WORKSPACE)
    if not engine.funnel(funnel(), END).steps[0].count:
        sys.exit(f"Nobody is counted in {arguments.url}.")
    print("answered", flush=True)
    names = Size(0, arguments.names).event_names()
    for first in range(0, len(names), STEPS):
        engine.funnel(funnel(180, names[first : first + STEPS]), END)
    print(json.dumps({"index": anonymous("self") - before, "peak": status("self", "VmHWM")}), flush=True)
    sys.stdin.read()


def anonymous(process: int | str) -> int:
    """Bytes of its own, which no file backs."""
    return entries(Path(f"/proc/{process}/smaps_rollup").read_text(), "Anonymous")


def status(process: int | str, name: str) -> int:
    return entries(Path(f"/proc/{process}/status").read_text(), name)


def mapped(process: int, folder: str) -> tuple[int, int]:
    """Resident bytes of the files in the folder, and this process' share of them (Rss and Pss)."""
    maps = re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{process}/smaps").read_text())
    ours = "\n".join(one for one in maps if folder in one.partition("\n")[0])
    return entries(ours, "Rss"), entries(ours, "Pss")


def entries(text: str, name: str) -> int:
    """The sum of all lines `name: … kB`, in bytes."""
    return sum(int(size) for size in re.findall(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)) * 1_024


if __name__ == "__main__":
    main()
