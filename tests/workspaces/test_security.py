"""Two-factor and sessions: RFC 6238's own numbers, a login in two steps, codes that work once, sessions that end."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from stratum.lib import qr, seal, totp
from stratum.workspaces.models import SignIn, TwoFactor, User
from tests.cast import PASSWORD

PAGE = "/dashboard/account/security"
RFC = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_numbers_of_rfc_6238(seconds: int, code: str) -> None:
    instant = datetime.fromtimestamp(seconds, UTC)
    assert totp.code(RFC, totp.step_of(instant)) == code
    assert totp.matching_step(RFC, code, instant + timedelta(seconds=30)) == totp.step_of(instant)
    assert totp.matching_step(RFC, code, instant + timedelta(seconds=90)) is None


def code_at(user: User, instant: datetime) -> str:
    return totp.code(seal.unseal(TwoFactor.objects.get(user=user).sealed_secret), totp.step_of(instant))


@pytest.fixture
def with_factor(alice: User, as_alice: Client, now: datetime) -> str:
    """Alice has switched it on; one of her recovery codes."""
    as_alice.post(f"{PAGE}/two-factor/begin")
    as_alice.post(f"{PAGE}/two-factor/confirm", {"code": code_at(alice, now)})
    return as_alice.get(PAGE).context["recovery"].splitlines()[0]


def first_step(client: Client) -> str:
    return client.post("/login", {"username": "alice@example.com", "password": PASSWORD})["Location"]


class TestTwoFactor:
    def test_setting_it_up(self, as_alice: Client, alice: User, now: datetime) -> None:
        as_alice.post(f"{PAGE}/two-factor/begin")
        page = as_alice.get(PAGE)
        assert page.context["secret"] not in TwoFactor.objects.get().sealed_secret
        assert page.context["address"].startswith("otpauth://totp/Stratum%3Aalice%40example.com?secret=")
        assert qr.draw(page.context["address"]).path in page.content.decode()
        assert as_alice.post(f"{PAGE}/two-factor/confirm", {"code": "000000"}).status_code == 422
        as_alice.post(f"{PAGE}/two-factor/confirm", {"code": code_at(alice, now)})
        page = as_alice.get(PAGE)
        assert len(page.context["recovery"].splitlines()) == 10
        assert page.context["secret"] is None
        assert as_alice.get(PAGE).context["recovery"] is None

    def test_the_password_alone_opens_nothing(
        self, client: Client, with_factor: str, alice: User, now: datetime, move_clock
    ) -> None:
        assert first_step(client) == "/login/code"
        assert client.get("/dashboard/").status_code == 302
        move_clock(now + timedelta(seconds=30))
        answer = client.post("/login/code", {"code": code_at(alice, now + timedelta(seconds=30))})
        assert answer["Location"] == "/dashboard/"
        assert client.get("/dashboard/").status_code == 200

    def test_no_code_works_twice(
        self, client: Client, with_factor: str, alice: User, now: datetime, move_clock
    ) -> None:
        first_step(client)
        assert client.post("/login/code", {"code": code_at(alice, now)}).status_code == 422, "used at the set-up"

    def test_a_recovery_code_works_once(self, with_factor: str) -> None:
        for status in (302, 422):
            browser = Client()
            first_step(browser)
            assert browser.post("/login/code", {"code": with_factor}).status_code == status

    def test_guesses_are_throttled(self, client: Client, with_factor: str) -> None:
        first_step(client)
        for _ in range(5):
            client.post("/login/code", {"code": "000000"})
        assert "Too many wrong codes" in client.post("/login/code", {"code": with_factor}).content.decode()

    def test_the_second_step_waits_five_minutes(
        self, client: Client, with_factor: str, now: datetime, move_clock
    ) -> None:
        first_step(client)
        move_clock(now + timedelta(minutes=5, seconds=1))
        assert client.post("/login/code", {"code": with_factor})["Location"] == "/login"

    def test_without_the_first_step_there_is_no_second(self, client: Client, db: None) -> None:
        assert client.get("/login/code")["Location"] == "/login"

    def test_switching_it_off_needs_a_code(self, as_alice: Client, with_factor: str) -> None:
        assert as_alice.post(f"{PAGE}/two-factor/end", {"code": "000000"}).status_code == 422
        as_alice.post(f"{PAGE}/two-factor/end", {"code": with_factor})
        assert not TwoFactor.objects.exists()


class TestSessions:
    @pytest.fixture
    def phone(self, alice: User) -> Client:
        browser = Client(headers={"User-Agent": "Phone <b>"})
        first_step(browser)
        return browser

    def test_they_are_listed_and_ended(self, as_alice: Client, phone: Client) -> None:
        page = as_alice.get(PAGE).content.decode()
        assert "Phone &lt;b&gt;" in page and "This one" in page
        one = SignIn.objects.get(agent="Phone <b>")
        as_alice.post(f"{PAGE}/sessions/{one.pk}/end")
        assert phone.get("/dashboard/").status_code == 302
        assert as_alice.get("/dashboard/").status_code == 200

    def test_all_others_at_once(self, as_alice: Client, phone: Client) -> None:
        as_alice.post(f"{PAGE}/sessions/end-others")
        assert phone.get("/dashboard/").status_code == 302
        assert as_alice.get("/dashboard/").status_code == 200

    def test_logging_out_is_noted(self, phone: Client) -> None:
        phone.post("/logout")
        assert SignIn.objects.get(agent="Phone <b>").ended_at is not None

    def test_nobody_elses(self, as_bob: Client, phone: Client) -> None:
        one = SignIn.objects.get(agent="Phone <b>")
        assert as_bob.post(f"{PAGE}/sessions/{one.pk}/end").status_code == 404
        assert "Phone" not in as_bob.get(PAGE).content.decode()

    def test_a_new_password_keeps_this_session_and_ends_the_others(
        self, as_alice: Client, phone: Client, alice: User
    ) -> None:
        new = "another long password"
        form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
        as_alice.post("/password/change", form, follow=True)
        rows = as_alice.get(PAGE).context["sign_ins"]
        assert [one.alive for one in rows] == [False, True]
        assert rows[1].session_key == as_alice.session.session_key
