"""What is set: for the workspace, and for one account of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from autopilot import rails
from autopilot.models import AutopilotSettings
from autopilot.rails import Rails
from integrations.models import AdAccount
from stratum.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Standing:
    """The workspace's settings as they are now. `own` are accounts' rails, as stored, by account."""

    dry_run: bool
    level: str
    rails: Rails
    own: Mapping[int, Mapping[str, Any]]
    stopped_at: datetime | None
    stopped_by: str
    version: int

    @property
    def stopped(self) -> bool:
        return self.stopped_at is not None

    def for_account(self, account_id: int) -> Rails:
        own = self.own.get(account_id)
        return rails.parse(own, base=self.rails) if own else self.rails


def standing(workspace: Workspace) -> Standing:
    """Without a row everything has its usual value: approval required, no caps."""
    rows = AutopilotSettings.objects.filter(workspace=workspace)
    found = {row.account_id: row for row in rows}
    row = found.pop(None, None)
    own = {account: one.rails for account, one in found.items() if account is not None and one.rails}
    if row is None:
        return Standing(False, "approval", Rails(), own, None, "", 1)
    return Standing(row.dry_run, row.level, rails.read(row.rails), own, row.stopped_at, row.stopped_by, row.version)


def accounts(workspace: Workspace) -> list[AdAccount]:
    return list(AdAccount.objects.filter(workspace=workspace, chosen=True).order_by("platform", "name", "pk"))
