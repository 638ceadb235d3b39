"""What the command palette finds in the customer data rooms."""

from collections.abc import Iterator

from django.urls import reverse

from cdp.queries import profiles
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Found, PaletteSource, palette_sources


def register() -> None:
    palette_sources.register(PaletteSource("funnels", "Funnels", funnels, order=10))
    palette_sources.register(PaletteSource("traits", "Computed Traits", traits, order=20))
    palette_sources.register(PaletteSource("segments", "Segments", segments, order=30))
    palette_sources.register(PaletteSource("profiles", "Profiles", people, order=40))


def funnels(workspace: Workspace, words: str) -> Iterator[Found]:
    for funnel in workspace.funnels.filter(archived_at=None, name__icontains=words).order_by("name"):
        yield Found(funnel.name, reverse("funnel_detail", args=[funnel.pk]))


def traits(workspace: Workspace, words: str) -> Iterator[Found]:
    named = workspace.traits.filter(deleted_at=None)
    found = named.filter(name__icontains=words.replace(" ", "_")) | named.filter(label__icontains=words)
    for trait in found.order_by("name"):
        yield Found(trait.label or trait.name, reverse("trait", args=[trait.pk]), trait.name)


def segments(workspace: Workspace, words: str) -> Iterator[Found]:
    for segment in workspace.segments.filter(archived_at=None, name__icontains=words).order_by("name"):
        yield Found(segment.name, reverse("segment_detail", args=[segment.pk]))


def people(workspace: Workspace, words: str) -> Iterator[Found]:
    """By number or the beginning of an identifier."""
    keys = profiles.search(workspace, words)
    names = profiles.names(workspace, keys[:20])
    for key in keys[:20]:
        yield Found(names[key], reverse("profile_detail", args=[key]), f"Profile {key}")
