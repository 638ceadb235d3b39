"""Changing and resetting a password."""

import re

from django.test import Client

from tests.cast import PASSWORD

NEW = "a quite different one"


def test_changing_works_and_logs_other_sessions_out(alice, as_alice, sign_in):
    elsewhere = sign_in(alice)
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert as_alice.post("/password/change", form, follow=True).status_code == 200
    assert as_alice.get("/dashboard/").status_code == 200
    assert elsewhere.get("/dashboard/").status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_changing_asks_for_the_old_one(alice, as_alice):
    as_alice.post("/password/change", {"old_password": "guess", "new_password1": NEW, "new_password2": NEW})
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_resetting_by_mail_works_once(client, alice, mailoutbox, settings):
    settings.BASE_URL = "https://stratum.example"
    assert client.post("/password/reset", {"email": "alice@example.com"})["Location"] == "/password/reset/sent"
    link = re.search(r"http\S+?(/password/reset/\S+)", mailoutbox[0].body)
    form = client.get(link[1], follow=True)
    answer = client.post(form.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW})
    assert answer["Location"] == "/password/reset/done"
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert b"no longer works" in Client().get(link[1], follow=True).content


def test_a_new_password_by_mail_ends_the_lock(client, alice, mailoutbox):
    for _ in range(6):
        client.post("/login", {"username": "alice@example.com", "password": "wrong"})
    client.post("/password/reset", {"email": "alice@example.com"})
    form = client.get(re.search(r"http\S+?(/password/reset/\S+)", mailoutbox[0].body)[1], follow=True)
    faulty = {"new_password1": NEW, "new_password2": "another"}
    client.post(form.redirect_chain[-1][0], faulty)
    asked = {"username": "alice@example.com", "password": PASSWORD}
    assert b"Too many wrong passwords" in client.post("/login", asked).content
    client.post(form.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW})
    assert client.post("/login", asked | {"password": NEW})["Location"] == "/dashboard/"


def test_an_unknown_address_learns_nothing(client, db, mailoutbox):
    answer = client.post("/password/reset", {"email": "nobody@example.com"})
    assert answer["Location"] == "/password/reset/sent"
    assert not mailoutbox


def test_the_mailed_link_does_not_trust_the_host_of_the_request(client, alice, mailoutbox, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client.post("/password/reset", {"email": "alice@example.com"}, headers={"host": "evil.example"})
    assert "evil.example" not in mailoutbox[0].body


def test_every_page_of_the_way_opens(client, db):
    for page in ("/password/reset", "/password/reset/sent", "/password/reset/done", "/password/reset/x/y", "/login"):
        assert client.get(page, follow=True).status_code == 200
