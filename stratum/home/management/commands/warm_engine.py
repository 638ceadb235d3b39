"""Compile the engine's kernels before anybody waits for them: part of a deployment."""

from typing import Any

from django.core.management.base import BaseCommand

from cdp.engine.columnar.warm import warm


class Command(BaseCommand):
    help = "Compile the engine's kernels: about a minute once per machine and release, later under a second."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        warm()
        self.stdout.write("The engine's kernels are compiled.")
