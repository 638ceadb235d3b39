"""Invitations: a mailed link, good for seven days, for one address and once."""

from datetime import timedelta

import pytest

from stratum.lib.refusal import Invalid, NotAllowed
from stratum.workspaces import services
from stratum.workspaces.models import Invitation, Member, User
from tests import factories
from tests.cast import PASSWORD, member

URL = "/dashboard/settings/team/invite"
JOIN = {"name": "Dora", "password": PASSWORD}


@pytest.fixture
def link(workspace, by_alice, now) -> str:
    _, whole = services.invite(workspace=workspace, by=by_alice, email="dora@example.com", role="manager", now=now)
    return "/" + whole.split("/", 3)[3]


def test_it_works(as_alice, client, workspace, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_alice.post(URL, {"email": "Dora@example.com", "role": "viewer"}, follow=True)
    assert answer.context["link"] in mailoutbox[0].body
    assert mailoutbox[0].to == ["dora@example.com"]
    path = "/" + answer.context["link"].split("/", 3)[3]
    assert client.post(path, JOIN)["Location"] == "/dashboard/"
    joined = Member.objects.get(user__email="dora@example.com")
    assert (joined.workspace, joined.role) == (workspace, "viewer")
    assert client.get("/dashboard/").status_code == 200


def test_the_link_is_shown_once(as_alice):
    as_alice.post(URL, {"email": "dora@example.com", "role": "viewer"})
    assert as_alice.get("/dashboard/settings/team").context["link"]
    assert as_alice.get("/dashboard/settings/team").context["link"] is None


def test_only_a_hash_of_the_token_is_stored(link):
    stored = Invitation.objects.get().token_hash
    assert stored not in link and link.rsplit("/", 1)[1] not in stored


def test_a_broken_mail_server_does_not_undo_the_invitation(as_alice, monkeypatch, django_capture_on_commit_callbacks):
    def broken(*args: object) -> None:
        raise OSError("no mail server")

    monkeypatch.setattr("stratum.workspaces.services.team.send_mail", broken)
    with django_capture_on_commit_callbacks(execute=True):
        as_alice.post(URL, {"email": "dora@example.com", "role": "viewer"})
    assert as_alice.get("/dashboard/settings/team").context["link"]


def test_somebody_with_an_account_accepts_with_it(link, workspace, other_workspace, sign_in):
    dora = member(other_workspace, "dora@example.com", "owner")
    browser = sign_in(dora)
    assert b"Accept as dora@example.com" in browser.get(link).content
    assert browser.post(link)["Location"] == "/dashboard/"
    assert Member.objects.get(user=dora, workspace=workspace).role == "manager"
    assert browser.session["workspace"] == workspace.slug


def test_an_account_of_that_address_has_to_log_in(link, client, db):
    factories.UserFactory(email="dora@example.com")
    assert b"log in to accept" in client.get(link).content
    client.post(link, JOIN)
    assert "_auth_user_id" not in client.session


def test_another_account_cannot_take_the_place(link, as_charlie, workspace):
    answer = as_charlie.post(link)
    assert answer.status_code == 403
    assert b"dora@example.com" in answer.content
    assert not workspace.members.filter(user__email="charlie@example.com").exists()


def test_a_link_works_once(link, client, workspace):
    client.post(link, JOIN)
    client.logout()
    assert client.get(link).status_code == 404
    assert workspace.members.filter(user__email="dora@example.com").count() == 1


def test_a_link_works_for_seven_days(link, client, move_clock, now):
    move_clock(now + timedelta(days=7, seconds=-1))
    assert client.get(link).status_code == 200
    move_clock(now + timedelta(days=7))
    assert client.get(link).status_code == 404


def test_a_withdrawn_link_is_dead(link, as_alice, client):
    as_alice.post(f"/dashboard/settings/team/invitations/{Invitation.objects.get().pk}/revoke")
    assert client.get(link).status_code == 404


def test_it_checks_ownership(link, as_charlie):
    invited = Invitation.objects.get().pk
    assert as_charlie.post(f"/dashboard/settings/team/invitations/{invited}/revoke").status_code == 404
    assert Invitation.objects.exists()


@pytest.mark.parametrize("token", ["x", "a" * 40, "%00", "ä", "../../login"])
def test_a_made_up_token_is_missing(client, db, token):
    assert client.get(f"/invitations/{token}").status_code in {400, 404}


def test_inviting_again_replaces_the_link(link, workspace, by_alice, client, now):
    services.invite(workspace=workspace, by=by_alice, email="dora@example.com", role="viewer", now=now)
    assert client.get(link).status_code == 404
    assert Invitation.objects.get().role == "viewer"


def test_who_is_on_the_team_is_not_invited_again(workspace, by_alice, bob, now):
    with pytest.raises(Invalid, match="on the team already"):
        services.invite(workspace=workspace, by=by_alice, email="BOB@example.com", role="viewer", now=now)


def test_open_invitations_hold_their_places(workspace, by_alice, now):
    for number in range(9):
        services.invite(workspace=workspace, by=by_alice, email=f"p{number}@example.com", role="viewer", now=now)
    with pytest.raises(NotAllowed, match="Professional plan includes 10 team members") as refused:
        services.invite(workspace=workspace, by=by_alice, email="one.more@example.com", role="viewer", now=now)
    assert refused.value.code == "limit_reached"


def test_the_limit_holds_when_the_link_is_used(link, workspace, client):
    for number in range(10):
        member(workspace, f"p{number}@example.com", "viewer")
    answer = client.post(link, JOIN)
    assert answer.status_code == 422
    assert b"Professional plan includes 10" in answer.content
    assert not User.objects.filter(email="dora@example.com").exists()


@pytest.mark.parametrize("form", [{"email": "x", "role": "viewer"}, {"email": "a@b.de", "role": "king"}, {}])
def test_bad_input_is_said_beside_the_field(as_alice, form):
    answer = as_alice.post(URL, form)
    assert answer.status_code == 422
    assert answer.context["form"].errors


def test_the_meter_counts_open_invitations_until_they_end(as_alice, link, workspace, move_clock, now):
    page = "/dashboard/settings/team"
    with_it = workspace.members.count() + 1
    assert f"{with_it} of 10" in as_alice.get(page).content.decode()
    move_clock(now + timedelta(days=8))
    assert f"{with_it - 1} of 10" in as_alice.get(page).content.decode()


def test_the_last_place_is_taken_by_whom_it_was_kept_for(workspace, by_alice, client, now):
    room = 10 - workspace.members.count()
    links = [
        services.invite(workspace=workspace, by=by_alice, email=f"p{number}@example.com", role="viewer", now=now)[1]
        for number in range(room)
    ]
    asked = {"name": "Pat", "password": "correct horse 99"}
    assert client.post(links[-1], asked).status_code == 302
    assert workspace.members.filter(user__email=f"p{room - 1}@example.com").exists()


def test_an_admin_cannot_invite_an_owner(as_role):
    answer = as_role("admin").post(URL, {"email": "a@example.com", "role": "owner"})
    assert answer.status_code == 422
    assert not Invitation.objects.exists()
