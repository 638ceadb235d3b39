"""Settings > Notifications: who is told what and when, by mail too; what is collected; summaries."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.test import Client

from stratum.notifications import registry
from stratum.notifications.models import CollectedUpTo, Message, NotificationSettings, Subscription
from stratum.notifications.quiet import QuietHours
from stratum.notifications.registry import Collected, Kind, Notice, Section
from stratum.workspaces.models import Member, Workspace
from tests.notifications.conftest import Tell

PAGE = "/dashboard/settings/notifications"
WHEN = {
    "minimum_severity": "info",
    "time_zone": "Europe/Berlin",
    "quiet_from": "22",
    "quiet_until": "7",
    "critical_at_once": "on",
    "summary_hour": "9",
    "report_weekday": "4",
}


@pytest.fixture
def bobs_place(workspace: Workspace, bob) -> Member:
    return Member.objects.get(workspace=workspace, user=bob)


def chosen(member: Member, kind: str = "floods") -> dict[str, object]:
    options = {f"kind-{kind}-options": ["river"]} if kind == "floods" else {}
    return {**WHEN, f"kind-{kind}-members": [member.pk], **options}


def test_it_works(as_alice: Client, bobs_place: Member, workspace: Workspace) -> None:
    page = as_alice.get(PAGE).content.decode()
    assert "When water comes." in page and "Bob" in page
    assert as_alice.post(PAGE, chosen(bobs_place))["Location"] == PAGE
    subscription = Subscription.objects.get(workspace=workspace, kind="floods")
    assert (list(subscription.members.all()), subscription.options) == ([bobs_place], ["river"])
    row = NotificationSettings.objects.get(workspace=workspace)
    assert (row.quiet_from, row.quiet_until) == (22, 7)
    assert row.next_summary_at == datetime(2026, 1, 16, 8, tzinfo=UTC)
    assert row.next_report_at == datetime(2026, 1, 16, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"quiet_until": ""}, "both a beginning and an end"),
        ({"quiet_until": "22"}, "an end that differs"),
        ({"time_zone": "Mars"}, "Write a time zone we know"),
        ({"summary_hour": "25"}, "Select a valid choice"),
        ({"kind-floods-members": ["999999"]}, "Select a valid choice"),
    ],
)
def test_what_makes_no_sense_is_said(as_alice: Client, changed: dict[str, object], sentence: str) -> None:
    answer = as_alice.post(PAGE, {**WHEN, **changed})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_strangers_are_never_told(as_alice: Client, charlie) -> None:
    place = Member.objects.get(user=charlie)
    assert as_alice.post(PAGE, chosen(place)).status_code == 422


def test_others_look_only(as_bob: Client, bobs_place: Member) -> None:
    assert as_bob.get(PAGE).status_code == 200
    assert as_bob.post(PAGE, chosen(bobs_place)).status_code == 403
    assert not Subscription.objects.exists()


class TestByMail:
    @pytest.fixture(autouse=True)
    def subscribed(self, as_alice: Client, bobs_place: Member) -> None:
        as_alice.post(PAGE, {**chosen(bobs_place), "quiet_from": "", "quiet_until": ""})

    def test_it_works(self, tell: Tell) -> None:
        assert tell(text="The river rises.", facts=[("Level", "7 m")], path="/dashboard/x") == 1
        (letter,) = mail.outbox
        assert (letter.to, letter.subject) == (["bob@example.com"], "Water! (Acme)")
        assert "Level: 7 m" in letter.body and "http://localhost:8000/dashboard/x" in letter.body

    def test_a_name_with_a_line_break_forges_no_header(self, tell: Tell) -> None:
        tell(title="Water!\nBcc: evil@example.com")
        assert mail.outbox[0].subject == "Water! Bcc: evil@example.com (Acme)"

    def test_below_the_minimum_nothing_is_told(self, tell: Tell, as_alice: Client, bobs_place: Member) -> None:
        as_alice.post(PAGE, {**chosen(bobs_place), "minimum_severity": "critical"})
        assert [tell(severity="warning"), tell(severity="critical")] == [0, 1]

    def test_who_left_is_told_no_more(self, tell: Tell, bobs_place: Member) -> None:
        bobs_place.delete()
        assert tell() == 0


class TestCollecting:
    @pytest.fixture
    def level(self, monkeypatch: pytest.MonkeyPatch, as_alice: Client, bobs_place: Member) -> list[int]:
        """A river whose level is told whenever it has risen."""
        level = [1]

        def collect(workspace: Workspace, place: int | None, now: datetime) -> Collected:
            risen = [Notice("level", f"level:{level[0]}", f"{level[0]} m")] if place and level[0] > place else []
            return Collected(risen, level[0])

        monkeypatch.setitem(registry.kinds, "level", Kind("level", "Level", "How high.", collect=collect))
        as_alice.post(PAGE, {**chosen(bobs_place, "level"), "quiet_from": "", "quiet_until": ""})
        return level

    def test_from_now_on_and_each_once(self, level: list[int], now: datetime, pass_time, workspace: Workspace) -> None:
        pass_time(now)
        assert mail.outbox == []
        level[0] = 2
        for minutes in (1, 2):
            pass_time(now + timedelta(minutes=minutes))
        assert [letter.subject for letter in mail.outbox] == ["2 m (Acme)"]
        CollectedUpTo.objects.update(place=1)  # as if a crash had undone it
        pass_time(now + timedelta(minutes=3))
        assert len(mail.outbox) == 1

    def test_nobody_is_asked_where_nobody_wants_to_know(self, level: list[int], now: datetime, pass_time) -> None:
        Subscription.objects.all().delete()
        pass_time(now)
        assert not CollectedUpTo.objects.exists()


class TestSummaries:
    @pytest.fixture(autouse=True)
    def section(self, monkeypatch: pytest.MonkeyPatch, as_alice: Client, bobs_place: Member) -> None:
        def lines(workspace: Workspace, period, now: datetime) -> list[tuple[str, str]]:
            return [("Days", f"{period.first_day} to {period.last_day}")]

        for name in list(registry.sections):
            monkeypatch.delitem(registry.sections, name)
        monkeypatch.setitem(registry.sections, "rain", Section("rain", "Rain", lines))
        both = {
            "kind-daily_summary-members": [bobs_place.pk],
            "kind-weekly_report-members": [bobs_place.pk],
            "quiet_from": "",
            "quiet_until": "",
        }
        as_alice.post(PAGE, {**WHEN, **both})

    def test_each_once_when_it_is_due(self, now: datetime, pass_time) -> None:
        pass_time(datetime(2026, 1, 16, 7, 59, tzinfo=UTC))
        assert mail.outbox == []
        for minute in (0, 1):
            pass_time(datetime(2026, 1, 16, 8, minute, tzinfo=UTC))
        assert sorted(letter.subject for letter in mail.outbox) == [
            "The last seven days, 9 January to 15 January (Acme)",
            "Yesterday, 15 January (Acme)",
        ]
        assert any("Rain: Days: 2026-01-09 to 2026-01-15" in letter.body for letter in mail.outbox)
        pass_time(datetime(2026, 1, 17, 8, tzinfo=UTC))
        assert len(mail.outbox) == 3


@pytest.mark.parametrize(
    ("begin", "end", "at", "over"),
    [
        (22, 7, "2026-01-15T20:59:00Z", None),
        (22, 7, "2026-01-15T21:00:00Z", "2026-01-16T06:00:00Z"),
        (22, 7, "2026-01-16T05:59:00Z", "2026-01-16T06:00:00Z"),
        (22, 7, "2026-01-16T06:00:00Z", None),
        (12, 14, "2026-07-15T10:30:00Z", "2026-07-15T12:00:00Z"),
        (12, 14, "2026-07-15T12:00:00Z", None),
        (22, 7, "2026-03-28T23:00:00Z", "2026-03-29T05:00:00Z"),
    ],
)
def test_quiet_hours(begin: int, end: int, at: str, over: str | None) -> None:
    quiet = QuietHours(begin, end, ZoneInfo("Europe/Berlin"))
    assert quiet.over_at(datetime.fromisoformat(at)) == (datetime.fromisoformat(over) if over else None)


def test_old_messages_go(tell: Tell, connected, now: datetime, pass_time) -> None:
    tell()
    pass_time(now + timedelta(days=91))
    assert not Message.objects.exists()
