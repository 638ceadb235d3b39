"""The workspace's gate policy: versions that follow each other, each told in the book."""

from datetime import datetime

from django.db import transaction

from stratum.lib.refusal import Refusal
from stratum.workspaces import access
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer.models import LedgerEntry, PolicyVersion
from trustlayer.policy import Policy, parse_policy
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft


def current(workspace: Workspace) -> Policy:
    """The newest version, else the usual one, which is version 1."""
    newest = PolicyVersion.objects.filter(workspace=workspace).order_by("-version").first()
    return Policy() if newest is None else parse_policy(newest.policy, version=newest.version)


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
