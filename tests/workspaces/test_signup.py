"""Signing up: a person, a workspace, and its owner, in one go or not at all."""

import pytest

from stratum.workspaces.models import Member, User, Workspace

FORM = {
    "name": "Dora",
    "email": "Dora@Example.com",
    "password": "correct horse battery",
    "workspace_name": "Dora's Shop",
}


def sign_up(client, **changes):
    return client.post("/signup", {**FORM, **changes})


def test_it_works(client, db, now):
    answer = sign_up(client)
    assert answer["Location"] == "/dashboard/"
    member = Member.objects.get()
    assert (member.user.email, member.role, member.workspace.slug) == ("dora@example.com", "owner", "doras-shop")
    assert client.get("/dashboard/").status_code == 200


def test_two_teams_may_have_one_name(client, db):
    sign_up(client)
    client.logout()
    sign_up(client, email="other@example.com")
    slugs = set(Workspace.objects.values_list("slug", flat=True))
    assert len(slugs) == 2 and all(slug.startswith("doras-shop") for slug in slugs)


def test_a_name_without_latin_letters_gets_a_slug_too(client, db):
    sign_up(client, workspace_name="株式会社")
    assert Workspace.objects.get().slug == "workspace"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", ""),
        ("email", "not an address"),
        ("email", "a@b\0.de"),
        ("password", "short"),
        ("password", "password123"),
        ("password", "dora@example.com"),
        ("name", ""),
        ("workspace_name", " "),
        ("workspace_name", "x" * 121),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_stored(client, db, field, value):
    answer = sign_up(client, **{field: value})
    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    assert not User.objects.exists() and not Workspace.objects.exists()


def test_a_known_address_is_told_to_log_in(client, alice):
    answer = sign_up(client, email="ALICE@example.com")
    assert answer.status_code == 422
    assert b"Log in instead" in answer.content
    assert Workspace.objects.count() == 1


def test_fields_of_the_model_cannot_be_slipped_in(client, db):
    sign_up(client, is_staff="on", is_superuser="on", plan="enterprise")
    user = User.objects.get()
    assert not user.is_staff and not user.is_superuser
    assert Workspace.objects.get().plan == "professional"


def test_who_is_logged_in_goes_home(as_alice):
    assert as_alice.get("/signup")["Location"] == "/dashboard/"
