"""Make or refresh .venv: `python3.11 scripts/venv.py run|dev`. Standard library only; quick when nothing changed.

`run` is what Stratum needs, `dev` adds what its tests need.
"""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "var" / "venv.lock"
CONSTRAINTS = ROOT / "constraints.txt"
REQUIREMENTS = {"run": ROOT / "requirements.txt", "dev": ROOT / "requirements-dev.txt"}
PATIENCE = 2.0  # seconds between two lines where lines cannot be overwritten


class Failed(Exception):
    """The sentence says what to do."""


def main(purpose: str) -> None:
    wanted, stamp = fingerprint(purpose), VENV / f"stratum-{purpose}"
    if is_current(stamp, wanted):
        return
    if not os.access(ROOT, os.W_OK):
        raise Failed(f"You may not write in {ROOT}. Clone Stratum into a folder of your own.")
    VENV.mkdir(exist_ok=True)
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make run` and `make test` may start together
        if not is_current(stamp, wanted):
            if not works(PYTHON):
                make_venv()
            install(purpose)
            stamp.write_text(wanted)


def fingerprint(purpose: str) -> str:
    files = {CONSTRAINTS, REQUIREMENTS["run"], REQUIREMENTS[purpose]}
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()


def is_current(stamp: Path, wanted: str) -> bool:
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted


def works(python: Path) -> bool:
    """Whether it is a Python that Stratum runs on, with a pip."""
    question = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    return (
        python.exists() and subprocess.run([python, "-c", question], capture_output=True, check=False).returncode == 0
    )


def make_venv() -> None:
    say(f"  …  Making .venv with Python {sys.version.split()[0]}")
    # Debian ships venv's pip in a package of its own; an installed pip can stand in for it.
    has_pip = find_spec("ensurepip") is not None
    if not has_pip and find_spec("pip") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Failed(f"Python {version} comes without pip and ensurepip. On Debian: apt install python{version}-venv")
    must([sys.executable, "-m", "venv", "--clear", *([] if has_pip else ["--without-pip"]), str(VENV)])
    if not has_pip:
        must([sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip"])


def must(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def install(purpose: str) -> None:
    options = ["--no-input", "--disable-pip-version-check", "--root-user-action=ignore", "--progress-bar=off"]
    chosen = ["-r", str(REQUIREMENTS[purpose]), "-c", str(CONSTRAINTS)]
    began = time.monotonic()
    with subprocess.Popen(
        [str(PYTHON), "-m", "pip", "install", *options, *chosen],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        assert pip.stdout
        said = show(pip.stdout)
    if pip.returncode:
        raise Failed("\n".join(["pip could not install the dependencies:", *said[-20:]]))
    say(f"  ✓  Dependencies ({time.monotonic() - began:.0f} s)", end="\n")


def show(lines: Iterable[str]) -> list[str]:
    """Turn pip's many lines into one that moves; return them all."""
    said, packages, shown = [], 0, 0.0
    for line in lines:
        said.append(line.rstrip())
        packages += line.startswith("Collecting ")
        if line.startswith("Collecting ") and (sys.stdout.isatty() or time.monotonic() - shown > PATIENCE):
            shown = time.monotonic()
            say(f"  …  Fetching packages: {packages} {re.split('[^A-Za-z0-9_.-]', line.split()[1])[0]}")
        elif line.startswith("Installing collected packages"):
            say(f"  …  Installing {line.count(',') + 1} packages")
    return said


def say(text: str, end: str = "") -> None:
    """Overwrites the last line on a terminal."""
    sys.stdout.write(f"\r\x1b[2K{text}{end}" if sys.stdout.isatty() else f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Failed as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The next start goes on from here.")
