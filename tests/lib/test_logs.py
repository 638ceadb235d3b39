"""Log lines as JSON."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client

from stratum.lib.logs import JsonLines, request_id
from stratum.lib.middleware import RequestId


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, logger = Kept(), logging.getLogger("stratum.test")
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def test_one_object_a_line(logged: list[str]) -> None:
    logging.getLogger("stratum.test").warning("Two\nlines of %s", "Zürich")
    [line] = logged
    assert "\n" not in line
    assert json.loads(line) | {"time": ""} == {
        "time": "",
        "level": "WARNING",
        "logger": "stratum.test",
        "message": "Two\nlines of Zürich",
    }


def test_djangos_own_line_of_a_refused_request_has_its_id(client: Client) -> None:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, logger = Kept(), logging.getLogger("django.request")
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    try:
        client.get("/nowhere", headers={"X-Request-ID": "walk-77"})
    finally:
        logger.removeHandler(handler)
    assert [json.loads(line)["request_id"] for line in lines] == ["walk-77"]


def test_an_error_brings_its_trace(logged: list[str]) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("stratum.test").error("No", exc_info=sys.exc_info())
    assert "ValueError: broken" in json.loads(logged[0])["exception"]


def test_a_request_marks_its_lines(logged: list[str]) -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        logging.getLogger("stratum.test").warning("Inside")
        return HttpResponse()

    request = HttpRequest()
    request.META["HTTP_X_REQUEST_ID"] = "abc-1"
    RequestId(answer)(request)
    assert json.loads(logged[0])["request_id"] == "abc-1"
    assert request_id.get() == ""
