"""Traits of all time when raw events expire: what is carried and what is stored come to what all events came to."""

import json
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.definitions.traits import TraitDefinition
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.timeline import TimelineEvent
from cdp.traits.carry import State, folded, keys, merged, value_of
from cdp.traits.evaluation import evaluate
from cdp.traits.lifetime import needs_events, with_carried
from stratum.lib import clock
from tests.cdp.traits.reference import Event, came_to
from tests.cdp.traits.story import BERLIN, NOON, as_json, batch, definition, labels_of, trait
from tests.cdp.traits.story import value_of as value_of_profile
from tests.cdp.traits.test_histories import (
    CURRENCIES,
    EXAMPLES,
    NAMES,
    OFFSETS,
    PROFILES,
    VALUES,
    properties_of,
    traits,
)

NOW = clock.to_micros(NOON)
WITHOUT_WINDOW: dict[str, Any] = {"window": None}
ROW = (OFFSETS, NAMES, VALUES, CURRENCIES)
HISTORY = st.lists(st.tuples(*ROW), max_size=10)


def lifetime(body: dict[str, Any]) -> dict[str, Any]:
    parts = {name: {**body[name], **WITHOUT_WINDOW} for name in ("numerator", "denominator") if name in body}
    more = parts or WITHOUT_WINDOW
    return {**body, **more, "default": None}


def timeline(events: list[Event]) -> list[TimelineEvent]:
    return [
        TimelineEvent(one.seq, 1, clock.to_micros(one.at), one.received, one.name, 0, dict(one.properties))
        for one in events
    ]


def states(of: TraitDefinition, known: list[State | None], events: list[Event]) -> list[State | None]:
    """As they come back from a jsonb column."""
    found = [folded(of, part, state, timeline(events), NOW) for part, state in zip(of.parts, known, strict=True)]
    back: list[State | None] = json.loads(json.dumps(found))
    return back


@given(HISTORY, traits().map(lifetime), st.lists(st.integers(0, 2), min_size=10, max_size=10))
@settings(max_examples=4 * EXAMPLES, deadline=None, derandomize=EXAMPLES < 1_000)
def test_states_come_to_what_the_events_come_to(
    history: list[tuple[Any, ...]], body: dict[str, Any], places: list[int]
) -> None:
    """Folded bit by bit, and as two profiles that were merged."""
    of = definition(body)
    events = [
        Event(NOON + offset, name, properties_of(value, currency), received=seq * 7 % 3, seq=seq)
        for seq, (offset, name, value, currency) in enumerate(history)
    ]
    theirs = came_to(body, events, NOON, BERLIN)
    nobody: list[State | None] = [None] * len(of.parts)
    parts = [[one for one, place in zip(events, places, strict=False) if place == wanted] for wanted in range(3)]
    carried = states(of, states(of, nobody, parts[0]), parts[1])
    survivor = [merged(one, other) for one, other in zip(carried, states(of, nobody, parts[2]), strict=True)]
    for ours in (survivor, states(of, carried, parts[2])):
        value = value_of(of, ours, BERLIN)
        if value is None and all(state is None for state in ours):
            assert theirs.events == 0
        else:
            assert labels_of(value) == labels_of(as_json(theirs.value)), (body, ours)
        assert sum((state or {}).get("events", 0) for state in ours) == theirs.events


@given(st.lists(st.tuples(PROFILES, *ROW), max_size=12), traits().map(lifetime), OFFSETS, st.booleans())
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 1_000)
def test_values_survive_the_expiry_of_events(
    rows: list[tuple[Any, ...]], body: dict[str, Any], cut: timedelta, has_window: bool
) -> None:
    if has_window and body["kind"] == "ratio":
        body, cut = (
            {**body, "numerator": {**body["numerator"], "window": {"last": "P2D"}}},
            min(cut, timedelta(days=-3)),
        )
    of = definition(body)
    happened = [
        (profile, Event(NOON + offset, name, properties_of(value, currency), received=seq * 7 % 3, seq=seq))
        for seq, (profile, offset, name, value, currency) in enumerate(rows, 1)
    ]
    old = [(profile, one) for profile, one in happened if one.at < NOON + cut]
    stored = [(profile, one) for profile, one in happened if one.at >= NOON + cut]
    carried = {
        who: states(of, [None] * len(of.parts), [one for profile, one in old if profile == who]) for who in (1, 2, 3)
    }
    needed = {who: timeline([one for profile, one in stored if profile == who]) for who in (1, 2, 3)}
    with tempfile.TemporaryDirectory() as folder:
        engine = ColumnarEngine(Path(folder))
        with engine.writing(1) as writer:
            writer.append(batch(stored))
            writer.commit({})
        (values,) = evaluate(engine, [of], as_of=NOW, zone=BERLIN)
    ours = with_carried(of, values, carried, needed if needs_events(of) else {}, as_of=NOW, zone=BERLIN)
    for who in (1, 2, 3):
        theirs = came_to(body, [one for profile, one in happened if profile == who], NOON, BERLIN)
        assert labels_of(value_of_profile(ours, of, who)) == labels_of(as_json(theirs.value)), (who, body)


def test_traits_that_need_the_same_share_a_state() -> None:
    def key(**body: Any) -> tuple[str | None, ...]:
        return keys(definition(trait(**body)), BERLIN)

    total = key(fn="sum", property="revenue")
    assert total == key(fn="avg", property="revenue", default=0) == key(fn="max", property="revenue", name="other")
    others = [
        key(fn="sum", property="tax"),
        key(fn="sum", property="revenue", currency="EUR"),
        key(fn="sum", property="revenue", event="refund"),
        key(fn="sum", property="revenue", where={"property": "p", "op": "exists"}),
        key(kind="unique_count", property="revenue"),
    ]
    assert len({total, *others}) == 6
    assert key(window={"last": "P1D"}) == (None,)


def test_the_sum_of_expired_and_stored_events_is_exact() -> None:
    of = definition(trait(fn="sum", property="revenue"))
    events = [Event(NOON, "purchase", {"revenue": "0.1"}, seq=seq) for seq in range(3)]
    (carried,) = states(of, [None], events[:2])
    assert value_of(of, states(of, [carried], events[2:]), BERLIN) == 0.3
