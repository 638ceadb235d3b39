"""Addresses of routes with rows of a workspace in the place of their parameters."""

import re
from collections.abc import Iterator, Mapping, Sequence

from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from autopilot.models import Action, DryRun, Rule
from cdp.models import Event, Funnel, Profile, RejectedItem, Segment, Trait
from integrations.models import (
    AdAccount,
    AdConnection,
    AdEntity,
    PipedriveConflict,
    PipedriveDuplicate,
    PipedriveRow,
    PipedriveRun,
)
from stratum.reports.models import Export, ExportSchedule, SavedView
from stratum.support.models import Conversation
from stratum.workspaces.models import Invitation, Job, Member, Workspace
from trustlayer.models import Checkpoint, LedgerEntry

MOST_ROWS = 5  # of one kind
# Where a parameter of a path finds rows that exist.
MODELS: Mapping[str, type[Model]] = {
    "funnel_id": Funnel,
    "trait_id": Trait,
    "segment_id": Segment,
    "profile_id": Profile,
    "event_id": Event,
    "item_id": RejectedItem,
    "action_id": Action,
    "dry_run_id": DryRun,
    "rule_id": Rule,
    "connection_id": AdConnection,
    "account_id": AdAccount,
    "entity_id": AdEntity,
    "run_id": PipedriveRun,
    "row_id": PipedriveRow,
    "duplicate_id": PipedriveDuplicate,
    "conflict_id": PipedriveConflict,
    "entry_id": LedgerEntry,
    "checkpoint_id": Checkpoint,
    "job_id": Job,
    "export_id": Export,
    "schedule_id": ExportSchedule,
    "view_id": SavedView,
    "conversation_id": Conversation,
    "member_id": Member,
    "invitation_id": Invitation,
}
OWNERS = {
    "row_id": "run__connection__workspace",
    "duplicate_id": "connection__workspace",
    "conflict_id": "connection__workspace",
    "account_id": "connection__workspace",
}
# Parameters that name no row.
WORDS = {"exporter": "audit_logs", "template": "purchase", "number": "1", "version": "1", "platform": "meta"}


def routes(patterns: Sequence[URLPattern | URLResolver] | None = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(name, address) of every route with a name but Django admin's."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":
                yield from routes(pattern.url_patterns, address)
        elif pattern.name:
            yield pattern.name, address


def keys_of(parameter: str, workspace: Workspace) -> list[str]:
    """Of the oldest rows, in an order that each run repeats although the keys are made up."""
    model = MODELS[parameter]
    fields = {field.name for field in model._meta.fields}
    order = [field for field in ("created_at", "name", "pk") if field in fields or field == "pk"]
    rows = model._default_manager.filter(**{OWNERS.get(parameter, "workspace"): workspace}).order_by(*order)
    return [str(key) for key in rows.values_list("pk", flat=True)[:MOST_ROWS]]


def filled(address: str, workspace: Workspace) -> str | None:
    """`/…` with the newest of those rows for each parameter; None where there is no row."""
    found = {name: _value(name, workspace) for name in re.findall(r"<(?:\w+:)?(\w+)>", address)}
    if None in found.values():
        return None
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda parameter: str(found[parameter[1]]), address)


def _value(parameter: str, workspace: Workspace) -> str | None:
    if parameter not in MODELS:
        return WORDS.get(parameter)
    keys = keys_of(parameter, workspace)
    return keys[-1] if keys else None
