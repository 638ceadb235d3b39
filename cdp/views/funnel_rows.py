"""The tables of a funnel's result page: what stands in them and where each number leads."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from urllib.parse import urlencode

from django.urls import reverse

from cdp.definitions.funnel_questions import write_value
from cdp.models import Funnel
from cdp.queries.funnel_results import BreakdownResult, BreakdownValue, FunnelResult, Numbers, StepResult
from cdp.queries.funnel_views import TimesResult, TrendBucket, TrendResult
from cdp.views import funnel_words as words
from cdp.views.funnel_address import Address
from cdp.views.funnel_words import Change


@dataclass(frozen=True, slots=True)
class People:
    """Addresses of the people behind the numbers of one result page."""

    page: str
    address: Address

    def __call__(self, step: int, outcome: str, **more: str) -> str:
        return self.among(step=str(step), outcome=outcome, **more)

    def among(self, **fields: str) -> str:
        asked = {name: text for name, text in self.address.given.items() if name not in {"step", "interval", "compare"}}
        return f"{self.page}?{self.address.range.query}&{urlencode({**asked, **fields})}"


def people_of(funnel: Funnel, address: Address) -> People:
    return People(reverse("funnel_people", args=[funnel.pk]), address)


# The previous period


@dataclass(frozen=True, slots=True)
class Before:
    """The funnel in the previous period, beside its numbers now."""

    days: str
    entered: int
    converted: int
    overall: Change
    average: str


def before(result: FunnelResult) -> Before | None:
    earlier = result.previous
    if earlier is None:
        return None
    return Before(
        days=f"{earlier.period.first_day:%-d %b %Y} – {earlier.period.last_day:%-d %b %Y}",
        entered=earlier.entered,
        converted=earlier.converted,
        overall=words.change(result.overall_conversion, earlier.overall_conversion),
        average=words.duration(earlier.average_seconds_to_convert),
    )


# Times


@dataclass(frozen=True, slots=True)
class TimeRow:
    """A bin of the histogram; `width` in percent of the largest."""

    span: str
    count: int
    share: str
    width: float
    people: str


def times(result: TimesResult, people: People) -> list[TimeRow]:
    most = max((one.count for one in result.bins), default=0)
    asked = {} if result.step is None else {"step": str(result.step)}
    return [
        TimeRow(
            span=words.span(one),
            count=one.count,
            share=words.percent(one.count / result.count),
            width=round(one.count / most * 100, 3),
            people=people.among(**asked, seconds_min=str(one.start_seconds), seconds_max=str(one.end_seconds))
            if one.count
            else "",
        )
        for one in result.bins
    ]


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    now: str
    before: str


def time_facts(result: TimesResult) -> list[Fact]:
    named = {
        "Average": "average",
        "Median": "median",
        "10% within": "p10",
        "25% within": "p25",
        "75% within": "p75",
        "90% within": "p90",
        "95% within": "p95",
    }
    return [
        Fact(
            label,
            words.duration(getattr(result, name)),
            words.duration(getattr(result.previous, name)) if result.previous else "",
        )
        for label, name in named.items()
    ]


# Trend


@dataclass(frozen=True, slots=True)
class TrendRow:
    """A day, week or month of entry, with the one at its place in the previous period."""

    days: str
    bucket: TrendBucket
    conversion: str
    median: str
    before: Change | None


def trend(result: TrendResult) -> list[TrendRow]:
    earlier = result.previous.buckets if result.previous else ()
    paired = list(zip_longest(result.buckets, earlier))[: len(result.buckets)]
    return [
        TrendRow(
            days=words.days(one.start, one.end, result.interval),
            bucket=one,
            conversion=words.percent(one.conversion) if one.entered else "–",
            median=words.duration(one.median_seconds),
            before=words.change(one.conversion, old.conversion) if old else None,
        )
        for one, old in paired
    ]


# Breakdown


@dataclass(frozen=True, slots=True)
class Cell:
    """Who reached a step with one value."""

    count: int
    rate: str
    people: str


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One value of the breakdown; `width` of its bar in percent."""

    label: str
    is_special: bool
    cells: tuple[Cell, ...]
    entered: int
    share: str
    overall: str
    width: float
    median: str
    before: Change | None


def breakdown(result: FunnelResult, found: BreakdownResult, people: People) -> list[ValueRow]:
    total = sum(one.entered for one in found.values)
    return [_value(one, found.by, total, people) for one in found.values]


def _value(one: BreakdownValue, by: str, total: int, people: People) -> ValueRow:
    return ValueRow(
        label=words.value(one.value, by),
        is_special=not isinstance(one.value, str | int | float),
        cells=tuple(_cells(one, people)),
        entered=one.entered,
        share=words.percent(one.entered / total if total else 0),
        overall=words.percent(one.overall_conversion) if one.entered else "–",
        width=round(one.overall_conversion * 100, 3),
        median=words.duration(one.median_seconds_to_convert),
        before=_before(one, one.previous),
    )


def _cells(one: BreakdownValue, people: People) -> Iterator[Cell]:
    for step in one.steps:
        yield Cell(step.count, words.percent(step.conversion_from_start), _people_of_cell(one, step, people))


def _people_of_cell(one: BreakdownValue, step: StepResult, people: People) -> str:
    return people(step.index, "converted", breakdown_value=write_value(one.value)) if step.count else ""


def _before(one: Numbers, earlier: Numbers | None) -> Change | None:
    return words.change(one.overall_conversion, earlier.overall_conversion) if earlier else None
