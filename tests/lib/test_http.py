"""The way out, over a real wire."""

import logging
import socket
import time

import pytest
from django.conf import LazySettings

from stratum.lib.http import Garbled, Session, Unreachable
from tests.wire import Received, Reply, serving


def session(url: str, *, headers: dict[str, str] | None = None, read_timeout: float = 5.0) -> Session:
    return Session(url, headers=headers, sleep=lambda seconds: None, read_timeout=read_timeout)


def test_it_works() -> None:
    with serving(lambda request: Reply(body=b'{"ok":true}')) as server:
        answer = session(f"{server.url}/v1", headers={"Authorization": "Bearer s3cret"}).call(
            "POST", "things", params={"a": "1"}, json={"name": "Ada"}
        )
        [request] = server.received
    assert answer.status == 200
    assert answer.json() == {"ok": True}
    assert (request.method, request.path, request.params, request.body) == (
        "POST",
        "/v1/things",
        {"a": "1"},
        b'{"name":"Ada"}',
    )
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.headers["content-type"] == "application/json"


def test_forms_are_sent_as_forms() -> None:
    with serving(lambda request: Reply()) as server:
        session(server.url).call("POST", "x", form={"daily_budget": "60000"})
        [request] = server.received
    assert request.body == b"daily_budget=60000"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("status", [502, 503, 504])
def test_reads_are_repeated(status: int) -> None:
    seen: list[Received] = []

    def twice_no(request: Received) -> Reply:
        seen.append(request)
        return Reply(status=status) if len(seen) < 3 else Reply(body=b"[]")

    with serving(twice_no) as server:
        assert session(server.url).call("GET", "x").json() == []
    assert len(seen) == 3


def test_a_write_is_never_repeated() -> None:
    with serving(lambda request: Reply(drop=True)) as server:
        with pytest.raises(Unreachable) as caught:
            session(server.url).call("POST", "x", json={})
        assert len(server.received) == 1
    assert caught.value.may_have_arrived


def test_a_lost_read_is_given_up_after_three() -> None:
    with serving(lambda request: Reply(drop=True)) as server:
        with pytest.raises(Unreachable):
            session(server.url).call("GET", "x")
        assert len(server.received) == 3


def test_nobody_listening_means_it_did_not_arrive() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(Unreachable) as caught:
        session(f"http://127.0.0.1:{port}").call("POST", "x", json={})
    assert not caught.value.may_have_arrived


def test_a_slow_answer_may_have_arrived() -> None:
    def slow(request: Received) -> Reply:
        time.sleep(0.5)
        return Reply()

    with serving(slow) as server, pytest.raises(Unreachable, match="in time") as caught:
        session(server.url, read_timeout=0.1).call("POST", "x", json={})
    assert caught.value.may_have_arrived


def test_redirects_are_answers() -> None:
    with serving(lambda request: Reply(status=302, headers={"Location": "/elsewhere"})) as server:
        assert session(server.url).call("GET", "x").status == 302
        assert len(server.received) == 1


def test_our_own_network_is_closed(settings: LazySettings) -> None:
    settings.MAY_CALL_LOOPBACK = False
    with serving(lambda request: Reply()) as server:
        with pytest.raises(Unreachable, match="inside our own network") as caught:
            session(server.url).call("POST", "x", json={})
        assert server.received == []
    assert not caught.value.may_have_arrived


def test_what_is_no_json_is_garbled() -> None:
    with (
        serving(lambda request: Reply(body=b"<html>")) as server,
        pytest.raises(Garbled),
    ):
        session(server.url).call("GET", "x").json()


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with serving(lambda request: Reply()) as server, caplog.at_level(logging.DEBUG, logger="stratum"):
        session(server.url, headers={"x-api-token": "s3cret"}).call("GET", "x", params={"token": "s3cret"})
    assert "/x 200" in caplog.text
    assert "s3cret" not in caplog.text
