"""Random histories: values like the oracle's, whatever happened to the events, and no change before it is due.

`HISTORIES=5000 pytest tests/cdp/traits/test_histories.py` looks further than the few examples of every day.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from cdp.engine.columnar import compaction
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.events import ENDLESS
from cdp.traits.evaluation import Values, evaluate
from stratum.lib import clock
from tests.cdp.traits.reference import Event, came_to
from tests.cdp.traits.story import as_json, batch, definition, labels_of, trait, value_of
from tests.engine.reference import Reference

EXAMPLES = int(os.environ.get("HISTORIES", "60"))
MICROSECOND = timedelta(microseconds=1)
# Midnight there is no hour like others: the clock is put forward over it.
ZONES = st.sampled_from(
    [ZoneInfo("Europe/Berlin"), ZoneInfo("America/Santiago"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC")]
)
# Around the nights in which Berlin and Santiago change their clocks.
NOWS = st.sampled_from(
    [datetime(2026, 3, 29, 12), datetime(2026, 9, 6, 12), datetime(2026, 10, 25, 3, 30), datetime(2026, 1, 1)]
).map(lambda moment: moment.replace(tzinfo=UTC))
STEPS = st.sampled_from([timedelta(), timedelta(hours=1), timedelta(days=1), timedelta(days=2), timedelta(days=7)])
OFFSETS = st.builds(
    lambda days, hours, edge: timedelta(days=days, hours=hours) + edge * MICROSECOND,
    st.integers(-10, 0), st.sampled_from([-24, -12, -3, -1, 0, 0, 1]), st.integers(-1, 1),
)  # fmt: skip
VALUES = st.sampled_from(
    [
        1,
        1.0,
        "1",
        2,
        2.5,
        "2.5",
        " 3 ",
        0,
        -1,
        1 / 3,
        0.000001,
        "a",
        "b",
        "B",
        True,
        False,
        None,
        "",
        [],
        [1, "a", "a"],
        {},
        {"a": 1},
        10**13,
    ]
)
CURRENCIES = st.sampled_from([None, "EUR", "eur", "USD", "SEK"])
PROFILES = st.integers(1, 3)
NAMES = st.sampled_from(["a", "b", "ab"])
EVENT = st.sampled_from(["a", "a", ["a", "b"], {"prefix": "a"}, "*", "unseen"])
WINDOWS = st.sampled_from(
    [None, None, {"last": "P2D"}, {"last": "PT12H"}, {"last": "P7D"}, {"last": "P1D", "align": "day"}, {"last": "P3D", "align": "day"},
     {"between": ["P3D", "P1D"]}, {"before": "P1D"}, {"calendar": "today"}, {"calendar": "yesterday"}, {"calendar": "this_week"},
     {"calendar": "last_week"}, {"calendar": "this_month"}, {"calendar": "last_month"}, {"calendar": "last_year"},
     {"from": "2026-03-27", "to": "2026-10-24"}, {"from": "2026-09-05T00:00:00Z"}]
)  # fmt: skip
WHERES = st.sampled_from(
    [None, None, {"property": "p", "op": "gt", "value": 1}, {"property": "p", "op": "exists"}, {"type": "not", "child": {"property": "p", "op": "eq", "value": "a"}},
     {"property": "p", "op": "eq", "value": 1}, {"property": "p", "op": "eq", "value": True}]
)  # fmt: skip


@st.composite
def traits(draw: st.DrawFn) -> dict[str, Any]:
    part = {"event": draw(EVENT), "window": draw(WINDOWS), "where": draw(WHERES)}
    kind = draw(
        st.sampled_from(
            [
                "count",
                "sum",
                "avg",
                "min",
                "max",
                "most_frequent",
                "first",
                "last",
                "unique_count",
                "unique_list",
                "ratio",
                "times",
            ]
        )
    )
    more: dict[str, Any] = {}
    if kind == "ratio":
        other = {"event": draw(EVENT), "window": draw(WINDOWS), "where": draw(WHERES)}
        return trait(kind="ratio", numerator=part, denominator=other, default=draw(st.sampled_from([None, 0])))
    if kind == "times":
        fn = draw(st.sampled_from(["first", "last", "min", "max"]))
        shape = {"kind": fn} if fn in ("first", "last") else {"fn": fn}
        calculation = {"calculation": "DAYS_SINCE"} if fn in ("first", "last") else {}
        return trait(**part, **shape, **calculation, property="timestamp")
    if kind in ("sum", "avg", "min", "max"):
        more["currency"] = draw(st.sampled_from([None, None, "EUR"]))
    if kind == "most_frequent":
        more |= {"tie": draw(st.sampled_from(["alphabetical", "most_recent"])), "min_count": draw(st.integers(1, 2))}
    if kind in ("avg", "min", "max", "most_frequent", "first", "last"):
        more["default"] = draw(st.sampled_from([None, "none"]))
    shape = {"fn": kind} if kind in ("count", "sum", "avg", "min", "max") else {"kind": kind}
    return trait(**part, **shape, property=draw(st.sampled_from(["p", "p.a"])), **more)


@dataclass(frozen=True)
class Happening:
    """`kind` names what happens, `what` is its argument: rows of (profile, offset, name, value, currency), or as the
    engine's writer takes it."""

    kind: str
    what: Any = None


ROWS = st.lists(st.tuples(PROFILES, OFFSETS, NAMES, VALUES, CURRENCIES), min_size=1, max_size=6)
HAPPENINGS = st.one_of(
    st.builds(Happening, st.just("append"), ROWS),
    st.builds(Happening, st.just("append"), ROWS),
    st.builds(Happening, st.just("relink"), st.dictionaries(PROFILES, PROFILES, min_size=1, max_size=2)),
    st.builds(Happening, st.just("retract"), st.sets(st.integers(1, 12), min_size=1, max_size=2)),
    st.builds(Happening, st.just("forget"), st.sets(PROFILES, min_size=1, max_size=1)),
    st.just(Happening("compact")),
)


@pytest.fixture(autouse=True)
def small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows already make a table of their own, and the rare names share one."""
    monkeypatch.setattr(compaction, "OWN_TABLE_ROWS", 3)


def tell(engine: ColumnarEngine, oracle: Reference, happening: Happening, now: datetime, seq: int) -> int:
    """To both; returns the next free sequence number. What is received late is received in another order."""
    if happening.kind == "compact":
        assert engine.compact()
        return seq
    what = happening.what
    if happening.kind == "append":
        what = [
            (profile, Event(now + offset, name, properties_of(value, currency), received=(seq + place) * 7 % 3, seq=seq + place))
            for place, (profile, offset, name, value, currency) in enumerate(happening.what)
        ]  # fmt: skip
        seq += len(what)
    with engine.writing(1) as writer:
        for one in (writer, oracle):
            getattr(one, happening.kind)(batch(what) if happening.kind == "append" else what)
        writer.commit({})
    return seq


def properties_of(value: Any, currency: str | None) -> dict[str, Any]:
    return {"p": value} | ({"currency": currency} if currency else {})


def histories(oracle: Reference) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = {}
    for owner, one in oracle.counting(ENDLESS):
        event = Event(clock.from_micros(one.ts), one.name, one.properties, one.received, one.seq)
        found.setdefault(owner, []).append(event)
    return found


@given(
    st.lists(HAPPENINGS, min_size=1, max_size=6),
    st.lists(traits(), min_size=1, max_size=5),
    NOWS,
    ZONES,
    st.none() | st.sets(PROFILES),
    STEPS,
)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 1_000, suppress_health_check=list(HealthCheck))
def test_values_are_those_of_the_oracle(
    happenings: list[Happening],
    bodies: list[dict[str, Any]],
    now: datetime,
    zone: ZoneInfo,
    some: set[int] | None,
    step: timedelta,
) -> None:
    note(f"{happenings=}\n{bodies=}")
    with tempfile.TemporaryDirectory() as folder:
        engine, oracle, seq = ColumnarEngine(Path(folder)), Reference(), 1
        for happening in happenings:
            seq = tell(engine, oracle, happening, now, seq)
        happened = histories(oracle)
        for moment in (now, now + step):
            wanted = sorted(some) if some is not None else None
            found = evaluate(
                engine,
                [definition(body, zone) for body in bodies],
                as_of=clock.to_micros(moment),
                zone=zone,
                profiles=None if wanted is None else np.array(wanted, np.int64),
            )
            for body, values in zip(bodies, found, strict=True):
                compare(values, body, happened, wanted, moment, zone)


def compare(
    values: Values,
    body: Mapping[str, Any],
    happened: Mapping[int, list[Event]],
    some: Sequence[int] | None,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    of = definition(body, zone)
    asked = [1, 2, 3] if some is None else some
    assert set(values.profile.tolist()) <= set(asked)
    foreign = 0
    for profile in asked:
        events = happened.get(profile, [])
        theirs = came_to(body, events, now, zone)
        foreign += theirs.foreign
        assert labels_of(value_of(values, of, profile)) == labels_of(as_json(theirs.value)), (profile, body)
        place = values.profile.tolist().index(profile) if profile in values.profile else None
        if place is None:
            assert (theirs.events, theirs.skipped) == (0, 0)
        else:
            assert (int(values.events[place]), int(values.skipped[place])) == (theirs.events, theirs.skipped)
        due = ENDLESS if place is None else int(values.due[place])
        nothing_changes_before(due, body, events, now, zone)
    assert values.foreign == foreign


def nothing_changes_before(
    due: int, body: Mapping[str, Any], events: list[Event], now: datetime, zone: ZoneInfo
) -> None:
    assert due > clock.to_micros(now)
    until = clock.from_micros(due) - MICROSECOND if due < ENDLESS else now + timedelta(days=1_000)
    value = came_to(body, events, now, zone).value
    between = now + (until - now) / 2
    for moment in (between, until):
        assert labels_of(as_json(came_to(body, events, moment, zone).value)) == labels_of(as_json(value)), (
            moment,
            body,
        )
