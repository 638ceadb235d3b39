"""GET and POST /dashboard/cdp/profiles/<number>/erase."""

from typing import Any

import pytest
from django.test import Client

from cdp.models import Event, Identifier, Profile


def url(profile: Profile) -> str:
    return f"/dashboard/cdp/profiles/{profile.pk}/erase"


def test_it_works(as_alice: Client, anna: Profile) -> None:
    assert f"<strong>{anna.pk}</strong>" in as_alice.get(url(anna)).content.decode()
    answer = as_alice.post(url(anna), {"number": str(anna.pk)}, follow=True)
    assert answer.redirect_chain == [("/dashboard/cdp/profiles", 302)]
    assert b"is erased" in answer.content
    assert not Identifier.objects.filter(profile=anna).exists()
    assert {(event.properties == {}) for event in Event.objects.filter(profile_id=anna.pk)} == {True}
    assert not answer.context["profiles"]


@pytest.mark.parametrize("typed", ["", "0", "yes", "9" * 40])
def test_nothing_happens_before_the_number_is_typed(as_alice: Client, anna: Profile, typed: str) -> None:
    answer = as_alice.post(url(anna), {"number": typed})
    assert answer.status_code == 422
    assert f"Type {anna.pk} to erase" in answer.content.decode()
    assert Identifier.objects.filter(profile=anna).exists()


def test_it_checks_ownership(as_charlie: Client, anna: Profile) -> None:
    assert as_charlie.get(url(anna)).status_code == 404
    assert as_charlie.post(url(anna), {"number": str(anna.pk)}).status_code == 404
    assert Identifier.objects.filter(profile=anna).exists()


@pytest.mark.parametrize("role", ["viewer", "analyst", "manager"])
def test_only_admins_and_owners_may(as_role: Any, anna: Profile, role: str) -> None:
    assert as_role(role).post(url(anna), {"number": str(anna.pk)}).status_code == 403
    assert Identifier.objects.filter(profile=anna).exists()
