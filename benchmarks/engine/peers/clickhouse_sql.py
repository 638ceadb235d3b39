"""The questions in ClickHouse's SQL, each in the fastest form known that gives the same answer.

Plain funnels are `windowFunnel`. It knows neither attempts nor the times of a chain nor our strict order: these walk a
user's sorted events with `arrayFold`, whose state is, for each step, the latest entry of a chain that has reached it.
"""

from collections.abc import Callable

from benchmarks.engine.data import DAY, END, START
from benchmarks.engine.peers.filters import literal, named, test
from benchmarks.engine.questions import Question
from cdp.engine.funnels import FunnelSpec, Step


def sql(question: Question, table: str) -> str | None:
    spec = question.spec
    if spec.exclusions:
        return None
    by_shape: dict[str, Callable[[FunnelSpec, str], str]] = {"times": times, "values": breakdown, "days": trend}
    if question.shape in by_shape:
        return by_shape[question.shape](spec, table)
    if spec.counting == "totals":
        return totals(spec, table)
    return {"ordered": ordered, "strict": strict, "any_order": any_order}[spec.mode](spec, table)


# -- conditions -------------------------------------------------------------------------------------------------------


def condition(step: Step) -> str:
    event = named(step.events)
    return f"({event} AND {test(step.where)})" if step.where else event


def conditions(spec: FunnelSpec) -> list[str]:
    """Of the steps; only the first one has to lie in the date range."""
    first, *rest = map(condition, spec.steps)
    return [first if spec.end >= END else f"({first} AND ts < {spec.end})", *rest]


def any_step(spec: FunnelSpec) -> str:
    return f"event IN {literal(tuple(step.events[0] for step in spec.steps))}"


def in_reach(spec: FunnelSpec) -> str:
    """Events that a chain may have: none before the range, none a window after it."""
    return " AND ".join(
        [any_step(spec)]
        + ([f"ts >= {spec.start}"] if spec.start > START else [])
        + ([f"ts <= {spec.end + spec.window}"] if spec.end < END else [])
    )


def step_counts(spec: FunnelSpec) -> str:
    return ", ".join(f"countIf(level >= {step + 1}) AS step_{step + 1}" for step in range(len(spec.steps)))


# -- with windowFunnel ------------------------------------------------------------------------------------------------


def ordered(spec: FunnelSpec, table: str) -> str:
    return f"""
        SELECT {step_counts(spec)} FROM (
            SELECT windowFunnel({spec.window})(ts, {", ".join(conditions(spec))}) AS level
            FROM {table} WHERE {in_reach(spec)} GROUP BY profile
        )"""


def breakdown(spec: FunnelSpec, table: str) -> str:
    """The first touch may lie before the date range."""
    first, *rest = conditions(spec)
    entry = first if spec.start <= START else f"({first} AND ts >= {spec.start})"
    return f"""
        SELECT touch, {step_counts(spec)} FROM (
            SELECT argMinIf(platform, ts, platform != '') AS touch,
                   windowFunnel({spec.window})(ts, {", ".join([entry, *rest])}) AS level
            FROM {table} WHERE {any_step(spec)} GROUP BY profile
        ) WHERE level > 0 GROUP BY touch ORDER BY touch"""


def trend(spec: FunnelSpec, table: str) -> str:
    """An event can matter to the days of entry from a window before it to its own."""
    first, *rest = conditions(spec)
    days = spec.window // DAY
    return f"""
        SELECT day, {step_counts(spec)} FROM (
            SELECT day, windowFunnel({spec.window})(ts, {first} AND ts < day + {DAY}, {", ".join(rest)}) AS level
            FROM (
                SELECT profile, ts, event, arrayJoin(arrayMap(back -> intDiv(ts, {DAY}) * {DAY} - back * {DAY},
                    range(if(event = {literal(spec.steps[0].events[0])}, 1, {days + 1})))) AS day
                FROM {table} WHERE {in_reach(spec)}
            ) WHERE day >= {spec.start} GROUP BY profile, day
        ) WHERE level > 0 GROUP BY day ORDER BY day"""


# -- with arrayFold ---------------------------------------------------------------------------------------------------


def number(spec: FunnelSpec) -> str:
    """Which step an event is, 0 for none."""
    pairs = ", ".join(f"{condition}, {step + 1}" for step, condition in enumerate(conditions(spec)))
    return f"toUInt8(multiIf({pairs}, 0))"


def timeline(spec: FunnelSpec) -> str:
    """A user's events as pairs of instant and step, in order."""
    return f"arraySort(groupArray((ts, {number(spec)})))"


def zeros(count: int) -> str:
    return ", ".join(["toUInt64(0)"] * count)


def reaches(spec: FunnelSpec, step: int) -> str:
    """Whether event `e` brings a chain to the 1-based step, where a.(k) is the latest entry that reached step k."""
    return f"e.2 = {step} AND a.{step - 1} > 0 AND e.1 - a.{step - 1} <= {spec.window}"


def latest_entries(spec: FunnelSpec, steps: int) -> list[str]:
    later = [f"if({reaches(spec, step)}, a.{step - 1}, a.{step})" for step in range(2, steps + 1)]
    return ["if(e.2 = 1, e.1, a.1)", *later]


def totals(spec: FunnelSpec, table: str) -> str:
    """Attempts: state is the latest entries of all steps but the last, the attempt's depth, and how many reached each
    step. What is older than the window stops to count by itself; a conversion begins anew."""
    steps = len(spec.steps)
    level = f"multiIf(e.2 = 1, 1, {', '.join(f'{reaches(spec, step)}, {step}' for step in range(2, steps + 1))}, 0)"
    depth = f"if(a.1 > 0 AND e.1 - a.1 <= {spec.window}, a.{steps}, 0)"
    entries = [f"if({reaches(spec, steps)}, 0, {entry})" for entry in latest_entries(spec, steps - 1)]
    deeper = f"if({reaches(spec, steps)}, 0, greatest({depth}, {level}))"
    reached = [f"a.{steps + step} + ({level} = {step} AND {depth} < {step})" for step in range(1, steps + 1)]
    state = ", ".join(f"toUInt64({part})" for part in [*entries, deeper, *reached])
    sums = ", ".join(f"sum(state.{steps + step}) AS step_{step}" for step in range(1, steps + 1))
    return f"""
        SELECT {sums} FROM (
            SELECT arrayFold((a, e) -> ({state}), {timeline(spec)}, ({zeros(2 * steps)})) AS state
            FROM {table} WHERE {in_reach(spec)} GROUP BY profile
        )"""


def times(spec: FunnelSpec, table: str) -> str:
    """The first completion of the deepest chain has an entry; from there on the earliest event of each step."""
    steps = len(spec.steps)
    level = f"multiIf(e.2 = 1, 1, {', '.join(f'{reaches(spec, step)}, {step}' for step in range(2, steps + 1))}, 0)"
    entry = f"multiIf(e.2 = 1, e.1, {', '.join(f'e.2 = {step}, a.{step - 1}' for step in range(2, steps + 1))}, 0)"
    best, chosen = f"a.{steps + 1}", f"a.{steps + 2}"
    folded = [*latest_entries(spec, steps), f"greatest({best}, {level})", f"if({level} > {best}, {entry}, {chosen})"]
    state = ", ".join(f"toUInt64({part})" for part in folded)
    middles = "".join(
        f", arrayFirst(e -> e.2 = {step} AND e.1 > t{step - 1}, events).1 AS t{step}" for step in range(2, steps + 1)
    )
    averages = ", ".join(
        f"avgIf(t{step} - t{step - 1}, level >= {step}) AS average_{step}" for step in range(2, steps + 1)
    )
    medians = ", ".join(
        f"quantileExactInclusiveIf(0.5)(t{step} - t{step - 1}, level >= {step}) AS median_{step}"
        for step in range(2, steps + 1)
    )
    return f"""
        SELECT {step_counts(spec)}, {averages}, {medians} FROM (
            SELECT state.{steps + 1} AS level, state.{steps + 2} AS t1 {middles} FROM (
                SELECT {timeline(spec)} AS events,
                       arrayFold((a, e) -> ({state}), events, ({zeros(steps + 2)})) AS state
                FROM {table} WHERE {in_reach(spec)} GROUP BY profile
            )
        )"""


def strict(spec: FunnelSpec, table: str) -> str:
    """Neighbours in the whole timeline: state is the steps done without a break, their entry, and the best so far."""
    longer = f"multiIf(e.2 = 1, 1, e.2 > 1 AND e.2 = a.1 + 1 AND e.1 - a.2 <= {spec.window}, e.2, 0)"
    state = f"toUInt64({longer}), if(e.2 = 1, e.1, a.2), toUInt64(greatest(a.3, {longer}))"
    return f"""
        SELECT {step_counts(spec)} FROM (
            SELECT arrayFold((a, e) -> ({state}), {timeline(spec)}, ({zeros(3)})).3 AS level
            FROM {table} GROUP BY profile
        )"""


def any_order(spec: FunnelSpec, table: str) -> str:
    """State is when each step was last done, and the most steps within one window."""
    steps = len(spec.steps)
    last = [f"if(e.2 = {step}, e.1, a.{step})" for step in range(1, steps + 1)]
    within = " + ".join(f"(e.1 - {one} <= {spec.window})" for one in last)
    state = ", ".join([*last, f"toUInt64(greatest(a.{steps + 1}, {within}))"])
    return f"""
        SELECT {step_counts(spec)} FROM (
            SELECT arrayFold((a, e) -> ({state}), {timeline(spec)}, ({zeros(steps + 1)})).{steps + 1} AS level
            FROM {table} WHERE {in_reach(spec)} GROUP BY profile
        )"""
