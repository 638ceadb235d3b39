"""What a segment's condition names besides events: traits and other segments, which exist and form no circle."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.definitions.condition_reading import parse_condition
from cdp.definitions.conditions import (
    All,
    Condition,
    InSegment,
    ProfileCondition,
    StaticList,
    leaves,
    profile_refs,
)
from cdp.definitions.profile_filters import fields_of
from cdp.models import Segment, Trait
from cdp.queries import segments
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces import limits
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Dependent

TRAITS = "traits."
RFM = frozenset({"rfm_group", "rfm_r", "rfm_f", "rfm_m"})  # asked like traits, and of everybody at once
FEATURE = "advanced_segments"
PLAIN = (All, StaticList, InSegment, ProfileCondition)
UNSERVED = (Trait.Status.DRAFT, Trait.Status.DISABLED)


def condition_of(segment: Segment, zone: str) -> Condition:
    """What a segment that is no static list keeps to. Raises Invalid for what nobody can read any more."""
    return _parsed(json.dumps(segment.condition), zone)


@lru_cache(1_000)
def _parsed(condition: str, zone: str) -> Condition:
    """Every round of the worker asks all of them several times."""
    return parse_condition(json.loads(condition), zone=ZoneInfo(zone))


def traits_in(condition: Condition) -> dict[str, str]:
    """The names of the computed traits that it asks, each with the path of a place."""
    return {name: path for name, path in _asked_as_traits(condition).items() if name not in RFM}


def asks_rfm(condition: Condition) -> bool:
    return bool(RFM & _asked_as_traits(condition).keys())


def _asked_as_traits(condition: Condition) -> dict[str, str]:
    found: dict[str, str] = {}
    for leaf in leaves(condition):
        place, fields = leaf.path, sorted(profile_refs(leaf))
        if isinstance(leaf, ProfileCondition):
            place, fields = f"{leaf.path}/field", list(fields_of(leaf.predicate))
        for field in fields:
            if field.startswith(TRAITS):
                found.setdefault(field.removeprefix(TRAITS), place)
    return found


def is_advanced(condition: Condition) -> bool:
    """Whether it asks what people did or computed traits say, instead of who they are alone."""
    return bool(traits_in(condition)) or any(not isinstance(leaf, PLAIN) for leaf in leaves(condition))


def require_in_plan(workspace: Workspace, condition: Condition) -> None:
    """Raises NotAllowed for an advanced condition where the plan has none."""
    if is_advanced(condition):
        limits.require_feature(workspace, FEATURE)


def segments_in(condition: Condition) -> dict[UUID, str]:
    """The other segments that it asks, each with the path of a place."""
    found: dict[UUID, str] = {}
    for leaf in leaves(condition):
        if isinstance(leaf, InSegment):
            found.setdefault(leaf.segment, leaf.path)
    return found


def require_known(workspace: Workspace, condition: Condition, segment: Segment | None = None) -> None:
    """Raises Invalid for traits and segments that are not there, and for a circle, with its path."""
    faults = [*_unknown_traits(workspace, condition), *_unknown_segments(workspace, condition)]
    if not faults and segment is not None:
        faults += _circle(workspace, condition, segment)
    if faults:
        raise Invalid(faults)


def _unknown_traits(workspace: Workspace, condition: Condition) -> Iterator[Fault]:
    named = traits_in(condition)
    known = workspace.traits.filter(name__in=named, deleted_at=None).exclude(status__in=UNSERVED) if named else None
    names = set() if known is None else set(known.values_list("name", flat=True))
    for name, path in named.items():
        if name not in names:
            sentence = f"There is no computed trait “{name}” at work in this workspace. Make it, or choose another."
            yield Fault(path, sentence, "unknown_trait")


def _unknown_segments(workspace: Workspace, condition: Condition) -> Iterator[Fault]:
    named = segments_in(condition)
    known = workspace.segments.in_bulk(list(named)) if named else {}
    for key, path in named.items():
        if key not in known:
            yield Fault(f"{path}/segment", "There is no segment with that id in this workspace.", "unknown_segment")
        elif known[key].archived_at is not None:
            sentence = f"The segment “{known[key].name}” is archived. Restore it, or choose another one."
            yield Fault(f"{path}/segment", sentence, "segment_archived")


def _circle(workspace: Workspace, condition: Condition, segment: Segment) -> Iterator[Fault]:
    others = uses(workspace)
    names = dict(workspace.segments.values_list("pk", "name"))
    for key, path in segments_in(condition).items():
        if way := _way(key, segment.pk, others):
            told = " → ".join(f"“{names[one]}”" for one in (segment.pk, *way))
            sentence = f"This segment would rest on itself: {told}. Choose another one."
            yield Fault(f"{path}/segment", sentence, "circle")


def _way(start: UUID, goal: UUID, others: Mapping[UUID, set[UUID]]) -> list[UUID]:
    """From one segment over those it uses to another; empty where none leads there."""
    waiting, seen = [[start]], {start}
    while waiting:
        way = waiting.pop()
        if way[-1] == goal:
            return way
        for following in others.get(way[-1], set()) - seen:
            seen.add(following)
            waiting.append([*way, following])
    return []


def rests_on(workspace: Workspace, segment: Segment) -> list[Dependent]:
    """The traits and segments that its condition asks for."""
    found: list[Dependent] = []
    for _, condition in read(workspace, [segment]):
        traits = workspace.traits.filter(name__in=traits_in(condition), deleted_at=None)
        found += [Dependent("Computed trait", one.name, f"/dashboard/cdp/computed-traits/{one.pk}") for one in traits]
        others = workspace.segments.filter(pk__in=segments_in(condition))
        found += [Dependent("Segment", one.name, f"/dashboard/cdp/segments/{one.pk}") for one in others]
    return found


def uses(workspace: Workspace) -> dict[UUID, set[UUID]]:
    """By segment, the other segments in its condition; archived ones too, which may come back."""
    found = read(workspace, workspace.segments.all())
    return {segment.pk: set(segments_in(condition)) for segment, condition in found}


def segments_naming(workspace: Workspace, keys: frozenset[str]) -> Iterator[tuple[str, Dependent]]:
    """Segments whose condition asks for one of these."""
    for segment, condition in read(workspace, segments.find(workspace)):
        for key in keys & set(map(str, segments_in(condition))):
            yield key, _dependent(segment)


def segments_with_traits(workspace: Workspace, names: frozenset[str]) -> Iterator[tuple[str, Dependent]]:
    """Segments whose condition asks one of the traits."""
    for segment, condition in read(workspace, segments.find(workspace)):
        for name in names & traits_in(condition).keys():
            yield name, _dependent(segment)


def _dependent(segment: Segment) -> Dependent:
    return Dependent("Segment", segment.name, f"/dashboard/cdp/segments/{segment.pk}")


def read(workspace: Workspace, found: Iterable[Segment]) -> Iterator[tuple[Segment, Condition]]:
    """Those with a condition. One that an older version wrote and nobody can read any more rests on nothing."""
    for segment in found:
        if not segment.is_static:
            with suppress(Invalid):
                yield segment, condition_of(segment, workspace.time_zone)
