"""The versions of a workspace's gate policy, and what each of them changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from stratum.workspaces.models import Workspace
from trustlayer.models import PolicyVersion
from trustlayer.policy import Policy

MOST = 50


@dataclass(frozen=True, slots=True)
class Version:
    """`changes` are sentences: what was, and what is. Version 1 is the usual policy, which nobody wrote."""

    version: int
    at: datetime
    who: str
    changes: tuple[str, ...]


def versions(workspace: Workspace) -> list[Version]:
    """The newest first, at most 50."""
    rows = PolicyVersion.objects.filter(workspace=workspace).select_related("created_by").order_by("-version")
    found = list(rows[: MOST + 1])
    bodies = [row.policy for row in found] + ([Policy().to_json()] if len(found) <= MOST else [])
    return [
        Version(row.version, row.created_at, str(row.created_by or "A program"), tuple(changes(before, after)))
        for row, (after, before) in zip(found, pairwise(bodies), strict=False)
    ]


def changes(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """`pass_at: 70 → 75`, `weights.emq: 30 → 20`."""
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from changes(old, new, f"{path}{name}.")
        else:
            yield f"{path}{name}: {_word(old)} → {_word(new)}"


def _word(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "as usual" if value is None else str(value)
