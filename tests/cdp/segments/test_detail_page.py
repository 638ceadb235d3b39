"""/dashboard/cdp/segments/<id>: search, why somebody is in or not, daily sizes, status that follows."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from cdp.models import Profile, Segment, SegmentDay
from cdp.services import profiles as profile_services
from cdp.services import segment_members, segments
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.segments.conftest import Person
from tests.cdp.segments.test_pages import text

URL = "/dashboard/cdp/segments"
BUYERS = {"type": "event", "event": "purchase", "window": {"last": "P30D"}}


@pytest.fixture
def buyers(workspace: Workspace, by_alice: Actor, tell: Tell, anna: Profile, ben: Profile, now: datetime) -> Segment:
    tell("purchase", user="anna", hours_ago=3, revenue=9)
    made = segments.create(workspace=workspace, by=by_alice, name="Buyers", description="", condition=BUYERS, now=now)
    segment_members.keep_current(workspace, now=now)
    return made


def test_members_are_searched(as_bob: Client, friends: Segment, anna: Profile, person: Person) -> None:
    person("annabel")
    page = text(as_bob.get(f"{URL}/{friends.pk}?q=ANNA"))
    assert "anna@example.com" in page and "ben@example.com" not in page and "annabel@example.com" not in page
    assert "2 profiles" in page
    assert "anna@example.com" in text(as_bob.get(f"{URL}/{friends.pk}?q={anna.pk}"))
    assert "No member is found by “annabel”" in text(as_bob.get(f"{URL}/{friends.pk}?q=annabel"))


def test_the_search_answers_with_the_rows_alone(as_bob: Client, friends: Segment) -> None:
    headers = {"HX-Request": "true", "HX-Target": "segment-members"}
    answer = text(as_bob.get(f"{URL}/{friends.pk}?q=ben", headers=headers))
    assert answer.strip().startswith('<div id="segment-members">') and "ben@example.com" in answer


def test_a_merged_member_is_found(
    as_bob: Client, friends: Segment, workspace: Workspace, tell: Tell, anna: Profile
) -> None:
    tell("page", visitor="phone-7", hours_ago=1)
    tell("identify", user="anna", visitor="phone-7", hours_ago=0.5)
    assert "anna@example.com" in text(as_bob.get(f"{URL}/{friends.pk}?q=phone-7"))


def test_the_page_follows_while_members_are_decided(
    as_bob: Client, workspace: Workspace, by_alice: Actor, anna: Profile, now: datetime
) -> None:
    made = segments.create(
        workspace=workspace, by=by_alice, name="All", description="", condition={"type": "all"}, now=now
    )
    Segment.objects.update(status=Segment.Status.COMPUTING)
    assert 'hx-trigger="load delay:2s"' in text(as_bob.get(f"{URL}/{made.pk}"))
    segment_members.keep_current(workspace, now=now)
    headers = {"HX-Request": "true", "HX-Target": "segment-live"}
    answer = text(as_bob.get(f"{URL}/{made.pk}", headers=headers))
    assert "load delay:2s" not in answer
    assert '<span id="segment-size" hx-swap-oob="innerHTML">1 profile</span>' in answer
    assert "<h1" not in answer


def test_why_somebody_is_in_and_somebody_is_not(as_bob: Client, buyers: Segment, anna: Profile) -> None:
    page = text(as_bob.get(f"{URL}/{buyers.pk}/why?profile={anna.pk}"))
    assert "Why is anna@example.com in?" in page and "1 such event; purchase" in page
    assert '<th scope="row"' in page and "still in" in page
    page = text(as_bob.get(f"{URL}/{buyers.pk}/why?profile=ben@example.com"))
    assert "Why is ben@example.com not in?" in page and "no such event" in page
    assert "Never in this segment" in page


def test_why_of_nobody_of_a_list_and_of_what_cannot_be_read(as_bob: Client, buyers: Segment, friends: Segment) -> None:
    answer = as_bob.get(f"{URL}/{buyers.pk}/why?profile=nobody")
    assert answer.status_code == 404 and "Nobody in this workspace is “nobody”" in text(answer)
    assert "is on this list of people" in text(as_bob.get(f"{URL}/{friends.pk}/why?profile=anna"))
    Segment.objects.filter(pk=buyers.pk).update(condition={"type": "weather"})
    assert "A condition is one of" in text(as_bob.get(f"{URL}/{buyers.pk}/why?profile=anna"))


def test_why_of_an_erased_profile_is_nobody(
    as_bob: Client, buyers: Segment, anna: Profile, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    profile_services.erase(workspace=workspace, by=by_alice, profile=anna, now=now)
    assert as_bob.get(f"{URL}/{buyers.pk}/why?profile={anna.pk}").status_code == 404


def test_sizes_by_day_as_chart_table_and_csv(as_bob: Client, buyers: Segment, now: datetime) -> None:
    SegmentDay.objects.filter(segment=buyers).delete()
    today = now.date()
    for ago, size, entered, left in ((2, 5, 0, 0), (1, 7, 3, 1), (0, 1_204, 1_200, 3)):
        SegmentDay.objects.create(
            segment=buyers,
            day=today - timedelta(days=ago),
            size=size,
            entered=entered,
            exited=left,
            reconstructed=ago > 1,
        )
    page = text(as_bob.get(f"{URL}/{buyers.pk}"))
    assert "From 5 members" in page and "1,203 entered and 4 left" in page and "reconstructed" in page
    sheet = text(as_bob.get(f"{URL}/{buyers.pk}/sizes/csv")).splitlines()
    assert sheet[0].endswith("day,size,entered,exited,reconstructed")
    assert sheet[1] == f"{today - timedelta(days=2)},5,0,0,yes"
    assert sheet[3] == f"{today},1204,1200,3,"


def test_it_checks_ownership(as_charlie: Client, buyers: Segment) -> None:
    for path in ("", "/why?profile=anna", "/sizes/csv"):
        assert as_charlie.get(f"{URL}/{buyers.pk}{path}").status_code == 404
