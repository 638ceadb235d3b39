"""What can be announced: in `ready()` the rooms register kinds of notification and their part of the summaries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stratum.lib.periods import Period
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Registry

INFO, WARNING, CRITICAL = "info", "warning", "critical"
SEVERITIES = (INFO, WARNING, CRITICAL)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell. A `key` is told once in a workspace. `path` leads to its page."""

    kind: str
    key: str
    title: str
    text: str = ""
    severity: str = INFO
    facts: Sequence[tuple[str, str]] = ()
    path: str = ""
    option: str = ""


@dataclass(frozen=True, slots=True)
class Collected:
    """What has happened since the place that was given, and the place to go on from (JSON)."""

    notices: Sequence[Notice]
    place: Any


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of notification.

    Its room either calls `services.announcing.announce` when something happens, or gives `collect(workspace, place,
    now)`, which is asked every minute; at the first call `place` is None, and nothing that lies behind is told.
    `options` (value, label) are chosen one by one, such as HOLD and BLOCK. `usual`: switched on with the first channel.
    """

    name: str
    label: str
    sentence: str
    options: tuple[tuple[str, str], ...] = ()
    collect: Callable[[Workspace, Any, datetime], Collected] | None = None
    usual: bool = False
    order: int = 100


@dataclass(frozen=True, slots=True)
class Section:
    """A room's part of the summaries: lines (label, value) about a period; without any it is left out."""

    name: str
    title: str
    lines: Callable[[Workspace, Period, datetime], Sequence[tuple[str, str]]]
    order: int = 100


kinds: Registry[Kind] = Registry()
sections: Registry[Section] = Registry()


def ordered_kinds() -> list[Kind]:
    return sorted(kinds.values(), key=lambda kind: (kind.order, kind.name))
