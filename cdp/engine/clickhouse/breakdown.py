"""Funnels by the values of something: ClickHouse finds the value of each profile or event, the embedded engine's code
makes the groups."""

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse.asked import named
from cdp.engine.clickhouse.marks import TOUCHES, Asked, Marks, read_marks
from cdp.engine.clickhouse.properties import value_of
from cdp.engine.clickhouse.server import numbers_of
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.clickhouse.texts import labels_of
from cdp.engine.columnar.breakdown import LEFT_OUT, Coded, Grouped, group_rows, once_per_value
from cdp.engine.columnar.labels import Codes, Labels, codes_by_profile
from cdp.engine.columnar.step_streams import StepStream
from cdp.engine.columnar.touches import CodedRows, Touchable, values_at
from cdp.engine.columnar.walk import Walked, walk_tracks
from cdp.engine.funnels import Breakdown, ByAttribute, ByGroups, ByProperty


def grouped(asked: Asked, breakdown: Breakdown) -> tuple[Grouped, Walked]:
    """The rows by group, and those of the funnel as a whole."""
    by, labels = breakdown.by, Labels()
    if not isinstance(by, ByProperty):
        whole = walk(asked, read_marks(asked))
        return group_rows(whole, profile_codes(asked, by, whole.profile, labels), labels, breakdown), whole
    if by.attribution == "all_steps":
        marks = read_marks(asked, wanted=by.property, steps=(1 << len(asked.spec.steps)) - 1)
        codes = labels_of(marks.table.column("value"), labels)
        coded = Coded(marks.side, marks.tracks, [codes[rows] for rows in marks.rows])
        whole = walk(asked, marks)
        return once_per_value([coded], labels, asked.spec, breakdown, asked.as_of, asked.head.floor), whole
    if by.attribution == "step":
        assert by.step is not None
        marks = read_marks(asked, wanted=by.property, steps=1 << by.step)
        whole = walk(asked, marks)
        return group_rows(whole, step_codes(marks, whole, by.step, labels), labels, breakdown), whole
    whole = walk(asked, read_marks(asked))
    touched = known(asked, touches(asked, by), labels)
    return group_rows(whole, codes_by_profile(*touched, whole.profile), labels, breakdown), whole


def walk(asked: Asked, marks: Marks) -> Walked:
    return walk_tracks(marks.side, marks.tracks, asked.spec, asked.as_of, asked.head.floor)


def profile_codes(asked: Asked, by: ByAttribute | ByGroups, profiles: Ints, labels: Labels) -> Codes:
    if isinstance(by, ByGroups):
        return codes_by_profile(by.profile, labels.codes(by.label), profiles)
    return codes_by_profile(*known(asked, attributes_now(asked, by.attribute), labels), profiles)


def known(asked: Asked, statement: Statement, labels: Labels) -> tuple[Ints, Codes]:
    """Profiles with the codes of their values."""
    table = asked.server.table(statement.text, statement.parameters)
    return numbers_of(table.column("profile")), labels_of(table.column("known"), labels)


def attributes_now(asked: Asked, name: str) -> Statement:
    statement = asked.head.about_attributes("attributes_now", asked.as_of)
    statement.parameters["name"] = name
    return statement


def touches(asked: Asked, by: ByProperty) -> Statement:
    """Of all that ever happened, not only of the funnel's date range."""
    statement = asked.head.question("touches", asked.as_of, in_order=asked.head.known.in_order)
    statement.parts["touch"] = TOUCHES[by.attribution]
    statement.parts["value"] = value_of(by.property, statement)
    statement.parts["asked"] = asked.profiles(statement)
    statement.parts["serves"] = asked.serving(statement)
    statement.parts["named"] = named(asked.names(), statement)
    return statement


def step_codes(marks: Marks, whole: Walked, step: int, labels: Labels) -> Codes:
    """Per row of the answer the value at the step, LEFT_OUT where it was not reached."""
    by_row = labels_of(marks.table.column("value"), labels)
    received, seq = marks.column("received"), marks.column("seq")
    streams = []
    for track, rows in zip(marks.tracks, marks.rows, strict=True):
        if step in track.serves:
            does = ((track.bits >> np.uint32(step)) & np.uint32(1)).astype(np.uint8)
            served = StepStream(track.profile, track.ts, does, None)
            streams.append(Touchable(served, received[rows], seq[rows], CodedRows(by_row[rows])))
    codes = np.full(len(whole.profile), LEFT_OUT, np.int32)
    reached = whole.depth > step
    codes[reached] = values_at(streams, whole.place[reached], whole.times[reached, step], labels)
    return codes
