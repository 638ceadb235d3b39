"""The demo workspace's ad platforms: connections to the sandboxes, as if they had been there for a month."""

from datetime import datetime, timedelta

from django.db import transaction

from integrations.models import AdAccount, AdConnection, SandboxState
from integrations.sandbox.world import load
from integrations.services import sandbox
from integrations.services.ad_calls import label
from integrations.services.ad_signals import LAST_SYNC, source_of
from stratum.workspaces.models import Workspace
from trustlayer.models import SignalReading, SignalSource
from trustlayer.services import calls, readings
from trustlayer.services.readings import NewReading

AGE = timedelta(days=30)  # longer than a source of readings takes to be trusted
PLATFORMS = ("meta", "google")


@transaction.atomic
def build(workspace: Workspace, now: datetime) -> None:
    """Once; what somebody disconnected or changed since stays so. The next tick reads everything."""
    for platform in PLATFORMS:
        if not SandboxState.objects.filter(workspace=workspace, platform=platform).exists():
            _connect(workspace, platform, now)


def _connect(workspace: Workspace, platform: str, now: datetime) -> None:
    world = load(sandbox.found(workspace, platform, now=now).state)
    connection = AdConnection.objects.create(
        workspace=workspace,
        platform=platform,
        sandbox=True,
        name=world.owner,
        created_at=now,
        next_sync_at=now,
    )
    for shop in world.accounts.values():
        AdAccount.objects.create(
            workspace=workspace,
            connection=connection,
            platform=platform,
            external_id=shop.id,
            name=shop.name,
            currency=shop.currency,
            time_zone=shop.time_zone,
        )
    told = [
        NewReading("api_health", 0.0, now, calls.SOURCE, platform, since=now - AGE),
        NewReading("freshness", 0.0, now, LAST_SYNC, platform, since=now - AGE),
    ]
    readings.report(workspace=workspace, readings=told, now=now)


@transaction.atomic
def remove(workspace: Workspace, now: datetime) -> None:
    """With everything that was read from the sandboxes and told of it. Real connections of a platform report again."""
    for connection in AdConnection.objects.filter(workspace=workspace, sandbox=True):
        calls.forget(workspace=workspace, platform=connection.platform, connection=label(connection))
        sources = [LAST_SYNC, calls.SOURCE, *(source_of(account) for account in connection.accounts.all())]
        for model in (SignalReading, SignalSource):
            told = model.objects.filter(workspace=workspace, platform=connection.platform)
            told.filter(source__in=sources).delete()
        connection.delete()
    SandboxState.objects.filter(workspace=workspace).delete()
