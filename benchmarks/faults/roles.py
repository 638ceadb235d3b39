"""The processes at work on the engine: `python -m benchmarks.faults.roles ROLE WORKSPACE PAUSE`, until killed."""

import os
import sys
import time
from collections.abc import Callable

import django
import psycopg


def main(role: str, workspace_id: int, pause: float) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()
    from django.db import DatabaseError, connection  # noqa: PLC0415  (settings exist after setup)

    from cdp.engine.errors import EngineError  # noqa: PLC0415
    from cdp.queries.engine import engine_of  # noqa: PLC0415
    from cdp.services import engine  # noqa: PLC0415
    from stratum.workspaces.models import Workspace  # noqa: PLC0415

    work: dict[str, Callable[[Workspace], object]] = {
        "projector": engine.keep_up,
        "compactor": lambda workspace: engine_of(workspace).compact(),
        "rebuilder": engine.rebuild,
    }
    workspace = Workspace(pk=workspace_id, slug="faults")
    while True:
        try:
            work[role](workspace)
        except (EngineError, DatabaseError, psycopg.Error) as error:
            print(f"{role}: {error}", flush=True)
            connection.close()
        time.sleep(pause)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
