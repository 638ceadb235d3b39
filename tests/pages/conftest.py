"""A real browser that meets one rendered page, its static files and the real content security policy; no server."""

import mimetypes
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.template import engines
from django.test import RequestFactory
from playwright.sync_api import ConsoleMessage, Page, Route

from stratum.lib.middleware import POLICY

SITE = "http://stratum.test"

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    switches = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    return {
        "executable_path": "/usr/bin/chromium",
        "args": [*switches.split(), "--disable-component-update", "--disable-sync"],
    }


@pytest.fixture(scope="session")
def base_url() -> str:
    """In place of pytest-playwright's own, whose form pytest 9 warns about."""
    return SITE


@pytest.fixture
def open_page(page: Page) -> Iterator[Open]:
    """Opens `source`, a template; `answers` are bodies by path. Whatever the console or the policy refuses fails."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def show(source: str, answers: dict[str, dict[str, Any]] | None = None, **context: object) -> Page:
        html = engines["django"].from_string(source).render(context, RequestFactory().get("/"))
        page.route("**/*", lambda route: answer(route, html, answers or {}))
        page.goto(f"{SITE}/")
        return page

    yield show
    assert complaints == []


def is_complaint(message: ConsoleMessage) -> bool:
    """The browser also reports refusals that a test asked for."""
    return message.type == "error" and "status of 4" not in message.text


def answer(route: Route, html: str, answers: dict[str, dict[str, Any]]) -> None:
    path = route.request.url.removeprefix(SITE).split("?")[0]
    if path in answers:
        route.fulfill(**{"content_type": "text/html", **answers[path]})
    elif path.startswith("/static/"):
        file = finders.find(path.removeprefix("/static/"))
        route.fulfill(path=file, content_type=mimetypes.guess_type(path)[0])
    else:
        route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": POLICY})
