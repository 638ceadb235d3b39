"""`manage.py backtest_projection`: how projections would have turned out on past days.

A week on which nothing was executed is a placebo, a pretended change of nothing: the range of the noise, with what was
known then, should hold the difference that came in 80 % of them.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from autopilot.queries import backtest
from stratum.workspaces.models import Workspace


class Command(BaseCommand):
    help = "Score the projection method on the stored history of a workspace (or of all)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", help="its slug; all without one")

    def handle(self, *args: Any, workspace: str | None = None, **options: Any) -> None:
        rows = Workspace.objects.order_by("pk")
        if workspace:
            rows = rows.filter(slug=workspace)
            if not rows:
                raise CommandError(f"There is no workspace “{workspace}”.")
        for one in rows:
            found = backtest.placebos(one)
            for scores in found:
                self.stdout.write(
                    f"{one.slug}: {scores.count} placebo changes (method {scores.version}), {scores.coverage:.0%} "
                    f"inside the 80 % range (95 %: {scores.low95:.0%}–{scores.high95:.0%}), interval score "
                    f"{scores.interval_score:.2f}, mean width {scores.width:.2f} conversions a day"
                )
            if not found:
                days = backtest.FEWEST_DAYS
                self.stdout.write(f"{one.slug}: no campaign has {days} settled days of metrics without a change.")
