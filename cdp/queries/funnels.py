"""Funnels read: the saved ones, and what the engine says about them. Counts from the engine, rates in plain Python."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from cdp.definitions import funnels as definitions
from cdp.definitions.funnel_questions import Question
from cdp.definitions.funnels import FunnelDefinition
from cdp.engine.base import Engine
from cdp.engine.errors import EngineError
from cdp.engine.funnels import FunnelAnswer
from cdp.engine.overviews import EventSummary
from cdp.models import Funnel
from cdp.queries.engine import answering, engine_of, fresh_engine
from cdp.queries.funnel_questions import Asked, breakdown_result, named_values, prepare, require_readable
from cdp.queries.funnel_results import FunnelName, FunnelResult, numbers_of, rate
from stratum.lib import clock, periods
from stratum.lib.periods import Period
from stratum.lib.refusal import Missing
from stratum.workspaces import limits
from stratum.workspaces.models import Workspace

LIST_DAYS = 30  # of the conversion in the list, and of the counts in the event picker


@dataclass(frozen=True, slots=True)
class FunnelCard:
    """A line of the list: the funnel, and how it converted in the last 30 days (None when that cannot be asked)."""

    funnel: Funnel
    definition: FunnelDefinition
    entered: int | None
    overall_conversion: float | None


@dataclass(frozen=True, slots=True)
class SeenProperty:
    name: str
    types: tuple[str, ...]
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event of the last 30 days."""

    name: str
    count: int
    properties: tuple[SeenProperty, ...]


def zone_of(workspace: Workspace) -> ZoneInfo:
    return ZoneInfo(workspace.time_zone)


def definition_of(funnel: Funnel, workspace: Workspace) -> FunnelDefinition:
    return definitions.parse_stored(funnel.definition, zone_of(workspace))


def find(workspace: Workspace, *, search: str = "", archived: bool = False) -> QuerySet[Funnel]:
    """Funnels whose name contains `search`, last changed first, each with its owner."""
    require_readable(workspace)
    found = workspace.funnels.select_related("created_by").filter(archived_at__isnull=not archived)
    if search:
        found = found.filter(name__icontains=search)
    return found.order_by("-updated_at", "id")


def get(workspace: Workspace, funnel_id: UUID) -> Funnel:
    """Archived ones too. Raises Missing."""
    require_readable(workspace)
    found = workspace.funnels.select_related("created_by").filter(pk=funnel_id).first()
    if found is None:
        raise Missing("There is no funnel with that address in this workspace.")
    return found


def tag(funnel: Funnel) -> str:
    """Changes whenever anything about the funnel does: its ETag."""
    archived = "-archived" if funnel.archived_at else ""
    return f'"{funnel.version}-{funnel.updated_at:%Y%m%d%H%M%S%f}{archived}"'


def outlines(workspace: Workspace, funnels: Sequence[Funnel]) -> list[FunnelCard]:
    """The funnels alone, without asking the engine for anything."""
    return [FunnelCard(funnel, definition_of(funnel, workspace), None, None) for funnel in funnels]


def cards(workspace: Workspace, funnels: Sequence[Funnel], *, now: datetime) -> list[FunnelCard]:
    """The funnels with their conversion of the last 30 days."""
    if not funnels:
        return []
    period = periods.last_days(LIST_DAYS, now, zone_of(workspace))
    with answering():
        engine = fresh_engine(workspace)
    return [_card(engine, funnel, definition_of(funnel, workspace), period, now) for funnel in funnels]


def _card(engine: Engine, funnel: Funnel, definition: FunnelDefinition, period: Period, now: datetime) -> FunnelCard:
    try:
        answer = engine.funnel(definition.spec(period), clock.to_micros(now))
    except EngineError:
        return FunnelCard(funnel, definition, None, None)
    entered = answer.steps[0].count
    return FunnelCard(funnel, definition, entered, rate(answer.converted, entered))


def analyze(
    workspace: Workspace, definition: FunnelDefinition, *, question: Question, now: datetime, funnel: FunnelName
) -> FunnelResult:
    """Ask the engine, with every event committed before this call. Raises Refusal."""
    if funnel.id is None:  # one that is being built
        limits.require_feature(workspace, "funnel_builder")
    asked = prepare(workspace, definition, question, now=now)
    answer = asked.funnel(asked.spec(question.period), now)
    asked.require_seen(answer, now)
    found = _result(asked, answer, question.period, now, funnel)
    if not question.compare:
        return replace(found, breakdown=breakdown_result(asked, answer))
    before = asked.funnel(asked.spec(question.before, values=named_values(answer.breakdown)), now)
    previous = _result(asked, before, question.before, now, funnel)
    return replace(found, breakdown=breakdown_result(asked, answer, before), previous=previous)


def _result(asked: Asked, answer: FunnelAnswer, period: Period, now: datetime, funnel: FunnelName) -> FunnelResult:
    return FunnelResult(
        **numbers_of(asked.definition, answer),
        funnel=funnel,
        period=period,
        as_of=now,
        counting=asked.definition.counting,
        mode=asked.definition.mode,
        window=asked.definition.window,
    )


def analyze_saved(workspace: Workspace, funnel: Funnel, *, question: Question, now: datetime) -> FunnelResult:
    return analyze(workspace, definition_of(funnel, workspace), question=question, now=now, funnel=name_of(funnel))


def name_of(funnel: Funnel) -> FunnelName:
    return FunnelName(funnel.pk, funnel.name, funnel.version)


def require_answerable(workspace: Workspace, definition: FunnelDefinition, *, now: datetime) -> None:
    """Raises Refusal when the engine cannot answer such a funnel: asked about no time at all, it still says so."""
    nothing = Period(now, now, zone_of(workspace))
    with answering():
        engine_of(workspace).funnel(definition.spec(nothing), clock.to_micros(now))


def seen_events(workspace: Workspace, *, now: datetime) -> list[SeenEvent]:
    """What the pickers offer: events of the last 30 days by falling count, with their properties."""
    require_readable(workspace)
    since = now - timedelta(days=LIST_DAYS)
    with answering():
        catalog = fresh_engine(workspace).catalog(clock.to_micros(since), clock.to_micros(now))
    return [_seen(event) for event in catalog.events]


def _seen(event: EventSummary) -> SeenEvent:
    properties = (
        SeenProperty(each.name, each.types, tuple(filter(None, map(_sample, each.samples))))
        for each in event.properties
    )
    return SeenEvent(event.name, event.count, tuple(properties))


def _sample(value: Any) -> str:
    """A sample as a person would type it into a filter; nothing for lists and objects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that makes a number read differently than meant; `step` is 0-based, None for the whole funnel."""

    sentence: str
    step: int | None = None


def cautions(
    workspace: Workspace, definition: FunnelDefinition, shown: FunnelResult, *, now: datetime
) -> list[Caution]:
    """What to know before reading the result. The catalogue is asked only when a step is empty."""
    found = [caution for index in range(len(definition.steps)) if (caution := _equal_steps(definition, index))]
    empty = [step.index for step in shown.steps if not step.count]
    seen = {event.name for event in seen_events(workspace, now=now)} if empty else set()
    found += [caution for index in empty if (caution := _never_seen(definition, index, seen))]
    if timedelta(microseconds=shown.window) > shown.period.end - shown.period.start:
        words = periods.duration_words(shown.window)
        found.append(
            Caution(f"The Conversion Window ({words}) is longer than the Date Range: many may still be in progress.")
        )
    return found


def _equal_steps(definition: FunnelDefinition, index: int) -> Caution | None:
    """When an earlier step has the same events and filters."""
    match = definition.steps[index].match
    for number, step in enumerate(definition.steps[:index], 1):
        if step.match == match:
            sentence = f"Steps {number} and {index + 1} are the same: passing both takes two such events."
            return Caution(sentence, index)
    return None


def _never_seen(definition: FunnelDefinition, index: int, seen: set[str]) -> Caution | None:
    events = definition.steps[index].match.events
    if definitions.ANY_EVENT in events or not seen.isdisjoint(events):
        return None
    words = definitions.event_words(events)
    sentence = f"Step {index + 1}: “{words}” was not seen in the last {LIST_DAYS} days. Check how it is spelled."
    return Caution(sentence, index)
