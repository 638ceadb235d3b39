"""The questions about profiles in ClickHouse's SQL."""

from benchmarks.engine.data import END, START
from benchmarks.engine.peers.filters import literal, named, test
from benchmarks.engine.profile_questions import MembersQuestion, OverlapQuestion, ProfileQuestion, TraitsQuestion
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.conditions import EventCondition, SequenceCondition
from cdp.engine.events import Events

# What each function needs of an event, and what it is called; money is stored in cents and answered in whole units.
EXPRESSIONS = {
    "sum": "sum{if}(value{also}) / 100",
    "avg": "avg{if}(value{also}) / 100",
    "min": "min{if}(value{also}) / 100",
    "max": "max{if}(value{also}) / 100",
    "unique": "uniqExact{if}(category{also})",
}
TOUCHES = {"first": "argMinIf", "last": "argMaxIf"}


def sql(question: ProfileQuestion, layout: str, suffix: str = "") -> str:
    """Of the tables `layout` (events), `profiles` and `segments_layout`, all with the suffix."""
    match question:
        case TraitsQuestion(specs=specs):
            return mode(specs[0], layout + suffix) if specs[0].fn == "mode" else traits(specs, layout + suffix)
        case MembersQuestion(condition=EventCondition() as condition):
            return counted(condition, layout + suffix, f"profiles{suffix}")
        case MembersQuestion(condition=SequenceCondition() as condition):
            return sequence(condition, layout + suffix)
        case OverlapQuestion():
            return overlap(f"segments_{layout}{suffix}")
    raise NotImplementedError(question)


def traits(specs: tuple[AggregateSpec, ...], table: str) -> str:
    names = sorted({str(spec.events.names[0]) for spec in specs})
    columns = ", ".join(expression(spec, len(names) > 1) for spec in specs)
    return f"SELECT profile, {columns} FROM {table} WHERE {named(names)} GROUP BY profile"


def expression(spec: AggregateSpec, is_mixed: bool) -> str:
    """With a condition only where the rows are of several events."""
    event = named([str(name) for name in spec.events.names])
    if spec.fn in TOUCHES:
        return f"{TOUCHES[spec.fn]}(platform, ts, {f'{event} AND ' if is_mixed else ''}platform != '')"
    if spec.fn == "count":
        return f"countIf({event})" if is_mixed else "count()"
    ending, also = ("If", f", {event}") if is_mixed else ("", "")
    return EXPRESSIONS[spec.fn].replace("{if}", ending).replace("{also}", also)


def mode(spec: AggregateSpec, table: str) -> str:
    """Counted by profile and value, because topK is not exact; on a tie the first by its text."""
    return f"""
        SELECT profile, argMin(category, (-toInt64(times), category)) FROM (
            SELECT profile, category, count() AS times FROM {table}
            WHERE {named([str(name) for name in spec.events.names])} GROUP BY profile, category
        ) GROUP BY profile"""


def wanted(events: Events) -> str:
    bounds = [f"ts >= {events.start}"] * (events.start > START) + [f"ts < {events.end}"] * (events.end < END)
    tests = [test(events.where)] if events.where else []
    return " AND ".join([named([str(name) for name in events.names]), *tests, *bounds])


def counted(condition: EventCondition, table: str, profiles: str) -> str:
    """Number of events: at least so many, or none at all, which needs to know who there is."""
    who = f"SELECT profile FROM {table} WHERE {wanted(condition.events)}"
    if (condition.op, condition.value) == ("eq", 0):
        return f"SELECT profile FROM {profiles} WHERE profile NOT IN ({who})"
    assert condition.op == "gte"
    return f"{who} GROUP BY profile HAVING count() >= {condition.value}"


def sequence(condition: SequenceCondition, table: str) -> str:
    """windowFunnel where all steps lie within one span, sequenceMatch where every step has its own."""
    names = [str(step.names[0]) for step in condition.steps]
    steps = ", ".join(named([name]) for name in names)
    if condition.total is not None:
        holds = f"windowFunnel({condition.total})(ts, {steps}) = {len(names)}"
    else:
        gaps = [f"(?t<={step.max_gap})(?{place})" for place, step in enumerate(condition.steps[1:], 2)]
        holds = f"sequenceMatch({literal('(?1)' + ''.join(gaps))})(ts, {steps})"
    return f"SELECT profile FROM {table} WHERE {named(names)} GROUP BY profile HAVING {holds}"


def overlap(table: str) -> str:
    return f"""
        SELECT inside, count() FROM (
            SELECT profile, groupBitOr(bit) AS inside FROM {table} GROUP BY profile
        ) GROUP BY inside"""
