"""`manage.py move_engine --to clickhouse://…`: bring workspaces to another analytics engine, and back."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp.engine.errors import EngineError
from cdp.services.engine_moves import Moved, Progress, move
from stratum.lib import clock
from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace

PATIENCE = 1.0  # seconds between two lines


class Command(BaseCommand):
    help = (
        "Move the analytics of workspaces to another engine: copies what PostgreSQL holds, compares both engines, and "
        "switches only when they agree. Safe at any time: events come in and questions are answered meanwhile. "
        "Interrupted, the same command goes on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--to",
            required=True,
            metavar="ADDRESS",
            help="clickhouse://user:password@host/name, columnar for the files of this installation, or columnar:///path",
        )
        parser.add_argument("--workspace", metavar="SLUG", help="only this one; else all, one after the other")
        parser.add_argument(
            "--seed", type=int, help="chooses the questions that are compared; else they are new each time"
        )

    def handle(self, *args: Any, to: str, workspace: str | None, seed: int | None, **options: Any) -> None:
        failed = [one.slug for one in self._chosen(workspace) if not self._move(one, to, seed)]
        if failed:
            raise CommandError(f"Not moved: {', '.join(failed)}.")

    def _move(self, workspace: Workspace, to: str, seed: int | None) -> bool:
        """Whether it is there now. What holds one workspace up does not hold up the others."""
        try:
            moved = move(workspace=workspace, to=to, now=clock.now(), tell=_Lines(self, workspace.slug), seed=seed)
        except KeyboardInterrupt:
            raise CommandError(f"{workspace.slug}: interrupted. The same command goes on from here.") from None
        except (Refusal, EngineError) as error:
            self.stderr.write(f"{workspace.slug}: {error}")
            return isinstance(error, Refusal) and error.code == "already_there"
        self._tell(moved)
        return True

    def _tell(self, moved: Moved) -> None:
        for refused in moved.refused:
            self.stdout.write(f"{moved.workspace}: not compared, one engine does not answer it: {refused}")
        self.stdout.write(
            f"{moved.workspace}: moved. {moved.rows:,} rows in {moved.seconds:.1f} s, {moved.events:,} events count, "
            f"{moved.compared} questions answered alike."
        )

    def _chosen(self, slug: str | None) -> list[Workspace]:
        found = list(Workspace.objects.filter(**{"slug": slug} if slug else {}).order_by("slug"))
        if slug and not found:
            raise CommandError(f"There is no workspace {slug}.")
        return found


class _Lines:
    """A line now and then."""

    def __init__(self, command: BaseCommand, slug: str) -> None:
        self.command, self.slug, self.shown = command, slug, float("-inf")

    def __call__(self, told: Progress) -> None:
        is_last = told.done >= told.total
        if time.monotonic() - self.shown < PATIENCE and not is_last:
            return
        self.shown = time.monotonic()
        line = f"{self.slug}: {told.stage} {told.done:,} of {told.total:,}"
        if told.stage == "copied" and told.resumed and told.done == told.resumed:
            line += ", copied by an earlier run"
        if told.rate and told.seconds_left is not None and told.stage == "copied":
            line += f", {told.rate:,.0f} rows/s, {told.seconds_left:,.0f} s left"
        self.command.stdout.write(line)
        self.command.stdout.flush()
