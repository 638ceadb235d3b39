"""Time zones as platforms name them: an account's days are its own, so a zone that nobody knows is no account's."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stratum.lib.http import Garbled


def known_zone(told: object) -> str:
    """UTC where none is told. Raises Garbled."""
    name = str(told or "UTC")
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Garbled(f"The platform sent the unknown time zone “{name[:40]}”.") from None
