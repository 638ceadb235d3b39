"""Scheduled delivery before a real mail server: it works, is down, is slow, refuses one, or dies in the middle."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from django.core import mail as django_mail
from django.test import Client
from pytest_django.fixtures import Settings

from stratum.lib import mail
from stratum.lib.refusal import Refusal
from stratum.reports import queries
from stratum.reports.models import Delivery, DeliveryMessage, Export, ExportSchedule
from stratum.reports.services import deliveries, exports, schedules
from stratum.reports.services.schedules import Wanted
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Member, Workspace
from stratum.workspaces.tasks import tick
from tests.post_office import PostOffice, post_office

ANNA, BEN = "anna@example.com", "ben@example.org"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(settings: Settings) -> Iterator[PostOffice]:
    with post_office() as opened:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", opened.port, False
        settings.EMAIL_TIMEOUT = 2
        yield opened


@pytest.fixture
def schedule(workspace: Workspace, by_alice: Actor, now: datetime) -> ExportSchedule:
    """Daily at eight in Berlin, for Anna and Ben; first due tomorrow."""
    wanted = Wanted("Numbers", "numbers", {"count": "3"}, "csv", "daily", 8, "Europe/Berlin", (ANNA, BEN))
    return schedules.create(workspace=workspace, by=by_alice, wanted=wanted, now=now)


@pytest.fixture
def pass_time(move_clock, django_capture_on_commit_callbacks):
    """`pass_time(instant)`: the clock stands there, and the tick has run with all it started."""

    def passed(instant: datetime) -> None:
        move_clock(instant)
        with django_capture_on_commit_callbacks(execute=True):
            tick()

    return passed


def states(delivery: Delivery) -> dict[str, str]:
    reports = delivery.messages.filter(purpose="report")
    return {message.email: message.state for message in reports}


class TestItWorks:
    def test_what_is_due_is_sent_to_each(self, office: PostOffice, schedule: ExportSchedule, pass_time) -> None:
        due = schedule.next_run_at
        pass_time(due - MINUTE)
        assert not Delivery.objects.exists()
        pass_time(due)
        delivery = Delivery.objects.get()
        assert (delivery.state, states(delivery)) == ("sent", {ANNA: "sent", BEN: "sent"})
        assert office.addresses == [ANNA, BEN]
        schedule.refresh_from_db()
        assert schedule.next_run_at == due + timedelta(days=1)

    def test_the_file_and_its_manifest(self, office: PostOffice, schedule: ExportSchedule, pass_time) -> None:
        pass_time(schedule.next_run_at)
        _, letter = office.taken[0]
        file, manifest = letter.iter_attachments()
        content = file.get_payload(decode=True)
        assert content == b"number,text\r\n0,'=0\r\n1,'=1\r\n2,'=2\r\n"
        told = json.loads(manifest.get_payload(decode=True))
        assert (told["rows"], told["bytes"]) == (3, len(content))
        assert told["sha256"] == sha256(content).hexdigest()
        assert told["filters"] == {"count": "3"}
        assert letter["Subject"] == "Numbers (Acme)"
        assert "Filter:   count = 3" in letter.get_body().get_content()  # type: ignore[union-attr]

    def test_nobody_sees_the_other_recipients(self, office: PostOffice, schedule: ExportSchedule, pass_time) -> None:
        pass_time(schedule.next_run_at)
        for address, letter in office.taken:
            assert letter["To"] == address
            assert ({ANNA, BEN} - {address}).pop() not in letter.as_string()

    def test_paused_ones_are_not_sent(
        self, office: PostOffice, schedule: ExportSchedule, workspace: Workspace, by_alice: Actor, now, pass_time
    ) -> None:
        schedules.switch(workspace=workspace, by=by_alice, schedule_id=schedule.pk, enabled=False, now=now)
        pass_time(schedule.next_run_at + timedelta(days=3))
        assert not Delivery.objects.exists()
        later = schedule.next_run_at + timedelta(days=3)
        again = schedules.switch(workspace=workspace, by=by_alice, schedule_id=schedule.pk, enabled=True, now=later)
        assert again.next_run_at > later

    def test_times_that_nothing_ran_at_are_told_not_made_up_for(
        self, office: PostOffice, schedule: ExportSchedule, pass_time
    ) -> None:
        pass_time(schedule.next_run_at + timedelta(days=3, hours=1))
        delivery = Delivery.objects.get()
        assert delivery.missed == 3
        assert "3 earlier times" in office.taken[0][1].get_body().get_content()  # type: ignore[union-attr]

    def test_large_files_are_linked(
        self, office: PostOffice, schedule: ExportSchedule, pass_time, monkeypatch, client: Client
    ) -> None:
        monkeypatch.setattr(deliveries, "MOST_ATTACHED", 10)
        pass_time(schedule.next_run_at)
        body = office.taken[0][1].get_body().get_content()  # type: ignore[union-attr]
        link = next(line for line in body.splitlines() if "/exports/" in line and "settings" not in line)
        answer = client.get(link.removeprefix("http://localhost:8000"))
        assert b"".join(answer.streaming_content).startswith(b"number,text")  # type: ignore[attr-defined]
        assert [part.get_filename() for part in office.taken[0][1].iter_attachments()] == ["numbers.csv.manifest.json"]
        assert client.get("/exports/made-up").status_code == 404
        assert client.get(f"/exports/{Export.objects.get().pk}:forged").status_code == 404

    def test_by_hand_and_not_twice_at_once(
        self, office: PostOffice, schedule: ExportSchedule, workspace: Workspace, by_bob: Actor, now, pass_time
    ) -> None:
        given = {"workspace": workspace, "by": by_bob, "schedule_id": schedule.pk}
        deliveries.run_now(**given, now=now)
        with pytest.raises(Refusal, match="under way"):
            deliveries.run_now(**given, now=now + timedelta(seconds=1))
        pass_time(now + MINUTE)
        assert Delivery.objects.get().asked_by == "Bob"
        assert "asked for by Bob" in office.taken[0][1].get_body().get_content()  # type: ignore[union-attr]


class TestTheServerIsNotWell:
    def test_it_is_down_and_comes_back(
        self, office: PostOffice, schedule: ExportSchedule, settings: Settings, pass_time
    ) -> None:
        settings.EMAIL_PORT = 9
        due = schedule.next_run_at
        pass_time(due)
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.next_attempt_at) == ("sending", due + deliveries.PAUSES[0])
        assert delivery.messages.get(email=ANNA).reason == "The mail server cannot be reached."
        settings.EMAIL_PORT = office.port
        pass_time(due + MINUTE)
        delivery.refresh_from_db()
        assert (delivery.state, office.addresses) == ("sent", [ANNA, BEN])
        assert not delivery.messages.filter(repeated=True).exists()

    def test_it_stays_down(self, office: PostOffice, schedule: ExportSchedule, settings: Settings, pass_time) -> None:
        """Given up in the end; the failure notice goes out once the server is there again."""
        settings.EMAIL_PORT = 9
        at = schedule.next_run_at
        for pause in [timedelta(), *deliveries.PAUSES]:
            at += pause
            pass_time(at)
        delivery = Delivery.objects.get()
        assert (delivery.state, states(delivery)) == ("failed", {ANNA: "failed", BEN: "failed"})
        assert delivery.reason == "2 of 2 recipients did not get it: The mail server cannot be reached."
        settings.EMAIL_PORT = office.port
        pass_time(at + MINUTE)
        assert office.addresses == ["alice@example.com"]
        assert office.taken[0][1]["Subject"] == "Not delivered: Numbers (Acme)"
        delivery.refresh_from_db()
        assert delivery.next_attempt_at is None

    def test_it_refuses_one(self, office: PostOffice, schedule: ExportSchedule, pass_time) -> None:
        office.answer_to_address = lambda address: "550 no such mailbox" if address == ANNA else "250 OK"
        pass_time(schedule.next_run_at)
        delivery = Delivery.objects.get()
        assert (delivery.state, states(delivery)) == ("partly", {ANNA: "rejected", BEN: "sent"})
        assert delivery.messages.get(email=ANNA).reason == "The mail server refused it: 550 no such mailbox"
        pass_time(schedule.next_run_at + MINUTE)
        assert office.addresses == [BEN, "alice@example.com"]
        body = office.taken[1][1].get_body().get_content()  # type: ignore[union-attr]
        assert "was not delivered to everybody" in body and "anna@example.com: The mail server refused" in body

    def test_it_puts_one_off(self, office: PostOffice, schedule: ExportSchedule, pass_time) -> None:
        office.answer_to_address = lambda address: "451 greylisted" if address == ANNA else "250 OK"
        pass_time(schedule.next_run_at)
        assert states(Delivery.objects.get()) == {ANNA: "waiting", BEN: "sent"}
        office.answer_to_address = lambda _: "250 OK"
        pass_time(schedule.next_run_at + MINUTE)
        assert (states(Delivery.objects.get()), office.addresses) == ({ANNA: "sent", BEN: "sent"}, [BEN, ANNA])

    def test_it_finds_the_file_too_large(self, office: PostOffice, schedule: ExportSchedule, pass_time) -> None:
        tries: list[str] = []

        def answer(address: str) -> str:
            tries.append(address)
            return "552 too large" if len(tries) == 1 else "250 OK"

        office.answer_to_message = answer
        pass_time(schedule.next_run_at)
        pass_time(schedule.next_run_at + MINUTE)
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.attached) == ("sent", False)
        assert all("/exports/" in letter.get_body().get_content() for _, letter in office.taken)  # type: ignore[union-attr]

    def test_it_breaks_off_before_it_confirms(self, office: PostOffice, schedule: ExportSchedule, pass_time) -> None:
        """Nobody can know whether it arrived: the repeat is the same message and says what it is."""
        office.answer_to_message = lambda address: "break off" if address == ANNA else "250 OK"
        pass_time(schedule.next_run_at)
        anna = DeliveryMessage.objects.get(email=ANNA)
        assert (anna.state, anna.repeated) == ("waiting", True)
        office.answer_to_message = lambda _: "250 OK"
        pass_time(schedule.next_run_at + MINUTE)
        first, second = (letter for address, letter in office.taken if address == ANNA)
        assert first["Message-ID"] == second["Message-ID"]
        assert "second time" in second.get_body().get_content()  # type: ignore[union-attr]
        assert "second time" not in first.get_body().get_content()  # type: ignore[union-attr]
        assert office.addresses.count(BEN) == 1

    def test_it_is_too_slow(self, office: PostOffice, schedule: ExportSchedule, settings: Settings, pass_time) -> None:
        settings.EMAIL_TIMEOUT = 0.2
        office.waits = 1
        pass_time(schedule.next_run_at)
        anna = DeliveryMessage.objects.get(email=ANNA)
        assert (anna.state, anna.reason) == ("waiting", "The mail server went away before it confirmed the message.")


class TestWorkersDie:
    @pytest.fixture
    def dying(self, monkeypatch: pytest.MonkeyPatch):
        """The worker is gone as soon as it has sent to Anna, before it could note that."""

        class Gone(BaseException):
            pass

        def send(self: mail.Post, message: django_mail.EmailMessage) -> None:
            send_really(self, message)
            raise Gone

        send_really = mail.Post.send
        monkeypatch.setattr(mail.Post, "send", send)
        return Gone

    def test_after_it_sent_and_before_it_noted(
        self, office: PostOffice, schedule: ExportSchedule, dying, pass_time, monkeypatch
    ) -> None:
        due = schedule.next_run_at
        with pytest.raises(dying):
            pass_time(due)
        monkeypatch.undo()
        monkeypatch.setattr("stratum.lib.clock.now", lambda: due + MINUTE)
        delivery = Delivery.objects.get()
        assert (office.addresses, states(delivery)) == ([ANNA], {ANNA: "sending", BEN: "waiting"})
        tick()
        deliveries.advance(delivery.pk, now=due + MINUTE)
        assert office.addresses == [ANNA], "somebody may still be holding it"
        deliveries.advance(delivery.pk, now=due + deliveries.HELD_FOR)
        assert office.addresses == [ANNA, ANNA, BEN]
        first, second, _ = (letter for _, letter in office.taken)
        assert first["Message-ID"] == second["Message-ID"]
        assert "second time" in second.get_body().get_content()  # type: ignore[union-attr]
        assert DeliveryMessage.objects.get(email=ANNA).repeated
        assert not DeliveryMessage.objects.get(email=BEN).repeated

    def test_whoever_was_taken_over_sends_no_more(
        self, office: PostOffice, schedule: ExportSchedule, now: datetime, pass_time, settings: Settings
    ) -> None:
        settings.EMAIL_PORT = 9
        pass_time(schedule.next_run_at)
        settings.EMAIL_PORT = office.port
        later = schedule.next_run_at + MINUTE
        hold = deliveries._hold(Delivery.objects.get().pk, later)
        assert hold is not None
        deliveries.advance(hold.delivery.pk, now=later + deliveries.HELD_FOR)
        deliveries._send_all(hold, mail.Post(), later)
        assert office.addresses == [ANNA, BEN]

    def test_two_ticks_begin_one_delivery(
        self, office: PostOffice, schedule: ExportSchedule, workspace: Workspace
    ) -> None:
        due = schedule.next_run_at
        deliveries._begin(schedule, due, due)
        deliveries._begin(schedule, due, due)
        assert Delivery.objects.count() == 1


class TestItCannotBeWritten:
    def test_its_maker_has_left(
        self, office: PostOffice, schedule: ExportSchedule, workspace: Workspace, alice, bob, pass_time
    ) -> None:
        Member.objects.filter(user=bob).update(role="owner")
        Member.objects.filter(user=alice).delete()
        pass_time(schedule.next_run_at)
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.reason) == (
            "failed",
            "Who asked for this export is no longer on the team.",
        )
        assert office.addresses == ["bob@example.com"]

    def test_its_filters_are_refused_by_now(self, office: PostOffice, schedule: ExportSchedule, pass_time) -> None:
        ExportSchedule.objects.update(parameters={})
        pass_time(schedule.next_run_at)
        assert Delivery.objects.get().reason == "Say how many numbers."
        assert office.taken[0][1]["Subject"] == "Not delivered: Numbers (Acme)"

    def test_its_file_goes_with_somebody_erased_and_is_written_anew(
        self, office: PostOffice, schedule: ExportSchedule, workspace: Workspace, settings: Settings, pass_time, now
    ) -> None:
        settings.EMAIL_PORT = 9
        pass_time(schedule.next_run_at)
        before = Export.objects.get().pk
        exports.forget_personal(workspace, [1], now)
        settings.EMAIL_PORT = office.port
        pass_time(schedule.next_run_at + MINUTE)
        assert (Delivery.objects.get().state, office.addresses) == ("sent", [ANNA, BEN])
        assert Export.objects.get().pk != before


def test_the_address_of_the_link_is_the_file_of_its_own_export(schedule: ExportSchedule) -> None:
    export = Export(pk=schedule.pk)
    assert queries.link_token(export) != queries.link_token(Export())
