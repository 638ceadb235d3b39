from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.integrations.pipedrive.stage import Stage, staged


@pytest.fixture
def stage(
    workspace: Workspace, by_alice: Actor, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> Iterator[Stage]:
    with staged(workspace, by_alice, monkeypatch, settings) as found:
        yield found
