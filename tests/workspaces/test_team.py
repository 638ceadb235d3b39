"""The team page: who is here, and the owner who must always remain."""

import pytest

from stratum.lib.refusal import NotAllowed, Refusal
from stratum.workspaces import services
from stratum.workspaces.access import actor_of_member
from stratum.workspaces.models import Member
from tests.cast import member

URL = "/dashboard/settings/team"


def role_of(user, workspace) -> str | None:
    return Member.objects.filter(user=user, workspace=workspace).values_list("role", flat=True).first()


def place_of(user, workspace) -> Member:
    return Member.objects.get(user=user, workspace=workspace)


def test_it_works(as_alice, bob, workspace):
    page = as_alice.get(URL)
    assert page.status_code == 200
    assert b"bob@example.com" in page.content
    answer = as_alice.post(f"{URL}/{place_of(bob, workspace).pk}/role", {"role": "manager"})
    assert answer["Location"] == URL
    assert role_of(bob, workspace) == "manager"


def test_who_may_not_manage_sees_the_team_without_buttons(as_bob, alice, workspace):
    page = as_bob.get(URL)
    assert b"alice@example.com" in page.content
    assert b"Invite somebody" not in page.content
    assert f"{URL}/{place_of(alice, workspace).pk}/remove".encode() not in page.content


def test_it_checks_ownership(as_charlie, bob, alice, workspace):
    place = place_of(bob, workspace).pk
    assert b"bob@example.com" not in as_charlie.get(URL).content
    for move in ("role", "remove", "transfer"):
        assert as_charlie.post(f"{URL}/{place}/{move}", {"role": "viewer"}).status_code == 404
    assert role_of(bob, workspace) == "analyst"


def test_an_admin_neither_makes_nor_touches_an_owner(as_role, alice, bob, workspace):
    admin = as_role("admin")
    assert admin.post(f"{URL}/{place_of(bob, workspace).pk}/role", {"role": "owner"}).status_code == 403
    assert admin.post(f"{URL}/{place_of(alice, workspace).pk}/role", {"role": "viewer"}).status_code == 403
    assert admin.post(f"{URL}/{place_of(alice, workspace).pk}/remove").status_code == 403
    refused = admin.post(f"{URL}/{place_of(bob, workspace).pk}/transfer")
    assert "Ask the owner of the workspace." in refused.content.decode()
    assert (role_of(alice, workspace), role_of(bob, workspace)) == ("owner", "analyst")


def test_the_last_owner_stays(as_alice, alice, workspace):
    place = place_of(alice, workspace).pk
    for move, form in (("role", {"role": "admin"}), ("remove", {})):
        answer = as_alice.post(f"{URL}/{place}/{move}", form)
        assert answer.status_code == 409
        assert b"needs an owner" in answer.content
    assert as_alice.post(f"{URL}/leave").status_code == 409
    assert role_of(alice, workspace) == "owner"


def test_of_two_owners_one_may_go(as_alice, alice, workspace):
    other = member(workspace, "second@example.com", "owner")
    assert as_alice.post(f"{URL}/leave").status_code == 302
    assert role_of(alice, workspace) is None
    assert role_of(other, workspace) == "owner"


def test_anybody_may_leave(as_bob, bob, workspace):
    assert as_bob.post(f"{URL}/leave")["Location"] == "/dashboard/"
    assert role_of(bob, workspace) is None
    assert as_bob.get("/dashboard/")["Location"] == "/dashboard/workspaces/new"


def test_who_is_in_no_workspace_is_told_so(as_alice, as_bob, bob, workspace):
    as_alice.post(f"{URL}/{place_of(bob, workspace).pk}/remove")
    assert "You are in no workspace just now" in as_bob.get("/dashboard/", follow=True).content.decode()
    assert "You are in no workspace just now" not in as_alice.get("/dashboard/workspaces/new").content.decode()


def test_a_removed_member_is_out_at_once(as_alice, as_bob, bob, workspace):
    as_alice.post(f"{URL}/{place_of(bob, workspace).pk}/remove")
    assert as_bob.get(URL).status_code == 302
    assert bob.is_active


@pytest.mark.parametrize("role", ["", "king", "Owner", "analyst\0"])
def test_an_unknown_role_is_refused(as_alice, bob, workspace, role):
    assert as_alice.post(f"{URL}/{place_of(bob, workspace).pk}/role", {"role": role}).status_code == 422


def test_ownership_is_handed_over(as_alice, alice, bob, workspace):
    as_alice.post(f"{URL}/{place_of(bob, workspace).pk}/transfer")
    assert (role_of(bob, workspace), role_of(alice, workspace)) == ("owner", "admin")


def test_nobody_hands_over_to_themselves(by_alice, alice, workspace, now):
    with pytest.raises(Refusal, match="own this workspace already"):
        services.transfer_ownership(workspace=workspace, member_id=place_of(alice, workspace).pk, by=by_alice, now=now)


def test_only_an_owner_hands_over(by_bob, alice, workspace, now):
    with pytest.raises(NotAllowed):
        services.transfer_ownership(workspace=workspace, member_id=place_of(alice, workspace).pk, by=by_bob, now=now)


def test_a_member_id_beyond_any_integer_is_missing(as_alice):
    assert as_alice.post(f"{URL}/{'9' * 30}/remove").status_code == 404


def test_the_actor_of_a_member_has_the_rights_of_the_role(bob, workspace):
    actor = actor_of_member(place_of(bob, workspace))
    assert actor.may("build") and not actor.may("approve")
