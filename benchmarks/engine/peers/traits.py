"""Aggregates per profile in SQL that DuckDB and PostgreSQL both understand."""

from collections.abc import Mapping

from benchmarks.engine.peers.filters import literal, named
from benchmarks.engine.profile_questions import TraitsQuestion
from cdp.engine.aggregates import AggregateSpec

EXPRESSIONS = {
    "count": "count(*) FILTER (WHERE {event})",
    "sum": "coalesce(CAST(sum(value) FILTER (WHERE {event}) AS double precision), 0) / 100",
    "avg": "CAST(avg(value) FILTER (WHERE {event}) AS double precision) / 100",
    "min": "coalesce(min(value) FILTER (WHERE {event}), 0) / 100.0",
    "max": "coalesce(max(value) FILTER (WHERE {event}), 0) / 100.0",
    "unique": "count(DISTINCT category) FILTER (WHERE {event})",
}


def sql(question: TraitsQuestion, table: str, touches: Mapping[str, str]) -> str:
    """`touches` says how this database writes first and last values."""
    if question.specs[0].fn == "mode":
        return mode(question.specs[0], table)
    names = sorted({str(spec.events.names[0]) for spec in question.specs})
    columns = ", ".join(expression(spec, touches) for spec in question.specs)
    return f"SELECT profile, {columns} FROM {table} WHERE {named(names)} GROUP BY profile"


def expression(spec: AggregateSpec, touches: Mapping[str, str]) -> str:
    event = f"event = {literal(str(spec.events.names[0]))}"
    return (EXPRESSIONS | dict(touches))[spec.fn].format(event=event)


def mode(spec: AggregateSpec, table: str) -> str:
    return f"""
        SELECT profile, category FROM (
            SELECT profile, category,
                   row_number() OVER (PARTITION BY profile ORDER BY count(*) DESC, category) AS place
            FROM {table} WHERE {named([str(name) for name in spec.events.names])} GROUP BY profile, category
        ) AS t WHERE place = 1"""
