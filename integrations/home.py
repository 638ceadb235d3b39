"""What the CRM shows on the first page and on profiles, and what it asks of a new team."""

from dataclasses import dataclass
from datetime import datetime

from integrations.queries import pipedrive as queries
from integrations.queries.pipedrive import FEATURE
from integrations.queries.pipedrive_lists import person_of_profile
from integrations.views.pipedrive_words import HEALTH, Mark
from stratum.workspaces import plans, registry
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import FirstStep, HomeCard, ProfileCard


@dataclass(frozen=True, slots=True)
class SyncCard:
    """`plan` names the cheapest plan that has it, where the workspace's has not."""

    connected: bool
    mark: Mark
    last_sync_at: datetime | None
    persons: int
    errors: int
    plan: str = ""


def sync_card(workspace: Workspace, now: datetime) -> SyncCard:
    status = queries.status(workspace, now=now)
    needed = "" if FEATURE in plans.of(workspace).features else plans.cheapest_with(FEATURE).name
    return SyncCard(
        status.connected,
        HEALTH[status.health],
        status.last_sync_at,
        status.records_synced["persons"],
        status.errors,
        needed,
    )


def has_connected(workspace: Workspace) -> bool:
    return queries.counted(workspace) > 0


def register() -> None:
    registry.home_cards.register(
        HomeCard("pipedrive", "Pipedrive", "integrations/home/pipedrive.html", sync_card, order=60)
    )
    registry.profile_cards.register(
        ProfileCard("pipedrive", "Pipedrive", "integrations/pipedrive/profile.html", person_of_profile, order=10)
    )
    registry.first_steps.register(
        FirstStep(
            name="connect_pipedrive",
            label="Connect Pipedrive",
            sentence="Show sales what marketing knows, and count the revenue they win.",
            url_name="settings_crm",
            done=has_connected,
            right="connect",
            order=60,
        )
    )
