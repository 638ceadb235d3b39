"""A run from its beginning to its end."""

from integrations.models import PipedriveRun
from stratum.lib.refusal import Refusal
from stratum.workspaces.jobs import Run


def work(held: Run) -> None:
    run = PipedriveRun.objects.get(pk=held.job.arguments["run_id"])
    run.state, run.error = PipedriveRun.State.FAILED, "Synchronising is not built yet."
    run.save(update_fields=["state", "error"])
    raise Refusal("not_built", run.error)
