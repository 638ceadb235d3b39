"""Messages to Slack before a real HTTP server: what arrives, and what becomes of each of its answers."""

import json
import logging
from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from stratum.lib.refusal import Invalid, NotAllowed
from stratum.notifications import slack
from stratum.notifications.models import Message, SlackConnection, Subscription
from stratum.notifications.services import preferences, sending
from stratum.notifications.slack import Told
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.notifications.conftest import Slack, Tell
from tests.wire import Reply

PAGE = "/dashboard/integrations/slack"
MINUTE = timedelta(minutes=1)
WEBHOOK = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXabcd"


def text(status: int, body: bytes, **headers: str) -> Reply:
    return Reply(status, body, {"Content-Type": "text/html", **headers})


def the_message() -> Message:
    return Message.objects.get()


class TestWhatArrives:
    def test_it_works(self, connected: Slack, tell: Tell) -> None:
        assert tell(text="The river rises.", severity="critical", facts=[("Level", "7 m")], path="/dashboard/x") == 1
        (body,) = connected.received
        assert body["text"] == "Water! (Acme)"
        header, section, fields, context = body["blocks"]
        assert header["text"] == {"type": "plain_text", "text": ":rotating_light: Water!", "emoji": True}
        assert section["text"]["text"] == "The river rises."
        assert fields["fields"][0]["text"] == "*Level*\n7 m"
        assert context["elements"][0]["text"] == "Acme · <http://localhost:8000/dashboard/x|Open in Stratum>"
        assert (the_message().state, the_message().next_attempt_at) == ("sent", None)

    def test_no_name_can_mention_or_link(self, connected: Slack, tell: Tell) -> None:
        tell(title="<!channel> & <https://evil.example|here>", text="<!here>", facts=[("<@U1>", "a & b")])
        blocks = connected.received[0]["blocks"]
        assert "<" not in connected.received[0]["text"]
        assert blocks[1]["text"]["text"] == "&lt;!here&gt;"
        assert blocks[2]["fields"][0]["text"] == "*&lt;@U1&gt;*\na &amp; b"

    def test_whatever_is_long_is_cut_to_what_slack_takes(self) -> None:
        told = Told("Acme", "info", "t" * 400, "&" * 4_000, [("l", "v" * 3_000)] * 25, "")
        blocks = slack.payload(told)["blocks"]
        assert len(blocks[0]["text"]["text"]) <= 150
        assert len(blocks[1]["text"]["text"]) <= 3_000
        assert blocks[1]["text"]["text"].endswith("&amp;…")
        assert [len(block["fields"]) for block in blocks[2:5]] == [10, 10, 5]
        assert all(len(one["text"]) <= 2_000 for one in blocks[2]["fields"])

    def test_of_one_key_it_is_told_once(self, connected: Slack, tell: Tell) -> None:
        assert [tell(), tell(), tell(key="flood:2")] == [1, 0, 1]
        assert len(connected.received) == 2

    def test_only_options_that_were_chosen(self, connected: Slack, tell: Tell) -> None:
        assert tell(option="sea") == 0


class TestWhatSlackAnswers:
    def test_400_is_final(self, connected: Slack, tell: Tell) -> None:
        connected.replies.append(text(400, b"invalid_payload"))
        tell()
        message = the_message()
        assert (message.state, message.reason) == ("failed", "Slack does not accept this message.")
        assert message.next_attempt_at is None
        assert SlackConnection.objects.get().broken_at is None

    @pytest.mark.parametrize(
        ("status", "body", "reason"),
        [
            (403, b"invalid_token", "Slack does not know this webhook any more"),
            (403, b"action_prohibited", "An administrator of Slack has forbidden"),
            (404, b"no_service", "Slack does not know this webhook any more"),
            (404, b"channel_not_found", "The channel of this webhook is gone"),
            (410, b"channel_is_archived", "The channel of this webhook is archived"),
        ],
    )
    def test_a_lost_webhook_breaks_the_connection_until_something_arrives(
        self, connected: Slack, tell: Tell, as_alice: Client, status: int, body: bytes, reason: str
    ) -> None:
        connected.replies.append(text(status, body))
        tell()
        assert the_message().state == "failed"
        assert SlackConnection.objects.get().broken_reason.startswith(reason)
        assert reason in as_alice.get(PAGE).content.decode()
        assert reason in as_alice.get("/dashboard/settings/notifications").content.decode()
        tell(key="flood:2")
        assert SlackConnection.objects.get().broken_at is None

    def test_429_waits_as_long_as_slack_asks(self, connected: Slack, tell: Tell, now: datetime, pass_time) -> None:
        connected.replies.append(text(429, b"rate_limited", **{"Retry-After": "30"}))
        tell()
        assert (the_message().state, the_message().next_attempt_at) == ("waiting", now + timedelta(seconds=30))
        pass_time(now + timedelta(seconds=29))
        assert len(connected.received) == 1
        pass_time(now + timedelta(seconds=30))
        assert (the_message().state, the_message().repeated) == ("sent", False)

    @pytest.mark.parametrize("lost", [text(500, b"rollup_error"), Reply(drop=True)])
    def test_what_may_have_arrived_is_sent_again_and_says_so(
        self, connected: Slack, tell: Tell, now: datetime, pass_time, lost: Reply
    ) -> None:
        connected.replies.append(lost)
        tell()
        assert (the_message().state, the_message().next_attempt_at) == ("waiting", now + MINUTE)
        pass_time(now + MINUTE)
        assert (the_message().state, the_message().repeated) == ("sent", True)
        first, second = (json.dumps(body) for body in connected.received)
        assert "Sent again" in second and "Sent again" not in first

    def test_an_answer_that_never_comes(
        self, connected: Slack, tell: Tell, monkeypatch: pytest.MonkeyPatch, now: datetime
    ) -> None:
        monkeypatch.setattr(slack, "READ_TIMEOUT", 0.2)
        monkeypatch.setattr(connected.server, "received", connected.server.received)
        connected.replies.append(SlowReply(200, b"ok"))
        tell()
        assert (the_message().state, the_message().repeated) == ("waiting", True)
        assert "did not answer in time" in the_message().reason

    def test_after_six_attempts_it_is_given_up_and_can_be_sent_by_hand(
        self, connected: Slack, tell: Tell, now: datetime, pass_time, as_alice: Client, as_bob: Client
    ) -> None:
        connected.replies += [text(503, b"")] * 6
        tell()
        at = now
        for pause in sending.PAUSES:
            at += pause
            pass_time(at)
        message = the_message()
        assert (message.state, message.attempts, len(connected.received)) == ("failed", 6, 6)
        assert not message.repeated
        again = f"/dashboard/settings/notifications/{message.pk}/retry"
        assert as_bob.post(again).status_code == 403
        as_alice.post(again)
        assert the_message().state == "sent"

    def test_a_server_that_is_away(self, connected: Slack, tell: Tell, workspace: Workspace) -> None:
        SlackConnection.objects.update(sealed_url=preferences.seal.seal("http://127.0.0.1:9/services/a/b/c"))
        tell()
        assert (the_message().state, the_message().repeated) == ("waiting", False)


class SlowReply(Reply):
    """Its body is asked for after the status was due, so the waiting is in between."""

    @property
    def headers(self) -> dict[str, str]:  # type: ignore[override]
        import time  # noqa: PLC0415

        time.sleep(0.6)
        return {}

    @headers.setter
    def headers(self, _: object) -> None: ...


class TestWorkersDie:
    def test_one_that_died_while_sending(self, connected: Slack, tell: Tell, now: datetime, pass_time) -> None:
        connected.replies.append(text(503, b""))
        tell()
        Message.objects.update(state="sending", next_attempt_at=now + sending.HELD_FOR)
        pass_time(now + MINUTE)
        assert len(connected.received) == 1, "somebody may still be holding it"
        pass_time(now + sending.HELD_FOR)
        assert (the_message().state, the_message().repeated) == ("sent", True)

    def test_two_workers_send_one_message(self, connected: Slack, tell: Tell, now: datetime) -> None:
        connected.replies.append(text(503, b""))
        tell()
        later = now + MINUTE
        for _ in range(2):
            sending.send(the_message().pk, now=later)
        assert len(connected.received) == 2  # the failed one, and this


class TestQuietHours:
    @pytest.fixture(autouse=True)
    def quiet(self, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
        """From 12 to 14 in Berlin; it is 13:00 there."""
        wanted = preferences.Wanted("info", "Europe/Berlin", (12, 14), True, 8, 0)
        preferences.save(workspace=workspace, by=by_alice, wanted=wanted, by_kind={}, now=now)

    def test_messages_wait_for_their_end(self, connected: Slack, tell: Tell, now: datetime, pass_time) -> None:
        tell(severity="warning")
        assert (the_message().reason, the_message().next_attempt_at) == ("Quiet hours.", now + timedelta(hours=1))
        pass_time(now + timedelta(hours=1))
        assert the_message().state == "sent"

    def test_critical_ones_do_not(self, connected: Slack, tell: Tell) -> None:
        tell(severity="critical")
        assert the_message().state == "sent"


class TestThePage:
    def test_connect_test_and_disconnect(self, as_alice: Client, slack_server: Slack, workspace: Workspace) -> None:
        assert "Not connected" in as_alice.get(PAGE).content.decode()
        assert as_alice.post(f"{PAGE}/connect", {"url": slack_server.url})["Location"] == PAGE
        connection = SlackConnection.objects.get()
        assert "secret1234" not in connection.sealed_url
        page = as_alice.get(PAGE).content.decode()
        assert "…1234" in page and "secret1234" not in page
        assert Subscription.objects.get(kind="health").slack
        as_alice.post(f"{PAGE}/test")
        assert slack_server.received[0]["text"] == "This is a test (Acme)"
        assert "It was sent and confirmed." in as_alice.get(PAGE).content.decode()
        as_alice.post(f"{PAGE}/disconnect")
        assert not SlackConnection.objects.exists()

    def test_a_test_that_fails_says_why(self, as_alice: Client, connected: Slack) -> None:
        connected.replies.append(text(404, b"no_service"))
        as_alice.post(f"{PAGE}/test")
        assert "It was not sent. Slack does not know this webhook" in as_alice.get(PAGE).content.decode()

    @pytest.mark.parametrize(
        "url",
        [
            "http://hooks.slack.com/services/T/B/X",
            "https://hooks.slack.com.evil.example/services/T/B/X",
            "https://evil.example/services/T/B/X",
            "https://user@hooks.slack.com/services/T/B/X",
            "https://hooks.slack.com:8443/services/T/B/X",
            "https://hooks.slack.com/services/T/B",
            "https://hooks.slack.com/api/chat.postMessage",
            "http://127.0.0.1/services/T/B/X",
            "ftp://x",
            "http://[",
        ],
    )
    def test_other_addresses_are_refused(
        self, workspace: Workspace, by_alice: Actor, now: datetime, settings: Settings, url: str
    ) -> None:
        settings.MAY_CALL_LOOPBACK = False
        with pytest.raises(Invalid):
            preferences.connect_slack(workspace=workspace, by=by_alice, url=url, now=now)

    def test_slacks_own_are_taken(self, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
        assert preferences.connect_slack(workspace=workspace, by=by_alice, url=WEBHOOK, now=now).hint == "abcd"

    def test_the_address_is_in_no_log_line(
        self, connected: Slack, tell: Tell, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        connected.replies.append(text(404, b"no_service"))
        tell()
        assert "127.0.0.1" in caplog.text and "secret1234" not in caplog.text

    def test_it_needs_the_right_to_connect(
        self, as_bob: Client, workspace: Workspace, by_bob: Actor, now: datetime
    ) -> None:
        assert as_bob.get(PAGE).status_code == 200
        assert as_bob.post(f"{PAGE}/connect", {"url": WEBHOOK}).status_code == 403
        with pytest.raises(NotAllowed):
            preferences.connect_slack(workspace=workspace, by=by_bob, url=WEBHOOK, now=now)

    def test_it_checks_ownership(self, as_charlie: Client, connected: Slack, tell: Tell) -> None:
        tell()
        page = as_charlie.get(PAGE).content.decode()
        assert "Not connected" in page and "Water!" not in page
        assert as_charlie.post(f"{PAGE}/test").status_code == 404
        retry = f"/dashboard/settings/notifications/{the_message().pk}/retry"
        assert as_charlie.post(retry).status_code == 404
