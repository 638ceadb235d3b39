"""/dashboard/cdp/segments."""

from datetime import datetime

from django.test import Client

from cdp.models import Profile, Segment
from cdp.queries import segments as queries
from stratum.reports.services import saved_views
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

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
    assert queries.members(segment.workspace, segment).tolist() == sorted([anna.pk, ben.pk])


def test_who_is_not_found_is_listed_and_nothing_is_lost(as_bob: Client, anna: Profile) -> None:
    typed = {"name": "Friends", "description": "Old ones", "people": "anna nobody@example.com 123456"}
    answer = as_bob.post(f"{URL}/new", typed)
    assert answer.status_code == 422
    page = text(answer)
    assert "Nobody has: nobody@example.com, 123456" in page
    assert typed["people"] in page and "Old ones" in page
    as_bob.post(f"{URL}/new", {**typed, "skip": "on"})
    segment = Segment.objects.get()
    assert queries.members(segment.workspace, segment).tolist() == [anna.pk]


def test_a_taken_name_is_told_at_the_field(as_bob: Client, friends: Segment) -> None:
    answer = as_bob.post(f"{URL}/new", {"name": "Friends", "people": "anna"})
    assert answer.status_code == 422 and "There is already a segment called" in text(answer)


def test_members_in_and_out(as_bob: Client, friends: Segment, anna: Profile, visitor: Profile) -> None:
    here = f"{URL}/{friends.pk}"
    assert "anna@example.com" in text(as_bob.get(here))
    as_bob.post(f"{here}/members/{anna.pk}/remove")
    assert "anna@example.com" not in text(as_bob.get(here))
    as_bob.post(f"{here}/members", {"people": "cookie-1"})
    assert visitor.pk in queries.members(friends.workspace, friends)
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
