"""An entry of the book as JSON: the same in the API and in exports."""

from typing import Any

import orjson

from trustlayer import chain
from trustlayer.models import LedgerEntry


def entry_json(entry: LedgerEntry) -> dict[str, Any]:
    """The fields of the manual's §4.3 and §4.4, and what the decision rested on."""
    evidence = orjson.loads(entry.evidence)
    return {
        "id": str(entry.pk),
        "seq": entry.seq,
        "kind": entry.kind,
        "timestamp": chain.instant(entry.timestamp),
        "decision": entry.decision or None,
        "signal_health": entry.signal_health,
        "reason": entry.reason,
        "reason_code": entry.reason_code,
        "action": entry.action,
        "entity": entry.entity,
        "change": entry.change or None,
        "blocked_reason": entry.blocked_reason,
        "user": entry.user or None,
        "entity_ref": {
            "type": entry.entity_type,
            "id": entry.entity_id,
            "name": entry.entity_name,
            "platform": entry.platform,
            "account": entry.account,
        },
        "change_detail": evidence.get("change_detail", {}),
        "actor_type": entry.actor_type,
        "is_dry_run": entry.is_dry_run,
        "thresholds": evidence.get("thresholds", {}),
        "signals": evidence.get("signals", []),
        "caps": evidence.get("caps", []),
        "checks": evidence.get("checks", []),
        "policy_version": entry.policy_version,
        "action_id": entry.action_id or None,
        "request_id": entry.request_id or None,
        "evidence": evidence,
        "prev_hash": entry.prev_hash,
        "entry_hash": entry.entry_hash,
    }
