"""The command palette: pages of the menu, and what the rooms find by its words."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from stratum.workspaces import registry
from stratum.workspaces.context import menu
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Found

MOST_OF_A_KIND = 6
ALSO_CALLED = {"Data Quality": "Trust Layer"}  # sections of the menu by another name


@dataclass(frozen=True, slots=True)
class Group:
    """`label` is the plural of what was found: Pages, Funnels, …"""

    label: str
    found: tuple[Found, ...]


def search(workspace: Workspace, words: str) -> list[Group]:
    """Without words the pages alone; groups that found nothing are left out."""
    words = words.strip()
    groups = [Group("Pages", tuple(_pages(words)))]
    if words:
        sources = sorted(registry.palette_sources.values(), key=lambda source: (source.order, source.name))
        groups += [Group(source.label, _of(source, workspace, words)) for source in sources]
    return [group for group in groups if group.found]


def _of(source: registry.PaletteSource, workspace: Workspace, words: str) -> tuple[Found, ...]:
    return tuple(islice(source.find(workspace, words), MOST_OF_A_KIND))


def _pages(words: str) -> Iterator[Found]:
    """Every word stands somewhere in the page's name or its section's names."""
    wanted = words.lower().split()
    for section in menu(""):
        names = f"{section.label} {ALSO_CALLED.get(section.label, '')}"
        lines = [(entry.label, entry.url) for entry in section.items] or [(section.label, section.url)]
        for label, url in lines:
            if url and all(word in f"{names} {label}".lower() for word in wanted):
                yield Found(label, url, section.label if section.items else "")
