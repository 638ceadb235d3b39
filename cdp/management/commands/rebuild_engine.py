"""`manage.py rebuild_engine`: read the truth again into new engine files, which then replace the old ones."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp.services.engine import rebuild
from stratum.workspaces.models import Workspace


class Command(BaseCommand):
    help = (
        "Rebuild the analytics engine from PostgreSQL: all workspaces, or the ones named. Safe at any time: "
        "events stay in PostgreSQL, ingestion goes on, and the old files answer until the new ones are complete."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workspaces", nargs="*", metavar="WORKSPACE", help="slugs; none means all")
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        done = []
        for workspace in self._chosen(options["workspaces"]):
            rebuilt = rebuild(workspace)
            done.append(asdict(rebuilt))
            if not options["json"]:
                self.stdout.write(f"{rebuilt.workspace}: {rebuilt.events:,} events in {rebuilt.seconds:.1f} s")
        if options["json"]:
            self.stdout.write(json.dumps({"workspaces": done}))

    def _chosen(self, slugs: list[str]) -> list[Workspace]:
        if not slugs:
            return list(Workspace.objects.order_by("slug"))
        found = {workspace.slug: workspace for workspace in Workspace.objects.filter(slug__in=slugs)}
        missing = [slug for slug in slugs if slug not in found]
        if missing:
            raise CommandError(f"There is no workspace {', '.join(missing)}.")
        return [found[slug] for slug in slugs]
