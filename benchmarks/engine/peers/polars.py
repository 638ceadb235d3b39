"""Polars in this process, on all cores, its rows in memory in the order of users and time."""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path

import polars as pl

from benchmarks.engine.data import END, START, Size
from benchmarks.engine.peers import Way
from benchmarks.engine.peers.running import is_plain
from benchmarks.engine.profile_questions import TraitsQuestion
from benchmarks.engine.questions import Asked, Columns, Question
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.funnels import FunnelSpec

COLUMNS = ("profile", "ts", "event", "platform", "category", "value")


class Polars:
    name = "Polars"
    most_events = 1_000_000

    def __init__(self, events: Path, folder: Path, size: Size) -> None:
        self.version = pl.__version__
        coded = pl.col("event", "platform", "category").cast(pl.Categorical)
        self.frame = pl.read_parquet(events, columns=list(COLUMNS)).with_columns(coded).sort("profile", "ts")

    def ways(self, question: Asked) -> tuple[Way, ...]:
        plan = self.plan(question)
        return (Way("", plan.collect, lambda: columns(plan.collect())),) if plan is not None else ()

    def plan(self, question: Asked) -> pl.LazyFrame | None:
        if isinstance(question, TraitsQuestion):
            return traits(self.frame.lazy(), question.specs)
        if isinstance(question, Question) and is_plain(question):
            return funnel(self.frame.lazy(), question.spec)
        return None

    def bytes_on_disk(self) -> Mapping[str, int]:
        return {}


def columns(answer: pl.DataFrame) -> Columns:
    by_first = answer.sort(answer.columns[0])
    return tuple(by_first[name].to_list() for name in by_first.columns)


def funnel(rows: pl.LazyFrame, spec: FunnelSpec) -> pl.LazyFrame:
    """As in `running`: the running maximum of the entries of chains that have reached a step."""
    names = [step.events[0] for step in spec.steps]
    wanted = pl.col("event").is_in(names)
    if spec.start > START:
        wanted &= pl.col("ts") >= spec.start
    inner = reduce(lambda rows, place: with_entry(rows, spec, place), range(len(names)), rows.filter(wanted))
    reached = pl.col([f"entry_{place}" for place in range(len(names))])
    return inner.group_by("profile").agg(reached.max()).select(reached.count())


def with_entry(rows: pl.LazyFrame, spec: FunnelSpec, place: int) -> pl.LazyFrame:
    is_step = pl.col("event") == spec.steps[place].events[0]
    if place == 0:
        entry = pl.when(is_step & (pl.col("ts") < min(spec.end, END))).then("ts")
    else:
        before = pl.col(f"entry_{place - 1}")
        entry = pl.when(is_step & (pl.col("ts") - before <= spec.window)).then(before)
    return rows.with_columns(entry.cum_max().forward_fill().over("profile").alias(f"entry_{place}"))


def traits(rows: pl.LazyFrame, specs: tuple[AggregateSpec, ...]) -> pl.LazyFrame:
    if specs[0].fn == "mode":
        return mode(rows, specs[0])
    names = sorted({str(spec.events.names[0]) for spec in specs})
    values = [value(spec).alias(str(place)) for place, spec in enumerate(specs)]
    return rows.filter(pl.col("event").is_in(names)).group_by("profile").agg(values)


def value(spec: AggregateSpec) -> pl.Expr:
    is_event = pl.col("event") == str(spec.events.names[0])
    if spec.fn == "count":
        return is_event.sum()
    if spec.fn == "unique":
        return pl.col("category").filter(is_event).n_unique()
    if spec.fn in ("first", "last"):
        touched: pl.Expr = getattr(pl.col("platform").filter(is_event).drop_nulls(), spec.fn)()
        return touched.cast(pl.String).fill_null("")
    function = {"avg": "mean"}.get(spec.fn, spec.fn)
    money: pl.Expr = getattr(pl.col("value").filter(is_event), function)() / 100
    return money if spec.fn == "avg" else money.fill_null(0.0)


def mode(rows: pl.LazyFrame, spec: AggregateSpec) -> pl.LazyFrame:
    """On a tie the first by its text."""
    events = rows.filter(pl.col("event") == str(spec.events.names[0]))
    counted = events.group_by("profile", "category").agg(rarity=-pl.len().cast(pl.Int64))
    category = pl.col("category").cast(pl.String)
    return counted.group_by("profile").agg(category.sort_by("rarity", category).first())
