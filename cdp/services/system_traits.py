"""The traits that every workspace has, ready-made: spending, mail, and where somebody came from."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from cdp.definitions.traits import SYSTEM_NAMES, parse_stored
from cdp.models import Trait
from cdp.queries.traits import zone_of
from stratum.workspaces import plans
from stratum.workspaces.models import Workspace

FEATURE = "computed_traits"
TOUCHES = {"platform": "$platform", "campaign": "$campaign", "source": "$source"}


def ensure(workspace: Workspace, *, now: datetime) -> int:
    """Add those that the workspace lacks; how many that were. The next round of the worker computes them all."""
    if FEATURE not in plans.of(workspace).features:
        return 0
    known = set(workspace.traits.filter(is_system=True, deleted_at=None).values_list("name", flat=True))
    if known.issuperset(SYSTEM_NAMES):
        return 0
    with transaction.atomic():
        Workspace.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=workspace.pk)
        known = set(workspace.traits.filter(is_system=True, deleted_at=None).values_list("name", flat=True))
        missing = [body for body in definitions() if body["name"] not in known]
        for body in missing:
            _add(workspace, body, now)
    return len(missing)


def _add(workspace: Workspace, body: dict[str, Any], now: datetime) -> None:
    definition = parse_stored(body, zone_of(workspace))
    trait = Trait.objects.create(
        workspace=workspace,
        name=definition.name,
        label=definition.label,
        description=definition.description,
        definition=definition.to_json(),
        frequency=definition.frequency,
        status=Trait.Status.COMPUTING,
        is_system=True,
        version=1,
        created_at=now,
        updated_at=now,
    )
    trait.versions.create(number=1, definition=trait.definition, created_at=now)


def definitions() -> Iterator[dict[str, Any]]:
    """Money is in the one currency that the purchases have; of several in the workspace's."""
    spent = {"kind": "aggregation", "fn": "sum", "event": "purchase", "property": "revenue"}
    yield {**spent, "name": "total_spend", "label": "Total Spend"}
    yield {**spent, "name": "total_spend_lifetime", "label": "Total Spend (Lifetime)"}
    yield {
        "name": "last_purchase_date",
        "label": "Last Purchase Date",
        "kind": "last",
        "event": "purchase",
        "property": "timestamp",
    }
    yield {
        "name": "purchase_count",
        "label": "Purchase Count",
        "kind": "aggregation",
        "fn": "count",
        "event": "purchase",
    }
    month = {"last": "P30D"}
    yield {
        "name": "email_open_rate_30d",
        "label": "Email Open Rate (30 Days)",
        "kind": "ratio",
        "numerator": {"event": "email_opened", "window": month},
        "denominator": {"event": "email_delivered", "window": month},
    }
    for kind in ("first", "last"):
        for name, source in TOUCHES.items():
            label = f"{kind.capitalize()} Touch {name.capitalize()}"
            yield {"name": f"{kind}_touch_{name}", "label": label, "kind": kind, "event": "*", "property": source}
    yield {
        **spent,
        "name": "attributed_revenue",
        "label": "Attributed Revenue",
        "description": "What was spent since the first touch.",
    }
