"""What static/vendor holds is what scripts/vendor.py fetched, byte for byte, and it can be served."""

import base64
import hashlib
import json
import re
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.storage import FileSystemStorage
from plotly.offline import get_plotlyjs_version

from stratum.workspaces import context

STATIC = settings.BASE_DIR / "static"
VENDOR = STATIC / "vendor"
PACKAGES = json.loads((VENDOR / "lock.json").read_text())["packages"]
LOCKED = {path: digest for package in PACKAGES for path, digest in package["files"].items()}


def test_each_file_is_the_locked_one():
    found = {path: sri(VENDOR / path) for path in LOCKED}
    assert found == LOCKED


def test_nothing_lies_there_unlocked():
    files = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    # The npm package of Tabler names its licence without carrying the text.
    assert files == {*LOCKED, "lock.json", "tabler/LICENSE"}


def test_each_package_has_its_licence():
    assert all((folder / "LICENSE").exists() for folder in VENDOR.iterdir() if folder.is_dir())


def test_charts_are_drawn_by_the_version_that_plotly_py_writes_for():
    versions = {package["name"]: package["version"] for package in PACKAGES}
    assert versions["plotly.js-basic-dist-min"] == get_plotlyjs_version()


def test_the_manifest_storage_accepts_every_file(tmp_path: Path):
    storage = ManifestStaticFilesStorage(location=tmp_path)
    own = FileSystemStorage(location=STATIC)
    paths = {str(path.relative_to(STATIC)): (own, str(path.relative_to(STATIC))) for path in STATIC.rglob("*.*")}
    for path in paths:
        with own.open(path) as content:
            storage.save(path, content)
    outcomes = [outcome for *_, outcome in storage.post_process(paths)]
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def test_every_icon_a_template_names_is_in_the_sprite():
    sprite = (VENDOR / "tabler-icons" / "icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    assert icons_named() - drawn == set()


def icons_named() -> set[str]:
    patterns = (
        r'_icon\.html" with (?:class="[^"]*" )?name="([\w-]+)"',
        r'(?<!-)\bicon="([\w-]+)"',
        r'icon\|default:"([\w-]+)"',
    )
    pages = [path.read_text() for path in (settings.BASE_DIR / "templates").rglob("*.html")]
    named = {name for page in pages for pattern in patterns for name in re.findall(pattern, page)}
    return named | {section.icon for section in context.menu("/")}


def sri(path: Path) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
