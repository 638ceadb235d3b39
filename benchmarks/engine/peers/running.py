"""The plain funnel in SQL that every database with window functions understands.

Sorted by time, the running maximum of the entries of chains that have reached a step is the latest such entry, and an
event brings a chain to the next step when that entry is at most a window ago.
"""

from benchmarks.engine.data import END, START
from benchmarks.engine.questions import Question

PAST = "PARTITION BY profile ORDER BY ts ROWS UNBOUNDED PRECEDING"


def is_plain(question: Question) -> bool:
    """Funnels of unique users in order, without filters: what this form is meant for."""
    spec = question.spec
    is_usual = spec.mode == "ordered" and spec.counting == "unique" and not spec.exclusions and not spec.breakdown
    return question.shape == "counts" and is_usual and not any(step.where for step in spec.steps)


def sql(question: Question, table: str) -> str | None:
    if not is_plain(question):
        return None
    spec = question.spec
    names = [step.events[0] for step in spec.steps]
    cases = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(names, 1))
    listed = ", ".join(f"'{name}'" for name in names)
    bounds = [f"ts >= {spec.start}"] * (spec.start > START) + [f"ts <= {spec.end + spec.window}"] * (spec.end < END)
    wanted = " AND ".join([f"event IN ({listed})", *bounds])
    inner = f"SELECT profile, ts, CASE event {cases} END AS step FROM {table} WHERE {wanted}"
    for place in range(1, len(names) + 1):
        latest = f"max({reached(place, spec.window, spec.end)}) OVER past AS entry_{place}"
        inner = f"SELECT *, {latest} FROM ({inner}) AS t WINDOW past AS ({PAST})"
    entries = ", ".join(f"max(entry_{place}) AS entry_{place}" for place in range(1, len(names) + 1))
    counts = ", ".join(f"count(entry_{place})" for place in range(1, len(names) + 1))
    return f"SELECT {counts} FROM (SELECT {entries} FROM ({inner}) AS t GROUP BY profile) AS t"


def reached(place: int, window: int, end: int) -> str:
    if place == 1:
        return f"CASE WHEN step = 1 AND ts < {end} THEN ts END"
    return f"CASE WHEN step = {place} AND ts - entry_{place - 1} <= {window} THEN entry_{place - 1} END"
