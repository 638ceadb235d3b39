"""Other sights of a funnel: its trend, how long converting takes, and the people behind its numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from cdp.definitions.funnel_questions import Interval, Question, Whom, write_value
from cdp.definitions.funnels import Counting, FunnelDefinition, Mode
from cdp.engine.arrays import Ints
from cdp.engine.funnels import OTHER, Bucket, FunnelPeople
from cdp.engine.predicates import is_number
from cdp.queries import profiles
from cdp.queries.engine import answering
from cdp.queries.funnel_questions import Asked, named_values, prepare, shown_value
from cdp.queries.funnel_results import MICROS, FunnelName, rate, seconds
from cdp.queries.profiles import ProfileCard
from stratum.lib import clock, periods
from stratum.lib.periods import DAY, HOUR, MINUTE, SECOND, Period
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.models import Workspace

MAX_BUCKETS = 400
PER_PAGE = 50
CARDS_AT_ONCE = 1_000
# Where bins of the histogram may begin and end, as people say times. The last edge is beyond any window.
EDGES = (
    *(SECOND * count for count in (0, 1, 2, 5, 10, 20, 30)),
    *(MINUTE * count for count in (1, 2, 5, 10, 20, 30)),
    *(HOUR * count for count in (1, 2, 4, 8, 12)),
    *(DAY * count for count in (1, 2, 3, 5, 7, 14, 30, 60, 90, 180, 365, 730)),
)


# Trend


@dataclass(frozen=True, slots=True)
class TrendBucket:
    """Who entered in [start, end), local times, and how far they came. `counts` per step, rates 0…1.

    `is_open`: some of them may still convert. `is_partial`: the period has only a part of this day, week or month.
    """

    start: datetime
    end: datetime
    is_open: bool
    is_partial: bool
    entered: int
    converted: int
    conversion: float
    counts: tuple[int, ...]
    median_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendResult:
    """Days, weeks (from Monday) or months of the workspace's time zone, without those that have not begun.

    A user counts once in every bucket entered, so buckets may add up to more than the funnel. `window` in µs.
    """

    funnel: FunnelName
    period: Period
    as_of: datetime
    counting: Counting
    mode: Mode
    window: int
    interval: Interval
    buckets: tuple[TrendBucket, ...]
    previous: "TrendResult | None" = None


def trend(
    workspace: Workspace,
    definition: FunnelDefinition,
    *,
    question: Question,
    interval: Interval,
    now: datetime,
    funnel: FunnelName,
) -> TrendResult:
    """Raises Refusal."""
    _refuse_breakdown(question, "A trend")
    asked = prepare(workspace, definition, question, now=now)
    found = _trend(asked, question.period, interval, now, funnel)
    if not question.compare:
        return found
    return replace(found, previous=_trend(asked, question.before, interval, now, funnel))


def _refuse_breakdown(question: Question, what: str) -> None:
    if question.breakdown is not None:
        sentence = f"{what} cannot be broken down. Leave the breakdown out, or look at one segment."
        raise Invalid([Fault("/breakdown", sentence, "not_supported")])


def _trend(asked: Asked, period: Period, interval: Interval, now: datetime, funnel: FunnelName) -> TrendResult:
    edges = bucket_edges(period, interval, now)
    with answering():
        buckets = asked.engine.trend(
            asked.spec(period), [clock.to_micros(edge) for edge in edges], clock.to_micros(now)
        )
    return TrendResult(
        funnel=funnel,
        period=period,
        as_of=now,
        counting=asked.definition.counting,
        mode=asked.definition.mode,
        window=asked.definition.window,
        interval=interval,
        buckets=tuple(_bucket(bucket, period, interval) for bucket in buckets),
    )


def bucket_edges(period: Period, interval: Interval, now: datetime) -> list[datetime]:
    """Ascending instants; the first and the last bucket may be cut by the period. Raises Invalid beyond MAX_BUCKETS."""
    edges = list(islice(_edges(period, interval, now), MAX_BUCKETS + 2))
    if len(edges) > MAX_BUCKETS + 1:
        longer = {"day": "weeks or months, or ", "week": "months, or ", "month": ""}[interval]
        sentence = f"These would be more than {MAX_BUCKETS} {interval}s. Choose {longer}a shorter Date Range."
        raise Invalid([Fault("/interval", sentence, "too_many")])
    return edges if len(edges) > 1 else []


def _edges(period: Period, interval: Interval, now: datetime) -> Iterator[datetime]:
    edge, day = period.start, _first_day(period.first_day, interval)
    while edge < period.end and edge <= now:
        yield edge
        day = _next_day(day, interval)
        edge = min(periods.start_of_day(day, period.zone), period.end)
    yield edge


def _first_day(day: date, interval: Interval) -> date:
    """Of the day, week or month around it."""
    if interval == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "month" else day


def _next_day(day: date, interval: Interval) -> date:
    """The first day of the next one; any month ends within 31 days."""
    return _first_day(day + timedelta(days={"day": 1, "week": 7, "month": 31}[interval]), interval)


def _bucket(bucket: Bucket, period: Period, interval: Interval) -> TrendBucket:
    start, end = clock.from_micros(bucket.start), clock.from_micros(bucket.end)
    first = _first_day(start.astimezone(period.zone).date(), interval)
    whole = [periods.start_of_day(day, period.zone) for day in (first, _next_day(first, interval))]
    counts = tuple(step.count for step in bucket.answer.steps)
    return TrendBucket(
        start=start.astimezone(period.zone),
        end=end.astimezone(period.zone),
        is_open=bucket.is_open,
        is_partial=[start, end] != whole,
        entered=counts[0],
        converted=bucket.answer.converted,
        conversion=rate(bucket.answer.converted, counts[0]),
        counts=counts,
        median_seconds=seconds(bucket.answer.median_us),
    )


# Time to convert


@dataclass(frozen=True, slots=True)
class Bin:
    """How many took at least `start_seconds` and less than `end_seconds`."""

    start_seconds: int
    end_seconds: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesResult:
    """How long `count` users or attempts took: from the step before to the 0-based `step`, or from first to last.

    All in seconds; None where there is nobody. The counts of the bins add up to `count`.
    """

    funnel: FunnelName
    period: Period
    as_of: datetime
    counting: Counting
    step: int | None
    count: int
    average: float | None
    median: float | None
    p10: float | None
    p25: float | None
    p75: float | None
    p90: float | None
    p95: float | None
    bins: tuple[Bin, ...]
    previous: "TimesResult | None" = None


def time_to_convert(
    workspace: Workspace,
    definition: FunnelDefinition,
    *,
    question: Question,
    step: int | None,
    now: datetime,
    funnel: FunnelName,
) -> TimesResult:
    """Raises Refusal."""
    _refuse_breakdown(question, "Times")
    asked = prepare(workspace, definition, question, now=now)
    found = _times(asked, question.period, step, now, funnel)
    if not question.compare:
        return found
    return replace(found, previous=_times(asked, question.before, step, now, funnel))


def _times(asked: Asked, period: Period, step: int | None, now: datetime, funnel: FunnelName) -> TimesResult:
    with answering():
        everybody = asked.engine.funnel_people(asked.spec(period), clock.to_micros(now))
    took = durations(everybody, step)
    took = took[took >= 0]
    shares = np.percentile(took, (10, 25, 50, 75, 90, 95)).tolist() if len(took) else [None] * 6
    p10, p25, median, p75, p90, p95 = map(seconds, shares)
    return TimesResult(
        funnel=funnel,
        period=period,
        as_of=now,
        counting=asked.definition.counting,
        step=step,
        count=len(took),
        average=seconds(int(took.sum()) / len(took)) if len(took) else None,
        median=median,
        p10=p10,
        p25=p25,
        p75=p75,
        p90=p90,
        p95=p95,
        bins=bins_of(took),
    )


def durations(people: FunnelPeople, step: int | None) -> Ints:
    """Per row in µs, negative where the step was not reached: see Whom."""
    to, since = (-1, 0) if step is None else (step, max(step - 1, 0))
    reached = people.step_ts[:, to] >= 0 if step is None else people.depth > step
    return np.where(reached, people.step_ts[:, to] - people.step_ts[:, since], -1)


def bins_of(took: Ints) -> tuple[Bin, ...]:
    """From the bin of the shortest to that of the longest time."""
    if not len(took):
        return ()
    edges = np.array(EDGES, np.int64)
    first, last = (int(np.searchsorted(edges, end, side="right")) for end in (took.min(), took.max()))
    kept = edges[first - 1 : last + 1]
    counts, _ = np.histogram(took, kept)
    return tuple(
        Bin(start // SECOND, end // SECOND, count)
        for (start, end), count in zip(pairwise(kept.tolist()), counts.tolist(), strict=True)
    )


# People


@dataclass(frozen=True, slots=True)
class FunnelPerson:
    """A user, or one attempt. `last_step` is 0-based; in any order it says how many steps were done before it.

    `seconds`: the time that was asked about, see Whom; None where there is none.
    """

    profile: ProfileCard
    entered_at: datetime
    last_step: int
    last_at: datetime
    completed_at: datetime | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelPeopleResult:
    """A page of them, the latest entry first. `total` is the number shown elsewhere: of users, or of attempts.

    `profiles` says how many different ones these are. `next` and `previous` are cursors for `after`, None where there
    is no such page; the first page has the empty cursor.
    """

    funnel: FunnelName
    period: Period
    as_of: datetime
    counting: Counting
    whom: Whom
    total: int
    profiles: int
    people: tuple[FunnelPerson, ...]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The latest entry first, then by profile, then in the order in which attempts opened. Times in µs."""

    profile: Ints
    entered: Ints
    depth: Ints
    last: Ints
    took: Ints
    steps: int

    def __len__(self) -> int:
        return len(self.profile)

    def cursor(self, row: int) -> str:
        """Finds the place behind the row again, whatever has come since."""
        entered, profile = int(self.entered[row]), int(self.profile[row])
        first, _ = self.places(entered, profile)
        return f"{entered}-{profile}-{row - first}"

    def behind(self, cursor: str) -> int:
        """Raises Invalid."""
        if not cursor:
            return 0
        parts = cursor.split("-")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
            raise Invalid([Fault("/cursor", "This cursor is none of ours. Start again without one.", "invalid")])
        entered, profile, place = map(int, parts)
        first, end = self.places(entered, profile)
        return min(first + place + 1, end)

    def places(self, entered: int, profile: int) -> tuple[int, int]:
        """Where the rows of that entry are, or would be."""
        low, high = np.searchsorted(-self.entered, -entered, "left"), np.searchsorted(-self.entered, -entered, "right")
        first, end = (np.searchsorted(self.profile[low:high], profile, side) for side in ("left", "right"))
        return int(low + first), int(low + end)


def people(
    workspace: Workspace,
    definition: FunnelDefinition,
    *,
    question: Question,
    whom: Whom,
    now: datetime,
    funnel: FunnelName,
    after: str = "",
    limit: int = PER_PAGE,
) -> FunnelPeopleResult:
    """A page by three queries beside those of the question. Raises Refusal."""
    asked = prepare(workspace, definition, question, now=now)
    rows = _rows(asked, whom, now)
    start = rows.behind(after)
    end = min(start + limit, len(rows))
    return FunnelPeopleResult(
        funnel=funnel,
        period=_period(question, whom),
        as_of=now,
        counting=asked.definition.counting,
        whom=whom,
        total=len(rows),
        profiles=len(np.unique(rows.profile)),
        people=tuple(_people(workspace, rows, range(start, end), now)),
        next=rows.cursor(end - 1) if end < len(rows) else None,
        previous=_previous(rows, start, limit),
    )


def _previous(rows: _Rows, start: int, limit: int) -> str | None:
    if start == 0:
        return None
    return rows.cursor(start - limit - 1) if start > limit else ""


def all_people(
    workspace: Workspace, definition: FunnelDefinition, *, question: Question, whom: Whom, now: datetime
) -> Iterator[FunnelPerson]:
    """Everybody behind the number, for an export: three queries for every thousand. Raises Refusal before the first."""
    rows = _rows(prepare(workspace, definition, question, now=now), whom, now)
    chunks = (range(len(rows))[start : start + CARDS_AT_ONCE] for start in range(0, len(rows), CARDS_AT_ONCE))
    return (person for some in chunks for person in _people(workspace, rows, some, now))


def people_profiles(
    workspace: Workspace, definition: FunnelDefinition, *, question: Question, whom: Whom, now: datetime
) -> Ints:
    """Their profiles, ascending, each once. Raises Refusal."""
    return np.unique(_rows(prepare(workspace, definition, question, now=now), whom, now).profile)


def _period(question: Question, whom: Whom) -> Period:
    return question.before if whom.which == "previous" else question.period


def _rows(asked: Asked, whom: Whom, now: datetime) -> _Rows:
    found = _asked_people(asked, whom, now)
    took = durations(found, whom.step)
    kept = _is_meant(found, whom)
    if whom.has_value:
        assert found.group is not None
        kept &= found.group == _place(asked, whom, found.groups)
    if whom.seconds_min is not None:
        kept &= took >= round(whom.seconds_min * MICROS)
    if whom.seconds_max is not None:
        kept &= (took >= 0) & (took < round(whom.seconds_max * MICROS))
    rows = np.flatnonzero(kept)
    # Stable, because the engine's order by profile and opening goes on from there.
    rows = rows[np.argsort(-found.entry_ts[rows], kind="stable")]
    depth = found.depth[rows]
    last = found.step_ts[rows, depth - 1]
    return _Rows(found.profile[rows], found.entry_ts[rows], depth, last, took[rows], found.step_ts.shape[1])


def _asked_people(asked: Asked, whom: Whom, now: datetime) -> FunnelPeople:
    """In groups only where one of them is wanted; those of the previous period are those of the period itself."""
    values = None
    if whom.has_value and whom.which == "previous":
        values = named_values(asked.funnel(asked.spec(asked.question.period), now).breakdown)
    spec = asked.spec(_period(asked.question, whom), values=values, whole=not whom.has_value)
    with answering():
        return asked.engine.funnel_people(spec, clock.to_micros(now))


def _is_meant(found: FunnelPeople, whom: Whom) -> NDArray[np.bool_]:
    steps: int = found.step_ts.shape[1]
    depth = found.depth
    if whom.step is None:
        return depth == steps if whom.outcome == "converted" else depth < steps
    return depth > whom.step if whom.outcome == "converted" else (depth == whom.step + 1) & (depth < steps)


def _place(asked: Asked, whom: Whom, groups: Sequence[object]) -> int:
    """Of the wanted value among the groups; -1 where nobody misses a value, or none is beyond the limit."""
    shown = [shown_value(asked, value) for value in groups]
    exactly = [place for place, value in enumerate(shown) if _is_same(value, whom.value)]
    as_text = [place for place, value in enumerate(shown) if value == write_value(whom.value)]
    if found := exactly or as_text:
        return found[0]
    if whom.value is None or whom.value is OTHER or _is_same(whom.value, asked.missing):
        return -1
    sentence = f"“{write_value(whom.value)[:80]}” is not among the values that this breakdown shows. Load it again."
    raise Invalid([Fault("/breakdown_value", sentence, "unknown_value")])


def _is_same(value: object, other: object) -> bool:
    """1 and 1.0 are one value, 1 and true are two."""
    if is_number(value) and is_number(other):
        return value == other
    return write_value(value) == write_value(other)


def _people(workspace: Workspace, rows: _Rows, wanted: Sequence[int], now: datetime) -> list[FunnelPerson]:
    """Without those who were erased or merged since the engine answered."""
    keys = np.unique(rows.profile[list(wanted)]).tolist()
    cards = {card.id: card for card in profiles.shown(workspace, keys, now=now)}
    return [_person(cards[key], rows, row) for row in wanted if (key := int(rows.profile[row])) in cards]


def _person(card: ProfileCard, rows: _Rows, row: int) -> FunnelPerson:
    last_at, took = clock.from_micros(int(rows.last[row])), int(rows.took[row])
    depth = int(rows.depth[row])
    return FunnelPerson(
        profile=card,
        entered_at=clock.from_micros(int(rows.entered[row])),
        last_step=depth - 1,
        last_at=last_at,
        completed_at=last_at if depth == rows.steps else None,
        seconds=None if took < 0 else seconds(took),
    )
