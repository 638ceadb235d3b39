"""What every page's frame shows: the workspace, who is in it, the menu."""

from dataclasses import dataclass
from functools import lru_cache

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from stratum.workspaces import plans, registry
from stratum.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu. Without `url` the room is not built yet and the line is no link."""

    label: str
    url: str | None
    active: bool

    @property
    def planned(self) -> bool:
        return self.url is None


@dataclass(frozen=True, slots=True)
class Section:
    """A group of the menu. One without `items` is a link itself."""

    label: str
    icon: str
    url: str | None
    active: bool
    items: tuple[Entry, ...]

    @property
    def planned(self) -> bool:
        return self.url is None and not self.items


# Label, icon, URL name of a single link, entries (label, URL name).
MENU: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("Home", "home", "home", ()),
    (
        "CDP",
        "users",
        "",
        (
            ("Funnels", "funnel_list"),
            ("Computed Traits", "traits"),
            ("Segments", "segment_list"),
            ("Profiles", "profile_list"),
            ("RFM", "rfm"),
            ("Events", "event_list"),
        ),
    ),
    ("Data Quality", "shield-check", "", (("Signal Health", "signal_health"), ("Audit Logs", "audit_log_list"))),
    (
        "Autopilot",
        "robot",
        "",
        (("Action Queue", "action_list"), ("Rules", "rule_list"), ("Dry-Run History", "dry_run_list")),
    ),
    (
        "Integrations",
        "plug",
        "",
        (("Pipedrive", "pipedrive_status"), ("Ad platforms", "ad_platform_list"), ("Slack", "slack")),
    ),
    (
        "Settings",
        "settings",
        "",
        (
            ("Workspace", "settings_workspace"),
            ("Trust Gate", "settings_trust"),
            ("Autopilot", "settings_autopilot"),
            ("Integrations", "settings_crm"),
            ("Team", "settings_team"),
            ("Plan", "settings_plan"),
            ("API Keys", "settings_api_keys"),
            ("Sources", "settings_sources"),
            ("Notifications", "settings_notifications"),
            ("Exports", "settings_exports"),
        ),
    ),
    ("Help", "help", "help", ()),
)


def room(request: HttpRequest) -> dict[str, object]:
    """`workspace`, `member`, `workspaces` (the user's), `plan`, `menu`, `banners` in a workspace, else nothing."""
    workspace = getattr(request, "workspace", None)
    if workspace is None:
        return {}
    return {
        "workspace": workspace,
        "member": getattr(request, "member", None),
        "workspaces": [membership.workspace for membership in getattr(request, "memberships", [])],
        "plan": plans.of(workspace),
        "menu": menu(request.path),
        "banners": lambda: banners(workspace),  # asked by whole pages only
    }


def banners(workspace: Workspace) -> list[tuple[registry.Banner, str]]:
    """Each with its sentence."""
    told = ((banner, banner.told(workspace)) for banner in registry.banners.values())
    return [(banner, sentence) for banner, sentence in told if sentence]


def menu(path: str) -> tuple[Section, ...]:
    """The menu with the line of `path` marked: of several that lead to it the one that leads nearest."""
    urls = [address(entry) for *_, lines in MENU for _, entry in lines]
    nearest = max((url for url in urls if url and _leads_to(url, path)), key=len, default=None)
    return tuple(_section(path, nearest, *line) for line in MENU)


def _section(
    path: str, nearest: str | None, label: str, icon: str, name: str, lines: tuple[tuple[str, str], ...]
) -> Section:
    entries = tuple(Entry(text, url := address(entry), url is not None and url == nearest) for text, entry in lines)
    url = address(name) if name else None
    active = any(entry.active for entry in entries) or path == url
    return Section(label, icon, url, active, entries)


def _leads_to(url: str, path: str) -> bool:
    return f"{path}/".startswith(url.rstrip("/") + "/")


@lru_cache
def address(name: str) -> str | None:
    """Where a named page lives, or None while it is not built."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return None
