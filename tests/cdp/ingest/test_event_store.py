"""Batches into PostgreSQL: everything once, and everybody as who they are."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from cdp.models import Change, Event, EventCopy, Identifier, Profile
from cdp.services import profiles as services
from cdp.services.event_store import Receipt, store
from cdp.tracking.messages import Kind, Message
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.messages import T0, message

pytestmark = pytest.mark.django_db


@pytest.fixture
def keep(workspace: Workspace) -> Callable[..., Receipt]:
    return lambda *messages: store(workspace, None, list(messages))


def owner(workspace: Workspace, kind: str, value: str) -> int:
    return Identifier.objects.get(workspace=workspace, kind=kind, value=value).profile_id


class TestStoring:
    def test_it_works(self, workspace: Workspace, keep: Callable[..., Receipt]) -> None:
        told = message(
            user_id="u", anonymous_id="a", properties={"price": 9.5, "tags": ["x"]}, platform="meta", flags=("late",)
        )
        assert keep(told).accepted == 1
        event = Event.objects.get(workspace=workspace)
        assert (event.name, event.ts, event.properties) == ("visit", T0, {"price": 9.5, "tags": ["x"]})
        assert (event.platform, event.device, event.flags) == ("meta", None, ["late"])
        assert event.profile_id == owner(workspace, "user_id", "u") == owner(workspace, "anonymous_id", "a")
        assert Profile.objects.get().user_id == "u"

    def test_a_repeat_is_a_duplicate(self, keep: Callable[..., Receipt]) -> None:
        told = message(user_id="u")
        keep(told)
        assert keep(told) == Receipt(0, 1, 0, ())
        assert keep(told, told).duplicates == 2
        assert Event.objects.count() == 1

    def test_a_repeat_teaches_nothing(self, workspace: Workspace, keep: Callable[..., Receipt]) -> None:
        joined = message(Kind.IDENTIFY, user_id="u", anonymous_id="a", traits={"plan": "free"})
        keep(joined)
        keep(message(Kind.IDENTIFY, user_id="v", anonymous_id="a", at=1))
        keep(joined)
        assert owner(workspace, "anonymous_id", "a") == owner(workspace, "user_id", "v")

    def test_a_repeat_among_new_messages_is_counted(self, keep: Callable[..., Receipt]) -> None:
        known, told = message(user_id="u"), message(user_id="u", at=1)
        keep(known)
        assert keep(known, told, message(user_id="v")) == Receipt(2, 1, 0, ())

    def test_a_repeat_does_not_bring_back_who_was_erased(
        self, workspace: Workspace, keep: Callable[..., Receipt]
    ) -> None:
        told = message(user_id="u", anonymous_id="a")
        keep(told)
        services.erase(workspace=workspace, profile=Profile.objects.get(), by=SYSTEM, now=T0)
        assert keep(told) == Receipt(0, 1, 0, ())
        assert Profile.objects.count() == 1 and not Identifier.objects.exists()

    def test_a_repeat_does_not_take_a_device_back(self, workspace: Workspace, keep: Callable[..., Receipt]) -> None:
        told = message(user_id="u", anonymous_id="a")
        keep(told)
        keep(message(user_id="v", anonymous_id="a", at=1), told)
        assert owner(workspace, "anonymous_id", "a") == owner(workspace, "user_id", "v")

    def test_workspaces_share_nothing(self, workspace: Workspace, other_workspace: Workspace) -> None:
        told = message(user_id="u")
        assert store(workspace, None, [told]).accepted == 1
        assert store(other_workspace, None, [told]).accepted == 1
        assert Profile.objects.count() == 2

    def test_odd_text_arrives_as_it_was_sent(self, keep: Callable[..., Receipt]) -> None:
        odd = 'quote " backslash \\ brace { comma , NULL \n tab\t ünïcödé 🦆'
        keep(message(user_id=odd, message_id=odd, name=odd, properties={odd: odd}))
        event = Event.objects.get()
        assert (event.message_id, event.name, event.properties) == (odd, odd, {odd: odd})
        assert Identifier.objects.get().value == odd

    def test_a_late_event_makes_the_profile_older(self, keep: Callable[..., Receipt]) -> None:
        keep(message(user_id="u", at=5))
        keep(message(user_id="u", at=2))
        keep(message(user_id="u", at=3))
        assert Profile.objects.get().created_at == T0 + timedelta(hours=2)


class TestCopies:
    def test_browser_and_server_send_one_event(self, keep: Callable[..., Receipt]) -> None:
        browser = message(user_id="u", name="purchase", event_id="order-1")
        server = message(user_id="u", name="purchase", event_id="order-1")
        assert keep(browser).copies == 0
        assert keep(server) == Receipt(0, 0, 1, ())
        assert keep(server) == Receipt(0, 1, 0, ())
        assert (Event.objects.count(), EventCopy.objects.count()) == (1, 1)

    def test_both_in_one_batch(self, keep: Callable[..., Receipt]) -> None:
        pair = [message(user_id="u", name="purchase", event_id="order-1") for _ in range(2)]
        assert keep(*pair) == Receipt(1, 0, 1, ())

    def test_other_names_are_other_events(self, keep: Callable[..., Receipt]) -> None:
        told = [message(user_id="u", name=name, event_id="1") for name in ("purchase", "refund")]
        assert keep(*told).accepted == 2


class TestMerging:
    def test_the_loser_leads_on_and_can_be_found(self, workspace: Workspace, keep: Callable[..., Receipt]) -> None:
        keep(message(anonymous_id="a"))
        keep(message(user_id="u", at=1))
        visitor, user = owner(workspace, "anonymous_id", "a"), owner(workspace, "user_id", "u")
        keep(message(Kind.IDENTIFY, user_id="u", anonymous_id="a", at=2))
        assert Profile.objects.get(pk=visitor).merged_into == user
        assert owner(workspace, "anonymous_id", "a") == user
        change = Change.objects.get()
        assert (change.kind, change.profile_id, change.into_id) == ("merge", visitor, user)
        assert change.before["loser"]["identifiers"] == [["anonymous_id", "a"]]

    def test_chains_stay_one_step_long(self, workspace: Workspace, keep: Callable[..., Receipt]) -> None:
        keep(message(anonymous_id="a"), message(anonymous_id="b", at=-1), message(user_id="u"))
        keep(message(email="e", anonymous_id="a", at=1), message(email="e", anonymous_id="b", at=2))
        keep(message(user_id="u", email="e", at=3))
        user = owner(workspace, "user_id", "u")
        assert set(Profile.objects.exclude(pk=user).values_list("merged_into", flat=True)) == {user}
        assert set(Identifier.objects.values_list("profile_id", flat=True)) == {user}

    def test_within_one_batch(self, workspace: Workspace, keep: Callable[..., Receipt]) -> None:
        receipt = keep(
            message(anonymous_id="a"),
            message(user_id="u", at=1),
            message(Kind.IDENTIFY, user_id="u", anonymous_id="a", at=2),
        )
        assert receipt.accepted == 3
        user = owner(workspace, "user_id", "u")
        loser = Profile.objects.exclude(pk=user).get()
        assert loser.merged_into == user

    def test_a_refused_alias_is_reported(self, keep: Callable[..., Receipt]) -> None:
        keep(message(user_id="anna"), message(user_id="ben"))
        receipt = keep(message(Kind.ALIAS, user_id="ben", previous_id="anna"))
        assert [rejection.code for rejection in receipt.rejected] == ["alias_refused"]
        assert not Change.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestConcurrentWriters:
    def race(self, workspace: Workspace, batches: list[list[Message]]) -> list[Receipt]:
        """All batches at once, each on its own connection."""
        gate = threading.Barrier(len(batches))

        def write(batch: list[Message]) -> Receipt:
            gate.wait()
            try:
                return store(workspace, None, batch)
            finally:
                connection.close()

        with ThreadPoolExecutor(len(batches)) as pool:
            return list(pool.map(write, batches))

    def test_one_message_sent_by_all_is_stored_once(self, workspace: Workspace) -> None:
        told = [message(user_id=f"u{n}") for n in range(20)]
        receipts = self.race(workspace, [told[n:] + told[:n] for n in range(6)])
        assert sum(receipt.accepted for receipt in receipts) == 20
        assert sum(receipt.duplicates for receipt in receipts) == 100
        assert (Event.objects.count(), Profile.objects.count(), Identifier.objects.count()) == (20, 20, 20)

    def test_a_newcomer_met_by_all_is_one_profile(self, workspace: Workspace) -> None:
        batches: list[list[Message]] = [[message(user_id=f"u{n}", at=n) for n in range(10)] for _ in range(6)]
        receipts = self.race(workspace, batches)
        assert sum(receipt.accepted for receipt in receipts) == 60
        assert Profile.objects.filter(merged_into=None).count() == 10

    def test_merges_from_all_sides_end_in_one_profile(self, workspace: Workspace) -> None:
        devices = [f"device-{n}" for n in range(6)]
        store(workspace, None, [message(anonymous_id=device) for device in devices])
        self.race(workspace, [[message(user_id="u", anonymous_id=device, at=1)] for device in devices])
        survivor = Profile.objects.get(merged_into=None)
        assert set(Identifier.objects.values_list("profile_id", flat=True)) == {survivor.pk}
        assert Event.objects.count() == 12

    def test_pairs_sent_by_all_are_counted_once(self, workspace: Workspace) -> None:
        batches: list[Any] = [[message(user_id="u", name="purchase", event_id="o")] for _ in range(6)]
        receipts = self.race(workspace, batches)
        assert sum(receipt.accepted for receipt in receipts) == 1
        assert sum(receipt.copies for receipt in receipts) == 5
