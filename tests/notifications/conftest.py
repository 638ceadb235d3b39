"""A Slack on loopback that answers as told, and a workspace connected to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import pytest

from stratum.lib import seal
from stratum.notifications import registry
from stratum.notifications.models import SlackConnection, Subscription
from stratum.notifications.registry import Kind, Notice
from stratum.notifications.services.announcing import announce
from stratum.workspaces.models import Workspace
from stratum.workspaces.tasks import tick
from tests.wire import Received, Reply, Server, serving

OK = Reply(200, b"ok", {"Content-Type": "text/html"})


@dataclass(slots=True)
class Slack:
    """`replies` are given in turn, then `ok`."""

    server: Server
    replies: list[Reply] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.server.url}/services/T0/B0/secret1234"

    @property
    def received(self) -> list[dict[str, Any]]:
        return [orjson.loads(request.body) for request in self.server.received]


@pytest.fixture
def slack_server() -> Iterator[Slack]:
    made: list[Slack] = []

    def answer(_: Received) -> Reply:
        return made[0].replies.pop(0) if made[0].replies else OK

    with serving(answer) as server:
        made.append(Slack(server))
        yield made[0]


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> Kind:
    kind = Kind("floods", "Floods", "When water comes.", options=(("river", "River"), ("sea", "Sea")))
    monkeypatch.setitem(registry.kinds, "floods", kind)
    return kind


@pytest.fixture
def connected(workspace: Workspace, slack_server: Slack, now: datetime) -> Slack:
    """Slack takes floods of the river."""
    SlackConnection.objects.create(
        workspace=workspace, sealed_url=seal.seal(slack_server.url), hint="1234", connected_at=now
    )
    Subscription.objects.create(workspace=workspace, kind="floods", slack=True, options=["river"])
    return slack_server


Tell = Callable[..., int]


@pytest.fixture
def tell(workspace: Workspace, now: datetime, django_capture_on_commit_callbacks) -> Tell:
    """`tell(key="a", title=…)`: a flood is announced, and its messages are attempted."""

    def told(*, at: datetime = now, **fields: Any) -> int:
        notice = Notice(**{"kind": "floods", "key": "flood:1", "title": "Water!", "option": "river", **fields})
        with django_capture_on_commit_callbacks(execute=True):
            return announce(workspace=workspace, notices=[notice], now=at)

    return told


@pytest.fixture
def pass_time(move_clock, django_capture_on_commit_callbacks):
    def passed(instant: datetime) -> None:
        move_clock(instant)
        with django_capture_on_commit_callbacks(execute=True):
            tick()

    return passed
