"""What `up` does before and around its children."""

import os
import socket
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from stratum.up import ports, single, static
from stratum.up.children import Child, Tail
from stratum.up.screen import Screen


def test_a_taken_port_is_refused_with_a_way_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ports.PortRefused, match=f"Port {port} is in use by another program.*PORT={port + 1}"):
            ports.reserve("127.0.0.1", port)


@pytest.mark.parametrize("port", [70_000, -1])
def test_an_impossible_port_is_refused(port: int) -> None:
    with pytest.raises(ports.PortRefused, match="is not a port number"):
        ports.reserve("127.0.0.1", port)


def test_nobody_is_kept_waiting_before_the_web_server_runs() -> None:
    with ports.reserve("127.0.0.1", 0) as listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(listener.getsockname(), timeout=2)


def test_a_home_has_one_up(tmp_path: Path) -> None:
    with (
        single.only_one(tmp_path, "http://localhost:8000"),
        pytest.raises(single.AlreadyRunning, match=rf"at http://localhost:8000 \(process {os.getpid()}\)"),
        single.only_one(tmp_path, "http://localhost:8001"),
    ):
        pass
    with single.only_one(tmp_path, "http://localhost:8001"):
        pass


def test_static_files_are_collected_once(settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "page.css").write_text("a{}")
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]

    assert static.collect()
    assert not static.collect()
    (source / "page.css").write_text("a{color:red}")
    assert static.collect()
    assert {file.name.split(".")[0] for file in (tmp_path / "collected").glob("*.css")} == {"page"}


def test_progress_in_a_log_is_a_line_now_and_then() -> None:
    paper = StringIO()
    screen = Screen(paper)
    for done in range(1000):
        screen.progress("Demo", done, 1000)
    assert paper.getvalue() == f"  …  Demo {'░' * 30}   0%\n"


def test_a_log_is_read_by_whole_lines(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "logs" / "web.log")
    tail.begin()
    with tail.path.open("w") as log:
        log.write("first\nsec")
        log.flush()
        assert tail.news() == ["first"]
        log.write("ond\n")
        log.flush()
        assert tail.news() == ["second"]


def test_a_large_log_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "web.log"
    with path.open("wb") as log:
        log.truncate(10_000_001)
    Tail(path).begin()
    assert not path.exists()
    assert (tmp_path / "logs" / "web.old.log").exists()


def test_a_child_that_keeps_dying_waits_longer_each_time(tmp_path: Path) -> None:
    child = Child("web", ["/bin/sh", "-c", "echo ERROR broken; exit 3"], tmp_path, tmp_path)
    waits = []
    for _ in range(8):
        child.start()
        child.end(patience=10)
        assert child.ended() == "exit code 3"
        waits.append(child.bury())
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert child.trouble() == ["ERROR broken"]


def test_help_helps() -> None:
    with pytest.raises(SystemExit):
        call_command("up", "--help")
