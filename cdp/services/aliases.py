"""The workspace's own lines of the alias table. They hold for messages that arrive from now on."""

from collections.abc import Iterator, Sequence

from django.db import transaction

from cdp.models import EventAlias
from cdp.tracking.read import LONGEST_NAME
from stratum.lib import problems
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

MOST_LINES = 400  # a form may have 1,000 fields

Line = tuple[str, str]


@transaction.atomic
def replace(*, workspace: Workspace, by: Actor, lines: Sequence[Line]) -> None:
    """Put `lines`, (name as sent, name to count it by), in place of all of the workspace's own ones."""
    told = [(original.strip(), name.strip()) for original, name in lines]
    if faults := list(_faults(told)):
        raise Invalid(faults)
    Workspace.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=workspace.pk)
    workspace.event_aliases.all().delete()
    EventAlias.objects.bulk_create(
        EventAlias(workspace=workspace, original=original, name=name) for original, name in told
    )


def put(*, workspace: Workspace, by: Actor, original: str, name: str) -> None:
    """Add or change one line."""
    others = workspace.event_aliases.exclude(original=original.strip()).values_list("original", "name")
    replace(workspace=workspace, by=by, lines=[*others, (original, name)])


def remove(*, workspace: Workspace, by: Actor, original: str) -> None:
    workspace.event_aliases.filter(original=original).delete()


def _faults(lines: Sequence[Line]) -> Iterator[Fault]:
    if len(lines) > MOST_LINES:
        yield Fault("/aliases", f"Keep at most {MOST_LINES} lines; these are {len(lines)}.", "too_many")
    seen: set[str] = set()
    for index, (original, name) in enumerate(lines):
        yield from _text_faults(f"/aliases/{index}/original", original, "Write the name as it is sent.")
        yield from _text_faults(f"/aliases/{index}/name", name, "Write the name to count it by.")
        if original and original in seen:
            yield Fault(f"/aliases/{index}/original", f"“{original[:80]}” has a line already.", "duplicate")
        seen.add(original)


def _text_faults(pointer: str, text: str, when_empty: str) -> Iterator[Fault]:
    if not text:
        yield Fault(pointer, when_empty, "required")
    if len(text) > LONGEST_NAME:
        yield Fault(pointer, f"An event's name may have at most {LONGEST_NAME} characters.", "too_long")
    yield from problems.unstorable(text, pointer)
