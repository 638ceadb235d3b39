"""A question about a funnel made ready for the engine, and the engine's groups read back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.definitions import funnel_questions as questions
from cdp.definitions.funnel_questions import BreakdownBy, Question
from cdp.definitions.funnels import FunnelDefinition
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.funnels import (
    OTHER,
    Breakdown,
    ByAttribute,
    ByGroups,
    ByProperty,
    FunnelAnswer,
    FunnelSpec,
    Group,
    StepAnswer,
)
from cdp.models import Profile
from cdp.queries import segments, served_traits
from cdp.queries.engine import answering, fresh_engine
from cdp.queries.funnel_results import BreakdownResult, BreakdownValue, Numbers, numbers_of
from cdp.queries.segment_members import members_of
from stratum.lib import clock
from stratum.lib.periods import Period
from stratum.lib.refusal import Fault, Invalid, Missing, Refusal
from stratum.workspaces import limits
from stratum.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Asked:
    """`definition` with the question's own settings. `engine` knows every event committed before the question.

    `missing` is the value of those whom the breakdown does not name: of a segment everybody is a member or not, and
    who did nothing has a count of 0.
    """

    workspace: Workspace
    definition: FunnelDefinition
    question: Question
    engine: Engine
    profiles: Ints | None
    breakdown: Breakdown | None
    missing: Any = None

    def spec(self, period: Period, *, values: tuple[Any, ...] | None = None, whole: bool = False) -> FunnelSpec:
        """`values` get the groups of the breakdown instead of the largest ones; `whole` leaves the breakdown out."""
        breakdown = None if whole else self.breakdown
        if breakdown is not None and values is not None:
            breakdown = replace(breakdown, values=values)
        return replace(self.definition.spec(period), profiles=self.profiles, breakdown=breakdown)

    def funnel(self, spec: FunnelSpec, now: datetime) -> FunnelAnswer:
        """Raises Refusal."""
        with answering():
            return self.engine.funnel(spec, clock.to_micros(now))

    def require_seen(self, answer: FunnelAnswer, now: datetime) -> None:
        """A breakdown in which everybody is missing may be by something that nobody ever sent. Raises Invalid.

        The catalogue is asked only then: it looks at every event there is.
        """
        by = self.question.breakdown
        if by is None or any(group.value is not None for group in answer.breakdown):
            return
        if by.event_property is not None and by.by not in questions.DERIVED:
            self._require_property(by.event_property, now)
        elif by.attribute is not None:
            self._require_attribute(by.attribute)

    def _require_property(self, name: str, now: datetime) -> None:
        with answering():
            catalog = self.engine.catalog(0, clock.to_micros(now))
        seen = {each.name for event in catalog.events for each in event.properties}
        if seen.isdisjoint((name, name.partition(".")[0])):
            sentence = f"No event has the property “{name}”. Check how it is spelled."
            raise Invalid([Fault("/breakdown", sentence, "unknown_property")])

    def _require_attribute(self, name: str) -> None:
        if not Profile.objects.filter(workspace=self.workspace, attributes__has_key=name).exists():
            sentence = f"No profile has the attribute “{name}”. Check how it is spelled."
            raise Invalid([Fault("/breakdown", sentence, "unknown_property")])


def require_readable(workspace: Workspace) -> None:
    """Funnels of a plan that has them stay readable on one that has not."""
    limits.require_readable(workspace, "funnel_builder", workspace.funnels.exists)


def prepare(workspace: Workspace, definition: FunnelDefinition, question: Question, *, now: datetime) -> Asked:
    """Raises Refusal."""
    require_readable(workspace)
    questions.require_fit(question, definition)
    by = question.breakdown
    known, missing = (None, None) if by is None else _by(workspace, by, now)
    with answering():
        engine = fresh_engine(workspace)
    return Asked(
        workspace=workspace,
        definition=replace(
            definition,
            window=question.window or definition.window,
            counting=question.counting or definition.counting,
        ),
        question=question,
        profiles=None if question.segment is None else _members(workspace, question.segment, "/segment"),
        breakdown=None if by is None or known is None else Breakdown(known, by.limit),
        engine=engine,
        missing=missing,
    )


def _by(workspace: Workspace, by: BreakdownBy, now: datetime) -> tuple[ByProperty | ByAttribute | ByGroups, Any]:
    """What the engine breaks down by, and the value of those whom that does not name."""
    if by.event_property is not None:
        return ByProperty(by.event_property, by.attribution, by.step), None
    if by.attribute is not None:
        return ByAttribute(by.attribute), None
    if by.trait is not None:
        return _trait(workspace, by.trait, now)
    assert by.segment is not None
    members = _members(workspace, by.segment, "/breakdown")
    return ByGroups(members, [True] * len(members)), False


def _trait(workspace: Workspace, name: str, now: datetime) -> tuple[ByGroups, Any]:
    """As stored, like everybody reads it. Raises Invalid for a trait that is not there, or not live.

    Whom the trait does not name has what it says where nothing is counted. Who is named with the very same value joins
    them, so that it is one group.
    """
    try:
        groups = served_traits.groups(workspace, name, now=now)
        trait = served_traits.require(workspace, name)
    except Refusal as refused:
        raise Invalid([Fault("/breakdown", refused.sentence, refused.code)]) from refused
    missing = trait.value(None, has_row=False, now=now, zone=ZoneInfo(workspace.time_zone))
    if missing is None:
        return groups, None
    named = [place for place, label in enumerate(groups.label) if label != missing]
    return ByGroups(groups.profile[named], [groups.label[place] for place in named]), missing


def _members(workspace: Workspace, segment_id: UUID, pointer: str) -> Ints:
    """Profiles, ascending. Raises Invalid for a segment that is gone, archived or somebody else's."""
    try:
        return members_of(workspace, segments.require_active(workspace, segment_id))
    except Missing as missing:
        sentence = "This segment is not there any more, or never was in this workspace. Choose another one."
        raise Invalid([Fault(pointer, sentence, "unknown_segment")]) from missing
    except Refusal as refused:
        raise Invalid([Fault(pointer, refused.sentence, refused.code)]) from refused


# Groups


def named_values(groups: Sequence[Group]) -> tuple[Any, ...]:
    """The values that have a group of their own."""
    return tuple(group.value for group in groups if group.value is not None and group.value is not OTHER)


def breakdown_result(asked: Asked, answer: FunnelAnswer, before: FunnelAnswer | None = None) -> BreakdownResult | None:
    """The groups of the answer; beside each its previous numbers, from an answer about the same named values."""
    by = asked.question.breakdown
    if by is None:
        return None
    named = len(named_values(answer.breakdown))
    shown, earlier = _keyed(answer.breakdown, named), _keyed(before.breakdown if before else (), named)
    keys = [key for key in (*range(named), None, OTHER) if key in shown or key in earlier]
    values = (_value(asked, shown.get(key), earlier.get(key), is_compared=before is not None) for key in keys)
    return BreakdownResult(by.by, by.written_attribution, tuple(values))


def _keyed(groups: Sequence[Group], named: int) -> dict[object, Group]:
    """By place, and those that have none by what they are: the missing value and the rest."""
    return {place if place < named else group.value: group for place, group in enumerate(groups)}


def _value(asked: Asked, shown: Group | None, earlier: Group | None, *, is_compared: bool) -> BreakdownValue:
    group = shown or earlier
    assert group is not None
    previous = Numbers(**_numbers(asked, earlier)) if is_compared else None
    return BreakdownValue(**_numbers(asked, shown), value=shown_value(asked, group.value), previous=previous)


def _numbers(asked: Asked, group: Group | None) -> dict[str, Any]:
    """Where there is no group nobody entered."""
    nobody = FunnelAnswer((StepAnswer(0, None, None),) * len(asked.definition.steps), 0, 0, None, None)
    return numbers_of(asked.definition, group.answer if group else nobody)


def shown_value(asked: Asked, value: Any) -> Any:
    return asked.missing if value is None else value
