"""`manage.py verify_ledger`: has anybody touched the audit log?"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace
from trustlayer.services import verification


class Command(BaseCommand):
    help = (
        "Read every entry of the audit log and check it against the chain of hashes, the signed checkpoints and, "
        "with --manifest, against exports that were delivered. Names the first broken entry and ends with 1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workspace", nargs="*", help="slugs; without any, all workspaces")
        parser.add_argument(
            "--manifest", action="append", default=[], type=Path, help="a manifest, or a JSON export with one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        manifests = [read(file) for file in options["manifest"]]
        named = {str(manifest.get("workspace")) for manifest in manifests}
        slugs = set(options["workspace"]) or named
        found = list(Workspace.objects.filter(slug__in=slugs) if slugs else Workspace.objects.order_by("slug"))
        if missing := slugs - {workspace.slug for workspace in found}:
            raise CommandError(f"There is no workspace {', '.join(sorted(missing))}.")
        broken = [workspace.slug for workspace in found if not self.is_whole(workspace, manifests)]
        if broken:
            raise CommandError(f"Broken: {', '.join(broken)}.")

    def is_whole(self, workspace: Workspace, manifests: list[dict[str, Any]]) -> bool:
        mine = [manifest for manifest in manifests if manifest.get("workspace") == workspace.slug]
        try:
            result = verification.check(workspace, mine)
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        if result.broken:
            self.stderr.write(f"{workspace.slug}: {result.broken.sentence}")
            return False
        self.stdout.write(f"{workspace.slug}: {result.entries} entries hold together, the last is {result.last}.")
        return True


def read(file: Path) -> dict[str, Any]:
    """A manifest by itself, or the one inside a JSON export."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read as JSON: {error}") from error
    manifest = document.get("manifest", document) if isinstance(document, dict) else None
    if not isinstance(manifest, dict):
        raise CommandError(f"{file} holds no manifest.")
    return manifest
