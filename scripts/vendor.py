"""Fetch the browser assets of static/vendor and lock their contents.

    python scripts/vendor.py            # refetch; every byte must match static/vendor/lock.json
    python scripts/vendor.py --update   # accept new versions and write a new lock

Needs npm, and only here: the files are committed, so neither running nor testing Stratum needs Node.
"""

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
LOCK = VENDOR / "lock.json"


@dataclass(frozen=True)
class Package:
    """`files` maps a path in the npm package to its name under static/vendor/<folder>/."""

    name: str
    version: str
    folder: str
    files: dict[str, str] = field(default_factory=dict)


TABLER = Package("@tabler/core", "1.6.1", "tabler", {"dist/css/tabler.min.css": "tabler.min.css"})
# The same plotly.js that plotly.py writes JSON for (plotly.offline.get_plotlyjs_version()).
PLOTLY = Package(
    "plotly.js-basic-dist-min",
    "4.1.1",
    "plotly",
    {"plotly-basic.min.js": "plotly-basic.min.js", "LICENSE": "LICENSE"},
)
ICONS = Package("@tabler/icons", "3.51.0", "tabler-icons", {"LICENSE": "LICENSE"})
# Letters of PDF files beyond the Western European ones: Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and more.
FONTS = Package(
    "dejavu-fonts-ttf",
    "2.37.3",
    "dejavu",
    {
        "ttf/DejaVuSans.ttf": "DejaVuSans.ttf",
        "ttf/DejaVuSans-Bold.ttf": "DejaVuSans-Bold.ttf",
        "LICENSE": "LICENSE",
    },
)
PACKAGES = (TABLER, PLOTLY, ICONS, FONTS)

ICON_NAMES = (Path(__file__).parent / "icons.txt").read_text().split()


def sri(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def download(package: Package, folder: Path) -> tuple[tarfile.TarFile, str]:
    """The unpacked-on-demand tarball and its integrity."""
    subprocess.run(
        ["npm", "pack", "--silent", f"{package.name}@{package.version}"], cwd=folder, check=True, capture_output=True
    )
    stem = package.name.replace("@", "").replace("/", "-")
    path = folder / f"{stem}-{package.version}.tgz"
    return tarfile.open(path), sri(path.read_bytes())


def member(tar: tarfile.TarFile, path: str) -> bytes:
    file = tar.extractfile(f"package/{path}")
    if file is None:
        raise SystemExit(f"{path} is not a file in the package")
    return file.read()


def as_shipped(name: str, content: bytes) -> bytes:
    return content if name.endswith(".ttf") else without_source_map(content)


def without_source_map(content: bytes) -> bytes:
    """The manifest storage refuses a reference to a map that is not shipped."""
    return re.sub(rb"\n?(/\*|//)# sourceMappingURL=[^\n*]*(\*/)?", b"", content).rstrip() + b"\n"


def plotly_rules(script: str) -> bytes:
    """The stylesheet plotly.js would inject, which a strict content security policy refuses."""
    match = re.search(r'=(\{"X,X div":.*?\});for\(', script, re.DOTALL)
    if match is None:
        raise SystemExit("plotly.js keeps its style rules elsewhere now")
    rules = re.findall(r'"((?:[^"\\]|\\.)*)":(?:"((?:[^"\\]|\\.)*)"|\'([^\']*)\')', match.group(1))
    lines = [
        f"{selector.replace('X', '.js-plotly-plot .plotly').replace('Y', '.plotly-notifier')} {{{text or quoted}}}"
        for selector, text, quoted in rules
    ]
    # plotly.js inserts each rule before the last one.
    return ("\n".join(reversed(lines)) + "\n").encode()


def sprite(tar: tarfile.TarFile) -> bytes:
    symbols = []
    for name in sorted(ICON_NAMES):
        svg = member(tar, f"icons/outline/{name}.svg").decode()
        shapes = re.findall(r"<(?!svg|/svg)[^>]+>", svg)
        drawn = "".join(re.sub(r"\s+", " ", shape) for shape in shapes if "M0 0h24v24H0z" not in shape)
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
            f'stroke-linecap="round" stroke-linejoin="round">{drawn}</symbol>'
        )
    return ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()


def contents(package: Package, tar: tarfile.TarFile) -> dict[str, bytes]:
    """What the package puts under static/vendor, by path relative to it."""
    found = {
        f"{package.folder}/{target}": as_shipped(target, member(tar, source))
        for source, target in package.files.items()
    }
    if package is PLOTLY:
        found["plotly/plotly.css"] = plotly_rules(found["plotly/plotly-basic.min.js"].decode())
    if package is ICONS:
        found["tabler-icons/icons.svg"] = sprite(tar)
    return found


def fetch(package: Package) -> tuple[dict[str, bytes], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        tar, integrity = download(package, Path(folder))
        with tar:
            files = contents(package, tar)
    entry = {
        "name": package.name,
        "version": package.version,
        "integrity": integrity,
        "files": {path: sri(content) for path, content in sorted(files.items())},
    }
    return files, entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write a new lock instead of insisting on the old one")
    update = parser.parse_args().update
    fetched = [fetch(package) for package in PACKAGES]
    lock = {"packages": [entry for _, entry in fetched]}
    if not update and lock != json.loads(LOCK.read_text()):
        sys.exit("The fetched files differ from static/vendor/lock.json. Run with --update to accept them.")
    for files, _ in fetched:
        for path, content in files.items():
            (VENDOR / path).parent.mkdir(parents=True, exist_ok=True)
            (VENDOR / path).write_bytes(content)
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    main()
