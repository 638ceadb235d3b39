"""What stands on the overview of integrations: each room registers its card in `integrations.registrations`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Registry


@dataclass(frozen=True, slots=True)
class Standing:
    """How an integration is doing: `tone`, `icon` and `word` of its badge, and short sentences below it."""

    tone: str
    icon: str
    word: str
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Integration:
    """`url_name` is its page; `look(workspace, now)` tells how it is doing."""

    name: str
    title: str
    icon: str
    sentence: str
    url_name: str
    look: Callable[[Workspace, datetime], Standing]
    order: int = 100


integrations: Registry[Integration] = Registry()
NOT_CONNECTED = Standing("neutral", "unlink", "Not connected")
