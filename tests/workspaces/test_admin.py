"""Django admin: everything can be found, no secret is shown, changes go through the services."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from stratum.lib import keys
from stratum.workspaces.models import ApiKey, Invitation, Job, LoginFailures, Member, User, WriteKey
from tests import factories

OURS = [model for model in admin.site._registry if model._meta.app_label == "workspaces"]


WRONG = re.compile(r"([^aeiou]y|s|x|z|ch|sh|up to)s$")


def test_plurals_are_english() -> None:
    """Django only adds an s."""
    rooms = ("stratum", "trustlayer", "cdp", "integrations", "autopilot")
    ours = [model for model in apps.get_models() if model.__module__.split(".")[0] in rooms]
    assert len(ours) > 80
    assert [
        str(one._meta.verbose_name_plural) for one in ours if WRONG.search(str(one._meta.verbose_name_plural))
    ] == []


@pytest.fixture
def staff(db) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root@example.com", "x"))
    return browser


@pytest.fixture
def rows(workspace, alice, bob, now):
    factories.api_key(workspace)
    factories.write_key(workspace)
    factories.JobFactory(workspace=workspace)
    Invitation.objects.create(
        workspace=workspace, email="d@example.com", role="viewer", token_hash="f" * 64, created_at=now, expires_at=now
    )
    LoginFailures.objects.create(email="d@example.com", ip="10.0.0.1", last_at=now)


def listed(model) -> str:
    return reverse(f"admin:workspaces_{model._meta.model_name}_changelist")


def changed(row) -> str:
    return reverse(f"admin:workspaces_{row._meta.model_name}_change", args=[row.pk])


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_and_row_opens_and_can_be_searched(staff, rows, model):
    assert staff.get(listed(model)).status_code == 200
    assert staff.get(listed(model), {"q": "acme"}).status_code == 200
    for row in model.objects.all():
        assert staff.get(changed(row)).status_code == 200


def test_no_secret_is_shown(staff, rows):
    for row in (*ApiKey.objects.all(), *WriteKey.objects.all()):
        page = staff.get(changed(row)).content.decode()
        assert row.prefix in page and row.secret_hash not in page
    assert "f" * 64 not in staff.get(changed(Invitation.objects.get())).content.decode()


def test_the_last_owner_is_protected_here_too(staff, rows, alice):
    place = Member.objects.get(user=alice)
    page = staff.post(changed(place), {"role": "viewer"}, follow=True)
    assert b"needs an owner" in page.content
    page = staff.post(reverse("admin:workspaces_member_delete", args=[place.pk]), {"post": "yes"}, follow=True)
    assert b"needs an owner" in page.content
    place.refresh_from_db()
    assert place.role == "owner"


def test_a_role_is_changed(staff, rows, bob):
    staff.post(changed(Member.objects.get(user=bob)), {"role": "manager"})
    assert Member.objects.get(user=bob).role == "manager"


def test_a_member_is_added(staff, workspace, charlie, now):
    form = {"workspace": workspace.pk, "user": charlie.pk, "role": "viewer"}
    staff.post(reverse("admin:workspaces_member_add"), form)
    assert Member.objects.get(user=charlie, workspace=workspace).joined_at == now


def test_settings_are_checked(staff, workspace):
    form = {
        "name": "A",
        "plan": "starter",
        "time_zone": "Mars",
        "currency": "EUR",
        "default_country": "DE",
        "churn_days": 9,
    }
    assert b"not a time zone" in staff.post(changed(workspace), form).content
    staff.post(changed(workspace), {**form, "time_zone": "Asia/Tokyo"})
    workspace.refresh_from_db()
    assert (workspace.plan, workspace.time_zone) == ("starter", "Asia/Tokyo")


def test_keys_are_revoked_and_jobs_cancelled_by_actions(staff, rows, now):
    for model, action in ((ApiKey, "revoke"), (WriteKey, "revoke"), (Job, "cancel")):
        staff.post(listed(model), {"action": action, "_selected_action": [row.pk for row in model.objects.all()]})
    assert ApiKey.objects.get().revoked_at == now
    assert WriteKey.objects.get().revoked_at == now
    assert Job.objects.get().state == "cancelled"


def test_nothing_that_the_program_writes_is_written_here(staff, rows):
    for model in (ApiKey, WriteKey, Job):
        assert staff.get(reverse(f"admin:workspaces_{model._meta.model_name}_add")).status_code == 403
        assert staff.post(changed(model.objects.get()), {"name": "x"}).status_code == 403


def test_a_person_is_added_and_found(staff):
    form = {
        "email": "New@example.com",
        "usable_password": "true",
        "password1": "correct horse",
        "password2": "correct horse",
    }
    staff.post(reverse("admin:workspaces_user_add"), form)
    assert User.objects.get(email="new@example.com").check_password("correct horse")


def test_members_stay_outside(as_alice):
    answer = as_alice.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert b"Administration is for staff" in answer.content


def test_login_to_admin_is_the_one_login(client, db):
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == "/login?next=%2Fadmin%2F"


def test_a_key_is_never_a_secret_by_its_prefix():
    prefix, text = keys.new_api_key()
    assert len(text) - len(prefix) == 38
