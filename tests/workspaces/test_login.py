"""Logging in and out: one door with a throttle."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from stratum.workspaces.models import LoginFailures
from tests.cast import PASSWORD

URL = "/login"


def attempt(client, password="wrong", email="alice@example.com", next="", **extra):
    return client.post(URL, {"username": email, "password": password, "next": next}, **extra)


def test_it_works(client, alice):
    answer = attempt(client, PASSWORD)
    assert answer.status_code == 302
    assert answer["Location"] == reverse("home")
    assert client.get("/dashboard/").status_code == 200


def test_the_address_is_read_in_any_case(client, alice):
    assert attempt(client, PASSWORD, email="Alice@Example.COM").status_code == 302


def test_a_wrong_password_says_so_and_not_which_part_is_wrong(client, alice):
    answer = attempt(client)
    stranger = attempt(client, email="nobody@example.com")
    sentence = b"This e-mail address and password do not belong together."
    assert sentence in answer.content and sentence in stranger.content


def test_an_account_switched_off_stays_out(client, alice):
    alice.is_active = False
    alice.save()
    attempt(client, PASSWORD)
    assert "_auth_user_id" not in client.session


def test_the_sixth_attempt_is_locked_out_even_with_the_right_password(client, alice):
    for _ in range(5):
        assert b"Too many" not in attempt(client).content
    assert b"Too many wrong passwords" in attempt(client, PASSWORD).content
    assert "_auth_user_id" not in client.session


def test_the_lock_opens_after_a_quarter_of_an_hour(client, alice, move_clock, now):
    for _ in range(6):
        attempt(client)
    move_clock(now + timedelta(minutes=14, seconds=59))
    assert attempt(client, PASSWORD).status_code == 200
    move_clock(now + timedelta(minutes=15))
    assert attempt(client, PASSWORD).status_code == 302


def test_knocking_while_locked_does_not_lengthen_the_lock(client, alice, move_clock, now):
    for _ in range(6):
        attempt(client)
    move_clock(now + timedelta(minutes=10))
    attempt(client)
    move_clock(now + timedelta(minutes=15))
    assert attempt(client, PASSWORD).status_code == 302


def test_success_forgives_earlier_failures(client, alice):
    for _ in range(4):
        attempt(client)
    attempt(client, PASSWORD)
    assert not LoginFailures.objects.exists()


def test_old_failures_are_forgotten(client, alice, move_clock, now):
    for _ in range(5):
        attempt(client)
    move_clock(now + timedelta(minutes=15, seconds=1))
    assert attempt(client, PASSWORD).status_code == 302


def test_the_lock_is_for_one_address_from_one_place(client, alice, bob):
    for _ in range(6):
        attempt(client)
    assert attempt(client, PASSWORD, email="bob@example.com").status_code == 302
    client.logout()
    assert attempt(client, PASSWORD, REMOTE_ADDR="10.0.0.7").status_code == 302


def test_behind_a_proxy_a_stranger_locks_nobody_else_out(client, alice, settings):
    settings.PROXIES = 1
    for _ in range(6):
        attempt(client, HTTP_X_FORWARDED_FOR="203.0.113.66")
    assert attempt(client, PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.66").status_code == 200
    assert attempt(client, PASSWORD, HTTP_X_FORWARDED_FOR="198.51.100.7").status_code == 302


@pytest.mark.parametrize("email", ["a" * 400 + "@example.com", "no address", "nul\0@example.com"])
def test_odd_addresses_are_refused_not_broken(client, db, email):
    assert attempt(client, email=email).status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", r"\\evil.example"]
)
def test_next_never_leads_out_of_the_house(client, alice, target):
    assert attempt(client, PASSWORD, next=target)["Location"] == "/dashboard/"


def test_next_leads_back_to_where_one_was(client, alice):
    asked = client.get("/dashboard/settings/team?x=1")
    assert asked["Location"] == "/login?next=/dashboard/settings/team%3Fx%3D1"
    assert attempt(client, PASSWORD, next="/dashboard/settings/team?x=1")["Location"] == "/dashboard/settings/team?x=1"


def test_a_fragment_of_a_lapsed_session_sends_the_whole_page_to_login(client, db):
    answer = client.get("/dashboard/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/pricing"})
    assert answer["HX-Redirect"] == "/login?next=/pricing"


def test_the_session_is_a_new_one_after_login(client, alice):
    client.get(URL)
    session = client.session
    session["seen"] = 1
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    attempt(client, PASSWORD)
    assert client.session.session_key != before


def test_a_page_is_asked_for_again_after_logging_out(as_alice):
    assert "no-cache" in as_alice.get("/dashboard/")["Cache-Control"]


def test_logout_is_a_post(as_alice):
    assert as_alice.get("/logout").status_code == 405
    assert as_alice.post("/logout")["Location"] == URL
    assert as_alice.get("/dashboard/").status_code == 302


def test_a_form_without_its_token_is_refused(alice):
    answer = attempt(Client(enforce_csrf_checks=True), PASSWORD)
    assert answer.status_code == 403
    assert b"open for too long" in answer.content
