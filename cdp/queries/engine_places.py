"""Which engine a workspace is asked on: the one that it was moved to, else ENGINE_URL."""

from urllib.parse import urlsplit

from django.conf import settings

from cdp.engine.errors import EngineError
from cdp.models import EnginePlace
from stratum.lib import seal
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

COLUMNAR = "columnar"


def address_of(workspace: Workspace) -> str:
    """Asked anew every time, so that every process notices a move at once."""
    with raw_cursor() as cursor:
        cursor.execute(_ADDRESS, [workspace.pk], prepare=True)
        (sealed,) = cursor.fetchone() or ("",)
    return resolved(opened(sealed)) if sealed else str(settings.ENGINE_URL)


def resolved(address: str) -> str:
    """The bare word `columnar` is the folder of this installation, wherever that lies."""
    if address != COLUMNAR:
        return address
    url = str(settings.ENGINE_URL)
    return url if url.startswith(f"{COLUMNAR}:") else f"{COLUMNAR}://{settings.HOME / 'engine'}"


def is_same(one: str, other: str) -> bool:
    """Whether two addresses lead to one place, whoever signs in there."""
    return _where(one) == _where(other)


def _where(address: str) -> tuple[str, str | None, int, str]:
    """The two usual ports of a ClickHouse server are two doors of one house."""
    parts = urlsplit(address)
    port = 0 if parts.port in (None, 8123, 8443) else int(parts.port or 0)
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/")


def place_of(workspace: Workspace) -> EnginePlace:
    return EnginePlace.objects.filter(workspace=workspace).first() or EnginePlace(workspace=workspace)


def opened(sealed: str) -> str:
    """An address as it was given; empty for none."""
    try:
        return seal.unseal(sealed) if sealed else ""
    except ValueError as error:
        raise EngineError(
            "The address of this workspace's engine was sealed under another SECRET_KEY: "
            "add that one to SECRET_KEY_FALLBACKS."
        ) from error


_ADDRESS = "SELECT address FROM cdp_engineplace WHERE workspace_id = %s"
