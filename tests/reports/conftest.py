"""An exporter of numbers, and people who ask for it."""

from collections.abc import Mapping
from datetime import datetime

import pytest

from stratum.lib.refusal import Fault, Invalid
from stratum.reports import registry
from stratum.reports.registry import Exporter
from stratum.reports.sheets import Sheet
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace


def numbers(workspace: Workspace, parameters: Mapping[str, str], by: Actor, now: datetime) -> Sheet:
    count = parameters.get("count", "")
    if not count.isdigit():
        raise Invalid([Fault("/count", "Say how many numbers.")])
    rows = ((number, f"={number}") for number in range(int(count)))
    return Sheet("numbers", "All numbers", ("number", "text"), rows, int(count))


@pytest.fixture(autouse=True)
def exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.exporters, "numbers", Exporter("numbers", "Numbers", numbers))
