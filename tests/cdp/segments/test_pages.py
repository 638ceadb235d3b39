"""/dashboard/cdp/segments."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from cdp.models import Profile, Segment
from cdp.queries import segment_words
from cdp.queries.segment_members import members_of
from cdp.services import segments
from stratum.reports.services import saved_views
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.segments.conftest import MakeSegment, Person

URL = "/dashboard/cdp/segments"


def text(answer) -> str:
    return answer.content.decode()


def test_an_empty_list_says_what_a_segment_is(as_bob: Client) -> None:
    assert "Nobody is grouped yet" in text(as_bob.get(URL))


def test_the_list_shows_size_and_meter(as_bob: Client, friends: Segment) -> None:
    page = text(as_bob.get(URL))
    assert "Friends" in page and 'data-label="Size" class="number">2<' in page and "Custom Segments" in page


def test_pasted_people_become_a_segment(as_bob: Client, anna: Profile, ben: Profile) -> None:
    people = f"Anna@Example.com,\n{ben.pk}; anna"
    answer = as_bob.post(f"{URL}/new", {"name": "Friends", "people": people})
    segment = Segment.objects.get()
    assert answer["Location"] == f"{URL}/{segment.pk}"
    assert members_of(segment.workspace, segment).tolist() == sorted([anna.pk, ben.pk])


def test_who_is_not_found_is_listed_and_nothing_is_lost(as_bob: Client, anna: Profile) -> None:
    typed = {"name": "Friends", "description": "Old ones", "people": "anna nobody@example.com 123456"}
    answer = as_bob.post(f"{URL}/new", typed)
    assert answer.status_code == 422
    page = text(answer)
    assert "Nobody has: nobody@example.com, 123456" in page
    assert typed["people"] in page and "Old ones" in page
    as_bob.post(f"{URL}/new", {**typed, "skip": "on"})
    segment = Segment.objects.get()
    assert members_of(segment.workspace, segment).tolist() == [anna.pk]


def test_too_many_at_once_are_refused(as_bob: Client, monkeypatch: pytest.MonkeyPatch, friends: Segment) -> None:
    monkeypatch.setattr(segment_words, "MOST_WORDS", 2)
    for answer in (
        as_bob.post(f"{URL}/new", {"name": "Many", "people": "anna ben anna carl"}),
        as_bob.post(f"{URL}/{friends.pk}/members", {"people": "anna ben anna carl"}),
    ):
        assert answer.status_code == 422
        assert "These are 3 people. Add at most 2 at once." in text(answer) and "anna ben anna carl" in text(answer)
    assert Segment.objects.count() == 1


def test_of_many_unknown_ones_the_first_are_shown(as_bob: Client) -> None:
    page = text(as_bob.post(f"{URL}/new", {"name": "Many", "people": " ".join(f"x{each}" for each in range(1, 26))}))
    assert "x19, x20 and 5 more" in page and "x20, x21" not in page and "Leave these 25 out" in page


def test_the_members_page_costs_no_query_per_row(
    as_bob: Client, make_segment: MakeSegment, person: Person, django_assert_max_num_queries: Any
) -> None:
    segment = make_segment(*(person(f"user-{number}") for number in range(20)))
    with django_assert_max_num_queries(13):
        as_bob.get(f"{URL}/{segment.pk}")


def test_a_persons_page_shows_their_segments(
    as_bob: Client, friends: Segment, make_segment: MakeSegment, anna: Profile, visitor: Profile, by_alice: Actor
) -> None:
    archived = make_segment(anna, name="Old friends")
    segments.archive(workspace=archived.workspace, by=by_alice, segment_id=archived.pk, now=archived.created_at)
    shown = text(as_bob.get(f"/dashboard/cdp/profiles/{anna.pk}"))
    assert f'<a href="{URL}/{friends.pk}">Friends</a>' in shown and "Old friends" not in shown
    assert "In none." in text(as_bob.get(f"/dashboard/cdp/profiles/{visitor.pk}"))


def test_a_taken_name_is_told_at_the_field(as_bob: Client, friends: Segment) -> None:
    answer = as_bob.post(f"{URL}/new", {"name": "Friends", "people": "anna"})
    assert answer.status_code == 422 and "There is already a segment called" in text(answer)


def test_members_in_and_out(as_bob: Client, friends: Segment, anna: Profile, visitor: Profile) -> None:
    here = f"{URL}/{friends.pk}"
    assert "anna@example.com" in text(as_bob.get(here))
    as_bob.post(f"{here}/members/{anna.pk}/remove")
    assert "anna@example.com" not in text(as_bob.get(here))
    as_bob.post(f"{here}/members", {"people": "cookie-1"})
    assert visitor.pk in members_of(friends.workspace, friends)
    refused = as_bob.post(f"{here}/members", {"people": "anna nobody"})
    assert refused.status_code == 422 and "anna nobody" in text(refused)


def test_renaming(as_bob: Client, friends: Segment) -> None:
    as_bob.post(f"{URL}/{friends.pk}/rename", {"name": "Best friends"})
    friends.refresh_from_db()
    assert friends.name == "Best friends"
    assert as_bob.post(f"{URL}/{friends.pk}/rename", {"name": ""}).status_code == 422


def test_archiving_can_be_undone(as_bob: Client, friends: Segment) -> None:
    page = text(as_bob.post(f"{URL}/{friends.pk}/archive", follow=True))
    assert f"{URL}/{friends.pk}/restore" in page
    as_bob.post(f"{URL}/{friends.pk}/restore")
    friends.refresh_from_db()
    assert friends.archived_at is None


def test_the_csv(as_bob: Client, friends: Segment, anna: Profile) -> None:
    answer = as_bob.get("/dashboard/exports/segment_members", {"segment": str(friends.pk)})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0].startswith("profile,name,user_id,email")
    assert len(lines) == 3 and any("anna@example.com" in line for line in lines)


def test_it_shows_the_saved_views_that_use_it(
    as_bob: Client, workspace: Workspace, by_alice: Actor, friends: Segment, now: datetime
) -> None:
    saved_views.save(
        workspace=workspace,
        by=by_alice,
        page="/dashboard/cdp/profiles",
        query=f"segment={friends.pk}",
        name="Friends only",
        shared=True,
        now=now,
    )
    assert "Friends only" in text(as_bob.get(f"{URL}/{friends.pk}"))


def test_it_checks_ownership(as_charlie: Client, friends: Segment) -> None:
    here = f"{URL}/{friends.pk}"
    assert as_charlie.get(here).status_code == 404
    for action in ("rename", "members", "archive", "restore", "members/1/remove"):
        assert as_charlie.post(f"{here}/{action}", {"name": "x"}).status_code == 404
    assert as_charlie.get("/dashboard/exports/segment_members", {"segment": str(friends.pk)}).status_code == 404
