"""/dashboard/help, and how support answers in Django admin."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.conf import LazySettings
from django.core import mail
from django.test import Client

from stratum.support import services
from stratum.support.models import Conversation
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import User, Workspace
from tests import factories

URL = "/dashboard/help"


@pytest.fixture
def asked(workspace: Workspace, by_bob: Actor, now: datetime) -> Conversation:
    return services.ask(workspace=workspace, by=by_bob, subject="Counting", text="Why 9 %?", now=now)


@pytest.fixture
def as_staff(db: None, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(factories.UserFactory(email="sam@stratum.ai", name="Sam", is_staff=True, is_superuser=True))


def test_it_works(
    workspace: Workspace, as_bob: Client, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    page = as_bob.get(URL).content.decode()
    assert "Support is there" in page
    assert "mailto:support@stratum.ai" in page
    assert "mailto:sales@stratum.ai" in page
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        answer = as_bob.post(URL, {"subject": "Counting", "text": "Why <b>9</b> %?"}, follow=True)
    assert "Why &lt;b&gt;9&lt;/b&gt; %?" in answer.content.decode()
    assert Conversation.objects.get(workspace=workspace).waits_for_support
    [letter] = mail.outbox
    assert letter.to == ["support@stratum.ai"]
    assert letter.subject == "Acme: Counting"


def test_nothing_said_is_refused_and_nothing_typed_is_lost(as_bob: Client) -> None:
    answer = as_bob.post(URL, {"subject": "  ", "text": "A long story"})
    assert answer.status_code == 422
    assert "A long story" in answer.content.decode()
    assert "what it is about" in answer.content.decode()
    assert not Conversation.objects.exists()


def test_support_answers_in_admin(
    asked: Conversation, as_staff: Client, as_bob: Client, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    address = f"/admin/support/conversation/{asked.pk}/change/"
    assert "Why 9 %?" in as_staff.get(address).content.decode()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        as_staff.post(address, {"answer": "Because 900 of 10,000 bought."}, follow=True)
    page = as_bob.get(f"{URL}/{asked.pk}").content.decode()
    assert "Because 900 of 10,000 bought." in page
    assert "<strong>Support</strong>" in page
    assert "Answered" in as_bob.get(URL).content.decode()
    assert [letter.to for letter in mail.outbox] == [["bob@example.com"]]


def test_an_answer_appears_by_itself(asked: Conversation, as_bob: Client, now: datetime) -> None:
    services.answer(conversation=asked, by=SYSTEM, text="Look here", now=now)
    fragment = as_bob.get(f"{URL}/{asked.pk}", headers={"HX-Request": "true"}).content.decode()
    assert fragment.strip().startswith("<ol")
    assert "Look here" in fragment


def test_closing_and_writing_again(asked: Conversation, as_alice: Client) -> None:
    as_alice.post(f"{URL}/{asked.pk}/close")
    assert "Closed" in as_alice.get(URL).content.decode()
    as_alice.post(f"{URL}/{asked.pk}", {"text": "One more thing"})
    asked.refresh_from_db()
    assert asked.closed_at is None
    assert asked.waits_for_support


def test_it_checks_ownership(asked: Conversation, as_charlie: Client) -> None:
    assert as_charlie.get(f"{URL}/{asked.pk}").status_code == 404
    assert as_charlie.post(f"{URL}/{asked.pk}", {"text": "Hello"}).status_code == 404
    assert as_charlie.post(f"{URL}/{asked.pk}/close").status_code == 404
    assert "Counting" not in as_charlie.get(URL).content.decode()
    assert asked.messages.count() == 1


def test_without_a_mail_server_nothing_is_lost(
    workspace: Workspace,
    as_bob: Client,
    settings: LazySettings,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        assert as_bob.post(URL, {"subject": "Counting", "text": "Why?"}).status_code == 302
    assert Conversation.objects.get(workspace=workspace).messages.count() == 1


def test_out_of_hours_it_says_when(as_bob: Client, move_clock: Callable[[datetime], None]) -> None:
    move_clock(datetime.fromisoformat("2026-01-17T12:00:00Z"))
    page = as_bob.get(URL).content.decode()
    assert "Out of hours" in page
    assert "Back Monday" in page
