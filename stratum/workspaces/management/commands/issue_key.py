"""Issue an API key or a write key from the command line."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from stratum.lib import clock
from stratum.lib.refusal import Refusal
from stratum.workspaces import queries, roles, services
from stratum.workspaces.access import SYSTEM


class Command(BaseCommand):
    help = (
        "Issue a key and print it; it cannot be shown again. An API key reads and builds through /api/v1; a write key "
        "only sends events to the tracking API."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workspace", help="The workspace's slug.")
        parser.add_argument("--kind", required=True, choices=["api", "write"], help="What the key opens.")
        parser.add_argument("--name", default="Command line", help="To know it again by. Default: %(default)s.")
        parser.add_argument(
            "--scope",
            action="extend",
            type=scopes,
            metavar="SCOPE",
            help=f"What an API key may do: {', '.join(roles.SCOPES)}; repeat it, or part them by commas, for several. "
            "Without it: everything.",
        )
        parser.add_argument(
            "--client-side",
            action="store_true",
            help="A write key used in browsers and apps, whose clocks may be wrong.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        check(options)
        try:
            issued = issue(options)
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(issued))
            return
        self.stderr.write(f"Key “{issued['name']}” of {issued['workspace']}, shown only now:")
        self.stdout.write(str(issued["key"]))


def scopes(text: str) -> list[str]:
    named = [name.strip() for name in text.split(",")]
    if unknown := [name for name in named if name not in roles.SCOPES]:
        raise ArgumentTypeError(f"there is no scope “{unknown[0]}”; choose from {', '.join(roles.SCOPES)}")
    return named


def check(options: dict[str, Any]) -> None:
    if options["kind"] == "write" and options["scope"]:
        raise CommandError("A write key has no scopes: it may send events and nothing else. Leave --scope out.")
    if options["kind"] == "api" and options["client_side"]:
        raise CommandError("--client-side is about write keys. Use it with --kind write.")


def issue(options: dict[str, Any]) -> dict[str, object]:
    workspace = queries.workspace(options["workspace"])
    shown: dict[str, object] = {"kind": options["kind"], "workspace": workspace.slug, "name": options["name"]}
    if options["kind"] == "write":
        write_key, text = services.issue_write_key(
            workspace=workspace,
            by=SYSTEM,
            name=options["name"],
            client_side=options["client_side"],
            now=clock.now(),
        )
        return {"key": text, **shown, "client_side": write_key.client_side}
    api_key, text = services.issue_api_key(
        workspace=workspace, by=SYSTEM, name=options["name"], scopes=options["scope"], now=clock.now()
    )
    return {"key": text, **shown, "scopes": api_key.scopes}
