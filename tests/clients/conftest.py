"""Real SDKs against a running server, at the real time of day."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from stratum.lib import clock
from stratum.workspaces.models import Workspace
from tests import factories

PACKAGES = {
    "@segment/analytics-node": "3.1.0",
    "@rudderstack/rudder-sdk-node": "3.0.13",
    "pipedrive": "33.7.0",
}
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN")


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """SDKs stamp their messages themselves, so the clock runs."""
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC))
    return datetime.now(UTC)


@pytest.fixture
def key(transactional_db: None, live_server: LiveServer, workspace: Workspace) -> str:
    return factories.write_key(workspace)[1]


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the Node SDKs; their tests are left out where Node is not installed, or its registry not reached."""
    if shutil.which("npm") is None:
        pytest.skip("Node is not installed here")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text(json.dumps({"private": True, "type": "module", "dependencies": PACKAGES}))
    install = ["npm", "install", "--no-audit", "--no-fund", "--loglevel", "error"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode and any(code in done.stderr for code in UNREACHABLE):
        pytest.skip("the registry of Node packages cannot be reached from here")
    assert done.returncode == 0, done.stderr
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run_node(node_folder: Path) -> Callable[..., None]:
    """Run a module with arguments; its words are shown when it fails."""

    def run(script: str, *arguments: str) -> None:
        path = node_folder / "script.mjs"
        path.write_text(script)
        done = subprocess.run(
            ["node", str(path), *arguments], cwd=node_folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run
