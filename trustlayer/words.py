"""How platforms, bands and decisions are called and marked on pages: always a word beside the icon."""

from collections.abc import Mapping
from dataclasses import dataclass

from trustlayer.gate import Decision
from trustlayer.health import Status

PLATFORMS: Mapping[str, str] = {"meta": "Meta", "google": "Google", "tiktok": "TikTok", "linkedin": "LinkedIn"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A badge: `tone` is a colour of the design tokens, `icon` stands in scripts/icons.txt."""

    word: str
    tone: str
    icon: str


STATUS: Mapping[str, Mark] = {
    Status.HEALTHY: Mark("Healthy", "ok", "circle-check"),
    Status.DEGRADED: Mark("Degraded", "warn", "alert-triangle"),
    Status.CRITICAL: Mark("Critical", "danger", "alert-circle"),
    Status.LEARNING: Mark("Learning", "info", "progress"),
    Status.STALE: Mark("Too old", "warn", "clock"),
    Status.UNKNOWN: Mark("Unknown", "neutral", "help-circle"),
}
DECISION: Mapping[str, Mark] = {
    Decision.PASS: Mark("PASS", "ok", "circle-check"),
    Decision.HOLD: Mark("HOLD", "warn", "player-pause"),
    Decision.BLOCK: Mark("BLOCK", "danger", "ban"),
}


def platform_name(platform: str) -> str:
    """`Meta`; the workspace's own events have no platform."""
    return PLATFORMS.get(platform, platform) or "Own events"
