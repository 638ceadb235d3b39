"""A real browser before a running Stratum, and a shop on another origin that uses Segment's browser SDK."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cdp.engine import warm
from stratum.lib import clock

SDK = {"@segment/analytics-next": "1.84.3"}
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SCREENS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
PICTURES = Path("test-results")

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the thread of the test
expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong

CHARTS_FIT = """() => [...document.querySelectorAll(".chart-canvas svg.main-svg")].every(
  (chart) => chart.getBoundingClientRect().width <= chart.closest(".chart-canvas").clientWidth + 1
)"""

SHOP = """<!doctype html>
<title>Shop</title>
<script src="/sdk/index.js"></script>
<script>
  const [host, writeKey] = decodeURIComponent(location.hash.slice(1)).split(' ');
  window.shop = window.AnalyticsNext.AnalyticsBrowser.load({
    writeKey,
    cdnSettings: { integrations: { 'Segment.io': { apiKey: writeKey, apiHost: host + '/v1', protocol: 'http' } } },
  });
</script>
<h1>Shop</h1>
"""


@pytest.fixture(autouse=True, scope="session")
def compiled() -> None:
    """As a running Stratum's worker has them: a first question that compiles for a minute would time a page out."""
    warm()


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The browser has its own clock, so Stratum's runs too."""
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC))
    return datetime.now(UTC)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("Node is not installed here, and the browser SDK comes with npm")
    folder = tmp_path_factory.mktemp("shop")
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": SDK}))
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts"],
        cwd=folder,
        check=True,
        timeout=300,
    )
    (folder / "site").mkdir()
    (folder / "node_modules/@segment/analytics-next/dist/umd").rename(folder / "site/sdk")
    (folder / "site/index.html").write_text(SHOP)
    return folder / "site"


@pytest.fixture(scope="session")
def shop(shop_folder: Path) -> Iterator[str]:
    """The address of the shop."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(shop_folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Look:
    """Pictures of a page on both screens, and no serious complaint of axe."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def __call__(self, name: str) -> None:
        PICTURES.mkdir(exist_ok=True)
        for screen, size in SCREENS.items():
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            self.page.wait_for_function("() => !document.querySelector('[data-lazy]')")
            self.page.wait_for_function(CHARTS_FIT)
            self.page.screenshot(path=PICTURES / f"{name}-{screen}.png", full_page=True)
            self._no_overflow(name, screen)
        self.page.set_viewport_size(SCREENS["desktop"])  # type: ignore[arg-type]
        self._axe(name)

    def _no_overflow(self, name: str, screen: str) -> None:
        wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{name} is {wide} px too wide on the {screen}"

    def _axe(self, name: str) -> None:
        found = Axe().run(self.page).response["violations"]
        serious = [
            f"{rule['id']}: {node['html'][:160]}"
            for rule in found
            if rule["impact"] in {"serious", "critical"}
            for node in rule["nodes"]
        ]
        assert not serious, f"{name}: " + "\n".join(serious)


@pytest.fixture
def look(page: Page) -> Look:
    return Look(page)
