"""The past of a new segment: sizes of each day and spells, from events alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cdp.definitions.segments import parse_draft
from cdp.models import Profile, Segment, SegmentDay
from cdp.services import segment_history, segment_members, segments
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

DAY = timedelta(days=1)
WEEKLY = {"type": "event", "event": "purchase", "window": {"last": "P2D"}}


def made(workspace: Workspace, by: Actor, now: datetime, condition: dict[str, Any]) -> Segment:
    draft = parse_draft({"name": "Buyers", "condition": condition})
    segment = segments.create_from_draft(workspace=workspace, by=by, draft=draft, now=now)
    segment_members.keep_current(workspace, now=now)
    return segment


def days(segment: Segment) -> list[tuple[int, int, int, bool]]:
    rows = SegmentDay.objects.filter(segment=segment).order_by("day")
    return list(rows.values_list("size", "entered", "exited", "reconstructed"))


@pytest.fixture
def told(tell: Tell, anna: Profile, ben: Profile) -> None:
    """It is noon. Anna bought 4.5 days ago and this morning, Ben 1.5 days ago."""
    tell("identify", user="anna", hours_ago=24 * 6, email="anna@example.com")
    tell("identify", user="ben", hours_ago=24 * 6, email="ben@example.com")
    tell("purchase", user="anna", hours_ago=24 * 4.5)
    tell("purchase", user="ben", hours_ago=36)
    tell("purchase", user="anna", hours_ago=2)


def test_each_past_day_has_its_size(told: None, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    segment = made(workspace, by_alice, now, WEEKLY)
    assert segment_history.reconstruct(workspace, now=now, seconds=60) > 0
    # From the day of the first event on: Anna, Anna, nobody, Ben, and now both.
    assert days(segment) == [(1, 0, 0, True), (1, 0, 0, True), (0, 0, 1, True), (1, 1, 0, True), (2, 0, 0, False)]
    segment.refresh_from_db()
    assert segment.history_day is None


def test_spells_reach_into_the_past(
    told: None, workspace: Workspace, by_alice: Actor, now: datetime, anna: Profile, ben: Profile
) -> None:
    segment = made(workspace, by_alice, now, WEEKLY)
    segment_history.reconstruct(workspace, now=now, seconds=60)
    spells = {
        (
            spell.profile_id,
            round((now - spell.entered_at) / DAY, 1),
            spell.exited_at and round((now - spell.exited_at) / DAY, 1),
        )
        for spell in segment.spells.all()
    }
    # At the ends of days, where Berlin's are an hour before UTC's.
    assert spells == {(anna.pk, 3.5, 1.5), (anna.pk, 0.0, None), (ben.pk, 0.5, None)}


def test_it_goes_on_where_it_stopped(told: None, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    segment = made(workspace, by_alice, now, WEEKLY)
    rounds = 0
    while Segment.objects.get(pk=segment.pk).history_day is not None:
        assert segment_history.reconstruct(workspace, now=now, seconds=0.000001) <= 1
        rounds += 1
        assert rounds < 1_000
    assert [size for size, *_ in days(segment)] == [1, 1, 0, 1, 2]


def test_attributes_are_not_asked_of_the_past(told: None, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    plan = {"type": "profile", "field": "attributes.plan", "op": "not_exists"}
    segment = made(workspace, by_alice, now, {"type": "and", "children": [WEEKLY, plan]})
    assert segment_history.reconstruct(workspace, now=now) == 0
    assert len(days(segment)) == 1
