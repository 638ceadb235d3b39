"""Rules read."""

from autopilot.models import Rule
from stratum.workspaces.models import Workspace


def names(workspace: Workspace) -> list[tuple[str, str]]:
    """Id and name of every rule that there is."""
    rows = Rule.objects.filter(workspace=workspace, archived_at=None).order_by("name").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]
