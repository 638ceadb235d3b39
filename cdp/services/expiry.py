"""Raw events expire: what they had come to for traits of all time and for months of RFM is kept, then the engine lets
them go.

It all happens in one transaction, so that a kill leaves all of it or nothing. While it runs nobody else writes values.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from cdp.definitions.traits import EventPart, TraitDefinition
from cdp.engine.base import Engine
from cdp.engine.timeline import TimelineEvent
from cdp.models import Change, Retention, Trait, TraitCarry, TraitVersion
from cdp.queries import attributed, carries, served_traits
from cdp.queries.engine import answering, fresh_engine
from cdp.queries.traits import zone_of
from cdp.services import rfm_months, trait_values
from cdp.services.blocks import ids
from cdp.traits import carry
from cdp.traits.carry import State
from stratum.lib import clock
from stratum.workspaces.models import Workspace

AT_ONCE = 2_000  # profiles of one statement

Lifelong = Mapping[str, tuple[TraitDefinition, EventPart]]


@dataclass(frozen=True, slots=True)
class Expired:
    events: int
    profiles: int


@transaction.atomic
def expire(*, workspace: Workspace, before: datetime, now: datetime) -> Expired:
    """Let no question count events before the instant any more, but for values of all time.

    `before` has to lie so far back that no such event is accepted any more. Raises a Refusal when the engine cannot
    answer. The rows of the events stay; removing them is up to whoever calls.
    """
    trait_values.hold(workspace)
    cutoff, lifelong = clock.to_micros(before), _lifelong(workspace)
    events = profiles = 0
    with answering():
        engine = fresh_engine(workspace)
        for part in _parts(engine.activity(cutoff - 1).profile.tolist()):
            found = _expiring(workspace, engine, part, cutoff)
            _fold(workspace, lifelong, found, before)
            events += sum(map(len, found.values()))
            profiles += len(found)
        rfm_months.keep_expiring(workspace, before, now)
    if events:
        _let_go(workspace, cutoff, now)
    Retention.objects.filter(workspace=workspace).update(cut_before=before)
    return Expired(events, profiles)


def _parts(profiles: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(profiles), AT_ONCE):
        yield profiles[start : start + AT_ONCE]


def _lifelong(workspace: Workspace) -> Lifelong:
    """Every state that some version needs which serves or is going to, by key."""
    zone = zone_of(workspace)
    versions = TraitVersion.objects.filter(trait__workspace=workspace, trait__deleted_at=None, has_values=True)
    found: dict[str, tuple[TraitDefinition, EventPart]] = {}
    for version in versions.exclude(trait__status=Trait.Status.DISABLED).order_by("pk"):
        definition = served_traits.definition_of(version, workspace.time_zone)
        for key, part in zip(carries.keys(definition, zone), definition.parts, strict=True):
            if key is not None:
                found[key] = definition, part
    return found


def _expiring(
    workspace: Workspace, engine: Engine, profiles: Iterable[int], cutoff: int
) -> dict[int, list[TimelineEvent]]:
    """Of each profile what goes now; what went earlier is no longer counted even where the engine still has it."""
    since = carries.carried(workspace, [], zone_of(workspace)).since
    found = {profile: carries.stored_events(engine, profile, cutoff - 1, since) for profile in profiles}
    return {profile: events for profile, events in found.items() if events}


def _fold(workspace: Workspace, lifelong: Lifelong, found: Mapping[int, list[TimelineEvent]], before: datetime) -> None:
    known = {
        (row.key, row.profile_id): row.state
        for row in TraitCarry.objects.filter(workspace=workspace, key__in=lifelong, profile_id__in=found)
    }
    rows = []
    for key, (definition, part) in lifelong.items():
        for profile, events in found.items():
            state = known.get((key, profile))
            added = _added(definition, part, state, events, clock.to_micros(before))
            if added is not None:
                rows.append(
                    TraitCarry(
                        workspace=workspace,
                        key=key,
                        profile_id=profile,
                        state=carry.merged(state, added),
                        until=before,
                    )
                )
    TraitCarry.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["workspace", "key", "profile_id"],
        update_fields=["state", "until"],
        batch_size=AT_ONCE,
    )


def _added(
    definition: TraitDefinition, part: EventPart, state: State | None, events: list[TimelineEvent], as_of: int
) -> State | None:
    if definition.name == attributed.NAME:
        return attributed.expired(definition, state, events, as_of)
    return carry.folded(definition, part, None, events, as_of)


def _let_go(workspace: Workspace, cutoff: int, now: datetime) -> None:
    Change.objects.create(
        id=ids.take_one(),
        workspace=workspace,
        kind=Change.Kind.RETAIN,
        before={"before_ts": cutoff},
        reason="expired",
        at=now,
    )
