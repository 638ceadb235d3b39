"""The workspace's gate policy: versions that follow each other, each told in the book."""

import json
from datetime import datetime
from functools import lru_cache

from django.db import transaction

from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Refusal
from stratum.workspaces import access
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer.models import LedgerEntry, PolicyVersion
from trustlayer.policy import Policy, parse_policy
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft

_NEWEST = """
    SELECT policy::text, version FROM trustlayer_policyversion WHERE workspace_id = %s ORDER BY version DESC LIMIT 1
"""


def current(workspace: Workspace) -> Policy:
    """The newest version, else the usual one, which is version 1."""
    with raw_cursor() as cursor:
        newest = cursor.execute(_NEWEST, [workspace.pk], prepare=True).fetchone()
    return Policy() if newest is None else _parsed(*newest)


@lru_cache(maxsize=1_000)
def _parsed(text: str, version: int) -> Policy:
    """By its text, so that no change can be missed; every decision asks for it."""
    return parse_policy(json.loads(text), version=version)


def change(*, workspace: Workspace, by: Actor, body: object, now: datetime, expected: object = None) -> Policy:
    """A new version; nothing when it says what the present one says. Raises Invalid.

    `expected`: the version that was read before; refused when it is no longer the present one.
    """
    access.demand(by, "connect")
    wanted = parse_policy(body)
    with transaction.atomic():
        ledger.hold(workspace)
        present = current(workspace)
        if expected is not None and expected != present.version:
            raise Refusal(
                "policy_changed", f"The policy is at version {present.version} by now. Read it again, then change it."
            )
        if wanted.to_json() == present.to_json():
            return present
        version = PolicyVersion.objects.create(
            workspace=workspace,
            version=present.version + 1,
            policy=wanted.to_json(),
            created_by=by.user,
            created_at=now,
        ).version
        ledger.append(workspace=workspace, drafts=[_told(present, wanted, version, by)], now=now)
    return parse_policy(wanted.to_json(), version=version)


def _told(present: Policy, wanted: Policy, version: int, by: Actor) -> Draft:
    before, after = present.to_json(), wanted.to_json()
    changed = {name: {"before": before[name], "after": after[name]} for name in after if before[name] != after[name]}
    return Draft(
        kind=LedgerEntry.Kind.POLICY,
        reason=f"{by.label} changed the gate policy: {', '.join(changed)}",
        reason_code="policy_changed",
        action="policy_change",
        by=by,
        policy_version=version,
        evidence={"changed": changed},
    )
