"""Which tables can be exported: the rooms register theirs in their `ready()`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from stratum.reports.sheets import Sheet
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Registry

Prepare = Callable[[Workspace, Mapping[str, str], Actor, datetime], Sheet]


@dataclass(frozen=True, slots=True)
class Exporter:
    """`prepare(workspace, parameters, by, now)` reads the parameters (or refuses) and gives the sheet.

    `personal`: its rows name people, so its files go as soon as somebody is erased. `standalone`: it needs no
    parameters, so it can be scheduled from Settings too. `feature`: a plan without it makes no schedules of it.
    """

    name: str
    label: str
    prepare: Prepare
    personal: bool = True
    standalone: bool = False
    feature: str = ""


exporters: Registry[Exporter] = Registry()
