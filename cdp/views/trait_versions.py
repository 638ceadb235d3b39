"""What has changed between two versions of a trait, line by line of their YAML."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cdp.definitions.trait_words import sentence
from cdp.definitions.trait_yaml import write_yaml
from cdp.definitions.traits import parse_stored
from cdp.models import Trait, TraitVersion
from cdp.queries import traits as queries
from stratum.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Difference:
    """A key of the YAML whose value is another one; empty where the key was not there."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version with what it changed against the one before; `differences` is None for the first."""

    number: int
    note: str
    at: datetime
    by: str
    sentence: str
    serves: bool
    is_next: bool
    differences: tuple[Difference, ...] | None


def version_lines(workspace: Workspace, trait: Trait) -> list[VersionLine]:
    """The newest first."""
    versions = list(queries.versions(trait))
    texts = [_yaml(workspace, version) for version in versions]
    befores: Sequence[str | None] = [*texts[1:], None]
    return [
        VersionLine(
            number=version.number,
            note=version.note,
            at=version.created_at,
            by=str(version.created_by or "API"),
            sentence=sentence(parse_stored(version.definition, queries.zone_of(workspace))),
            serves=version.number == trait.version,
            is_next=version.number == trait.next_version,
            differences=None if before is None else differences(before, text),
        )
        for version, text, before in zip(versions, texts, befores, strict=True)
    ]


def _yaml(workspace: Workspace, version: TraitVersion) -> str:
    return write_yaml(parse_stored(version.definition, queries.zone_of(workspace)))


def differences(before: str, after: str) -> tuple[Difference, ...]:
    """In the order of the later text; what it dropped comes last."""
    old, new = entries(before), entries(after)
    keys = dict.fromkeys([*new, *old])
    return tuple(
        Difference(key, old.get(key, ""), new.get(key, "")) for key in keys if old.get(key, "") != new.get(key, "")
    )


def entries(yaml: str) -> dict[str, str]:
    """The outermost keys, each with its text: lines that are further in belong to the key above them."""
    found: dict[str, str] = {}
    key = ""
    for line in yaml.splitlines():
        if line[:1].isspace() or line.startswith("-"):
            found[key] = f"{found.get(key, '')}\n{line}".strip("\n")
        elif ":" in line:
            key, _, value = line.partition(":")
            found[key] = value.strip()
    return found
