"""The judge and its book in Django admin: everything is found, nothing is added, edited or deleted."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from stratum.workspaces.models import User
from trustlayer.models import LedgerEntry

OURS = [model for model in admin.site._registry if model._meta.app_label == "trustlayer"]


@pytest.fixture
def staff(db) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root@example.com", "x"))
    return browser


def listed(model) -> str:
    return reverse(f"admin:trustlayer_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_opens_and_can_be_searched_and_takes_nothing_new(staff, book, model):
    assert staff.get(listed(model)).status_code == 200
    assert staff.get(listed(model), {"q": "acme"}).status_code == 200
    assert staff.get(reverse(f"admin:trustlayer_{model._meta.model_name}_add")).status_code == 403


def test_an_entry_is_found_by_its_id_and_shows_what_was_judged(staff, book):
    blocked = book[2]
    assert "1 ledger entry" in staff.get(listed(LedgerEntry), {"q": str(blocked.pk)}).content.decode()
    page = staff.get(reverse("admin:trustlayer_ledgerentry_change", args=[blocked.pk])).content.decode()
    assert "EMQ score 3.2 (below 4.0 threshold)" in page
    assert "_save" not in page


def test_nobody_deletes_an_entry(staff, book):
    gone = staff.post(reverse("admin:trustlayer_ledgerentry_delete", args=[book[0].pk]), {"post": "yes"})
    assert gone.status_code == 403
    form = {"action": "delete_selected", "_selected_action": [str(book[0].pk)], "post": "yes"}
    staff.post(listed(LedgerEntry), form)
    assert LedgerEntry.objects.count() == len(book)
