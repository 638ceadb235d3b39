"""`manage.py check_engine`: read every byte of the engine's files, and heal what is damaged."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp.engine.errors import Damage
from cdp.services import engine
from stratum.workspaces.models import Workspace


class Command(BaseCommand):
    help = (
        "Read every byte of the analytics engine and name the files that are missing, truncated or altered. "
        "Ends with an error when there are any, unless --heal rebuilt their workspace from PostgreSQL."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="only this one")
        parser.add_argument("--heal", action="store_true", help="rebuild the workspaces in which something is damaged")
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def handle(self, *args: Any, workspace: str | None, heal: bool, **options: Any) -> None:
        found = {one.slug: self._look(one, heal) for one in self._chosen(workspace)}
        damaged = [slug for slug, damage in found.items() if damage]
        if options["json"]:
            self.stdout.write(json.dumps({slug: [asdict(one) for one in damage] for slug, damage in found.items()}))
        else:
            self._tell(found, heal)
        if damaged and not heal:
            raise CommandError(f"Damaged: {', '.join(damaged)}. Run again with --heal to rebuild from PostgreSQL.")

    def _look(self, workspace: Workspace, heal: bool) -> list[Damage]:
        damage = engine.check(workspace)
        if damage and heal:
            engine.heal(workspace, damage)
        return damage

    def _tell(self, found: dict[str, list[Damage]], heal: bool) -> None:
        for slug, damage in found.items():
            for one in damage:
                self.stdout.write(f"{slug}: {one.file} {one.reason}")
            self.stdout.write(f"{slug}: {'rebuilt' if damage and heal else 'damaged' if damage else 'sound'}")

    def _chosen(self, slug: str | None) -> list[Workspace]:
        found = list(Workspace.objects.filter(**{"slug": slug} if slug else {}).order_by("slug"))
        if slug and not found:
            raise CommandError(f"There is no workspace {slug}.")
        return found
