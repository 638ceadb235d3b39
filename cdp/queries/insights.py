"""Funnel insights: the engine's counts of complete days and weeks, judged."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import numpy as np

from cdp.definitions.funnel_questions import DERIVED, Question
from cdp.definitions.funnels import FunnelDefinition
from cdp.engine.arrays import Ints
from cdp.engine.funnels import OTHER, Breakdown, ByProperty, FunnelPeople, FunnelSpec
from cdp.insights import report
from cdp.insights.material import NO_VALUE, Buckets, Dimension, Material
from cdp.insights.periods import DAYS_BEFORE
from cdp.insights.report import Verdict
from cdp.insights.steps import HISTORY_WEEKS
from cdp.insights.words import day as day_words
from cdp.models import Segment
from cdp.queries import segments
from cdp.queries.engine import answering, engine_of
from cdp.queries.funnel_questions import Asked, prepare
from cdp.queries.segment_members import members_of
from stratum.lib import clock, periods
from stratum.workspaces.models import Workspace

LARGE_EVENTS = 1_000_000  # beyond, insights take seconds and are made in the background
MOST_DAYS = 366  # of a longer range the last ones are judged
MOST_VALUES = 20  # of each dimension, the largest
MOST_SEGMENTS = 50
STAGES = 6

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """Whole local days, both included, whose Conversion Window has ended."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Insights:
    """`judged` is None where no day of the range is complete; `complete_until` is the last day that is. `replaced`:
    what the question puts in the place of the funnel's own settings, for the address of its page."""

    judged: Judged | None
    complete_until: date
    window: int
    as_of: datetime
    time_zone: str
    replaced: str
    verdict: Verdict

    def query(self, link: str) -> str:
        """The whole query of the funnel's page that shows a finding."""
        return "&".join(filter(None, (link, self.replaced)))


def is_large(workspace: Workspace) -> bool:
    with answering():
        return engine_of(workspace).stored().events > LARGE_EVENTS


def no_progress(done: int, total: int, message: str) -> None:
    """For those who do not wait."""


def insights(
    workspace: Workspace,
    definition: FunnelDefinition,
    *,
    question: Question,
    now: datetime,
    progress: Progress = no_progress,
) -> Insights:
    """Unique users, whatever the funnel counts: attempts of one person are not independent. Raises Refusal."""
    asked = prepare(workspace, definition, replace(question, counting="unique", breakdown=None, compare=False), now=now)
    complete_until = _complete_until(question, asked.definition.window, now)
    judged = _judged(question, complete_until)
    verdict = Verdict((), (), 0)
    if judged is not None:
        with answering():
            verdict = report.judge(_Counting(asked, judged, question, now, progress).material())
    return Insights(
        judged=judged,
        complete_until=complete_until,
        window=asked.definition.window,
        as_of=now,
        time_zone=workspace.time_zone,
        replaced=_replaced(definition, question),
        verdict=verdict,
    )


def _replaced(definition: FunnelDefinition, question: Question) -> str:
    fields = {
        "window": periods.format_duration(question.window) if question.window else None,
        "segment": question.segment,
        "counting": "unique" if definition.counting != "unique" else None,
    }
    return urlencode({name: value for name, value in fields.items() if value})


def _complete_until(question: Question, window: int, now: datetime) -> date:
    """The last local day all of whose entries have had their whole window."""
    reached = now - timedelta(microseconds=window)
    return reached.astimezone(question.period.zone).date() - timedelta(days=1)


def _judged(question: Question, complete_until: date) -> Judged | None:
    period = question.period
    first = period.first_day
    if periods.start_of_day(first, period.zone) < period.start:
        first += timedelta(days=1)
    last = period.end.astimezone(period.zone).date() - timedelta(days=1)
    last = min(last, complete_until)
    first = max(first, last - timedelta(days=MOST_DAYS - 1))
    return Judged(first, last) if first <= last else None


@dataclass(frozen=True, slots=True)
class _Counting:
    """The engine's questions, one stage after the other."""

    asked: Asked
    judged: Judged
    question: Question
    now: datetime
    progress: Progress

    def material(self) -> Material:
        definition = self.asked.definition
        return Material(
            steps=tuple(step.title for step in definition.steps),
            any_order=definition.mode == "any_order",
            days=self.days(),
            weeks=self.weeks(),
            dimensions=tuple(self.dimensions()),
        )

    def days(self) -> Buckets:
        self.progress(0, STAGES, "Counting days")
        first = self.judged.first - timedelta(days=DAYS_BEFORE)
        count = DAYS_BEFORE + self.judged.days
        return self.buckets([first + timedelta(days=place) for place in range(count + 1)], DAYS_BEFORE)

    def weeks(self) -> Buckets:
        self.progress(1, STAGES, "Counting weeks")
        first = self.judged.first - timedelta(weeks=HISTORY_WEEKS)
        count = HISTORY_WEEKS + self.judged.days // 7
        return self.buckets([first + timedelta(weeks=place) for place in range(count + 1)], HISTORY_WEEKS)

    def buckets(self, starts: list[date], judged: int) -> Buckets:
        """Between the starts; what lies before the first entry ever is no history."""
        edges = [self.instant(start) for start in starts]
        found = self.asked.engine.trend(self.spec(edges[0], edges[-1]), edges, clock.to_micros(self.now))
        counts = np.array([[step.count for step in bucket.answer.steps] for bucket in found], np.int64)
        empty = min(int(np.argmax(counts[:, 0] > 0)), judged) if counts.any() else judged
        lasts = [end - timedelta(days=1) for _, end in pairwise(starts)]
        return Buckets(tuple(starts[empty:-1]), tuple(lasts[empty:]), counts[empty:], judged - empty)

    def spec(self, start: int, end: int) -> FunnelSpec:
        return replace(self.asked.spec(self.question.period), start=start, end=end)

    def instant(self, day: date) -> int:
        return clock.to_micros(periods.start_of_day(day, self.question.period.zone))

    def dimensions(self) -> Iterator[Dimension]:
        starts = [self.instant(self.judged.first + timedelta(days=place)) for place in range(self.judged.days + 1)]
        spec, people = self.spec(starts[0], starts[-1]), None
        edges = np.array(starts, np.int64)
        for place, name in enumerate(DERIVED):
            self.progress(2 + place, STAGES, f"Comparing by {name}")
            by = (
                ByProperty(f"${name}", "first_touch") if spec.mode == "any_order" else ByProperty(f"${name}", "step", 0)
            )
            asked = replace(spec, breakdown=Breakdown(by, MOST_VALUES))
            people = self.asked.engine.funnel_people(asked, clock.to_micros(self.now))
            yield _by_value(name, people, edges, known_only=spec.mode == "any_order")
        self.progress(2 + len(DERIVED), STAGES, "Comparing segments")
        if people is not None:
            yield from (_by_segment(self.asked.workspace, each, people, edges) for each in self.segments())

    def segments(self) -> list[Segment]:
        """Without the one to which the question is limited: it has no rest."""
        found = segments.find(self.asked.workspace)
        if self.question.segment is not None:
            found = found.exclude(pk=self.question.segment)
        return list(found[:MOST_SEGMENTS])


def _by_value(name: str, people: FunnelPeople, edges: Ints, *, known_only: bool) -> Dimension:
    """By the value at the entry. Where that cannot be asked, by the first value of all; as who does more has more often
    some value, those without one are left out then."""
    assert people.group is not None
    values = tuple(value for value in people.groups if value is not None and value is not OTHER)
    missing = people.groups.index(None) if known_only and None in people.groups else NO_VALUE
    kept = people.group != missing
    group = np.where(people.group < len(values), people.group, NO_VALUE)[kept]
    return Dimension(name, values, group, _day(people, edges)[kept], people.depth[kept])


def _by_segment(workspace: Workspace, segment: Segment, people: FunnelPeople, edges: Ints) -> Dimension:
    inside = np.isin(people.profile, members_of(workspace, segment))
    group = np.where(inside, 0, NO_VALUE)
    return Dimension(f"segment:{segment.pk}", (True,), group, _day(people, edges), people.depth, label=segment.name)


def _day(people: FunnelPeople, edges: Ints) -> Ints:
    return (np.searchsorted(edges, people.entry_ts, side="right") - 1).astype(np.int64)


# Stored in a job's result and read back


def as_json(found: Insights) -> dict[str, Any]:
    return {
        "judged": None if found.judged is None else {name: str(day) for name, day in asdict(found.judged).items()},
        "complete_until": str(found.complete_until),
        "window": found.window,
        "as_of": found.as_of.isoformat(),
        "time_zone": found.time_zone,
        "replaced": found.replaced,
        "verdict": report.as_json(found.verdict),
    }


def from_json(stored: Mapping[str, Any]) -> Insights:
    """What `as_json` wrote."""
    judged = stored["judged"]
    return Insights(
        judged=None if judged is None else Judged(*(date.fromisoformat(judged[end]) for end in ("first", "last"))),
        complete_until=date.fromisoformat(stored["complete_until"]),
        window=stored["window"],
        as_of=datetime.fromisoformat(stored["as_of"]),
        time_zone=stored["time_zone"],
        replaced=stored["replaced"],
        verdict=report.from_json(stored["verdict"]),
    )


def incomplete(found: Insights) -> str:
    """Why nothing was judged; empty when something was."""
    if found.judged is not None:
        return ""
    return (
        f"Not enough data: no whole day of this Date Range is complete, as the Conversion Window "
        f"({periods.duration_words(found.window)}) of its entries is still open. Choose a range of at least 7 days "
        f"that ends by {day_words(found.complete_until)}."
    )
