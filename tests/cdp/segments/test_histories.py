"""Random conditions over random people: the page's answer, the kept members and the oracle agree at every moment."""

import os
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.definitions.segments import parse_draft
from cdp.queries.segment_members import members_of
from cdp.queries.segment_preview import preview
from cdp.services import segment_members, segments
from stratum.lib import clock
from stratum.workspaces.access import SYSTEM
from tests.cdp.people import profile_of, teller
from tests.cdp.segments.reference import Person, satisfies
from tests.factories import WorkspaceFactory

EXAMPLES = int(os.environ.get("HISTORIES", "25"))
PEOPLE = ("anna", "ben", "carl")
NAMES = ("a", "b", "c")
HOURS = (1, 12, 24, 25, 48, 72, 96, 120, 168, 240)

names = st.sampled_from(NAMES) | st.just("*") | st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)
windows = st.sampled_from([{"last": "P1D"}, {"last": "P3D"}, {"between": ["P5D", "P2D"]}, {"before": "P2D"}])
wheres = st.sampled_from(
    [
        {"property": "n", "op": "gt", "value": 2},
        {"property": "n", "op": "not_exists"},
        {"property": "n", "op": "neq", "value": 1},
        {"property": "n", "op": "gt", "value": {"ref": "attributes.level"}},
        {"property": "n", "op": "neq", "value": {"ref": "attributes.level"}},
    ]
)
ties = st.sampled_from([{"property": "n", "op": op, "value": {"ref": "step.0.n"}} for op in ("eq", "eq", "neq", "gt")])
comparisons = st.sampled_from(
    [("gte", 2), ("lt", 2), ("eq", 0), ("neq", 1), ("between", [1, 2]), ("lte", 0), ("gt", 3)]
)


@st.composite
def of_events(draw: st.DrawFn, **fixed: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"event": draw(names), **fixed}
    if draw(st.booleans()):
        node["where"] = draw(wheres)
    return node


@st.composite
def performed(draw: st.DrawFn) -> dict[str, Any]:
    node = draw(of_events(type="event"))
    if draw(st.booleans()):
        node["window"] = draw(windows)
    if draw(st.booleans()):
        node["op"], node["value"] = draw(comparisons)
        measure = draw(st.sampled_from([None, {"fn": "sum", "property": "n"}, {"fn": "max", "property": "n"}]))
        node |= {"measure": measure} if measure else {}
    return node


@st.composite
def sequence(draw: st.DrawFn) -> dict[str, Any]:
    steps = draw(st.lists(of_events(), min_size=2, max_size=3))
    gaps = st.sampled_from([None, {"max": "P1D"}, {"min": "P1D"}, {"min": "P1D", "max": "P3D"}])
    for step in steps[1:]:
        gap = draw(gaps)
        step |= {"gap": gap} if gap else {}
        step |= {"where": draw(ties)} if draw(st.booleans()) else {}
    node: dict[str, Any] = {"type": "sequence", "steps": steps}
    if draw(st.booleans()):
        node["window"] = draw(windows)
    if draw(st.booleans()):
        node["total"] = "P3D"
    if draw(st.booleans()):
        node["exclude"] = [{"event": draw(st.sampled_from(NAMES)), "between": [0, 1]}]
        node["exclude"][0] |= {"where": draw(ties)} if draw(st.booleans()) else {}
    return node


leaves = st.one_of(
    performed(),
    sequence(),
    st.builds(lambda node, window: {**node, "window": window}, of_events(type="first_event"), windows),
    st.builds(
        lambda node, has, window: {**node, "has": has} | ({"window": window} if window else {}),
        of_events(type="last_event"),
        wheres,
        st.none() | windows,
    ),
    st.builds(
        lambda node, least: {**node, "per": "P1D", "periods": 4, "at_least": least},
        of_events(type="regular"),
        st.integers(1, 3),
    ),
    st.sampled_from(
        [
            {"type": "profile", "field": "attributes.plan", "op": "eq", "value": "gold"},
            {"type": "profile", "field": "attributes.plan", "op": "neq", "value": "gold"},
            {"type": "profile", "field": "attributes.plan", "op": "not_exists"},
            {"type": "profile", "field": "attributes.plan", "op": "in", "value": ["gold", "tin"]},
        ]
    ),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda kind, children: {"type": kind, "children": children},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda child: {"type": "not", "child": child}, inner),
    ),
    max_leaves=4,
)
happenings = st.tuples(
    st.sampled_from(PEOPLE), st.sampled_from(NAMES), st.sampled_from(HOURS), st.none() | st.integers(0, 4)
)
tellings = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(["gold", "tin", "", 1, 2]))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=EXAMPLES < 1000,
)
@given(
    conditions=st.lists(conditions, min_size=1, max_size=3),
    rounds=st.lists(
        st.tuples(st.lists(happenings | tellings, max_size=6), st.sampled_from([0, 1, 13, 24, 47])),
        min_size=1,
        max_size=3,
    ),
)
def test_they_agree(
    conditions: list[dict[str, Any]],
    rounds: list[tuple[list[tuple[Any, ...]], int]],
    db: None,
    now: datetime,
) -> None:
    workspace = WorkspaceFactory(time_zone="Europe/Berlin")
    people = {who: Person() for who in PEOPLE}
    tell = teller(workspace, now)
    for who in PEOPLE:
        tell("identify", user=who, hours_ago=400, email=f"{who}@example.com")
    made = [
        segments.create_from_draft(
            workspace=workspace, by=SYSTEM, now=now, draft=parse_draft({"name": f"{place}", "condition": one})
        )
        for place, one in enumerate(conditions)
    ]
    at, number = now, 0
    for happened, hours in rounds:
        at += timedelta(hours=hours)
        tell = teller(workspace, at)
        for one in happened:
            number += 1
            if len(one) == 2:
                told(tell, people, *one)
            else:
                did(tell, people, at, number, *one)
        segment_members.keep_current(workspace, now=at)
        for segment, condition in zip(made, conditions, strict=True):
            expected = {
                profile_of(workspace, "user_id", who).pk
                for who, person in people.items()
                if satisfies(condition, person, clock.to_micros(at))
            }
            assert set(members_of(workspace, segment).tolist()) == expected
            parsed = parse_draft({"name": "x", "condition": condition}).condition
            assert preview(workspace, parsed, include_anonymous=False, now=at).size == len(expected)


def told(tell: Any, people: dict[str, Person], who: str, plan: str | int) -> None:
    name = "plan" if isinstance(plan, str) else "level"
    tell("identify", user=who, hours_ago=0, **{name: plan or None})
    people[who].attributes[name] = plan or None


def did(
    tell: Any, people: dict[str, Person], at: datetime, number: int, who: str, name: str, hours: int, n: int | None
) -> None:
    said = {} if n is None else {"n": n}
    tell(name, user=who, hours_ago=hours, **said)
    micros = clock.to_micros(at - timedelta(hours=hours))
    people[who].events.append((micros, number, name, said))
