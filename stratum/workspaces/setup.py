"""What the ground floor registers of itself."""

from stratum.lib import clock
from stratum.workspaces import limits, queries, registry, schema
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import FirstStep
from stratum.workspaces.services import security

__all__ = ["register", "schema"]  # importing the schema's extensions registers them


def register() -> None:
    security.register()
    limits.register("members", places_taken)
    registry.first_steps.register(
        FirstStep(
            name="write_key",
            label="Add a source",
            sentence="Create a write key and paste its snippet into your website or server.",
            url_name="settings_sources",
            done=has_source,
            right="manage",
            order=10,
        )
    )
    registry.first_steps.register(
        FirstStep(
            name="team",
            label="Invite your team",
            sentence="Colleagues see the same numbers; roles say who may change what.",
            url_name="settings_team",
            done=has_team,
            right="manage",
            order=90,
        )
    )


def places_taken(workspace: Workspace) -> int:
    """An open invitation holds a place."""
    return workspace.members.count() + len(queries.open_invitations(workspace, now=clock.now()))


def has_source(workspace: Workspace) -> bool:
    return workspace.write_keys.filter(revoked_at=None).exists()


def has_team(workspace: Workspace) -> bool:
    return workspace.members.count() > 1 or workspace.invitations.exists()
