"""Daily checkpoints, and retention that takes only what stands before one."""

from datetime import datetime, timedelta

import pytest
from django.test import override_settings

from stratum.workspaces.models import Workspace
from stratum.workspaces.tasks import tick
from tests.conftest import MoveClock
from tests.trustlayer.conftest import Write
from trustlayer.models import Checkpoint, LedgerEntry, LedgerHead
from trustlayer.services import checkpoints, keeping, verification

DAY = timedelta(days=1)


def test_a_book_that_grows_is_signed_once_a_day(
    workspace: Workspace, write: Write, now: datetime, move_clock: MoveClock, django_capture_on_commit_callbacks
) -> None:
    def ticks(at: datetime) -> list[int]:
        move_clock(at)
        with django_capture_on_commit_callbacks(execute=True):
            tick()
        return list(Checkpoint.objects.order_by("at").values_list("seq", flat=True))

    assert ticks(now) == []
    write()
    assert ticks(now) == [1]
    write()
    assert ticks(now + DAY / 2) == [1]
    assert ticks(now + DAY) == [1, 2]
    assert ticks(now + 3 * DAY) == [1, 2]


class TestRetention:
    def test_it_takes_what_is_old_up_to_a_checkpoint_and_says_so(
        self, workspace: Workspace, write: Write, now: datetime
    ) -> None:
        for days in (900, 800, 700, 10):
            write(days=days)
            if days == 800:
                checkpoints.sign(workspace=workspace, reason="daily", now=now - 800 * DAY)
        assert keeping.prune(workspace=workspace, before=now - 365 * DAY, now=now) == 2
        assert list(LedgerEntry.objects.order_by("seq").values_list("seq", "kind")) == [
            *((3, "decision"), (4, "decision"), (5, "retention"))
        ]
        assert LedgerHead.objects.get().pruned_through == 2
        result = verification.check(workspace)
        assert (result.broken, result.entries, result.first) == (None, 3, 3)
        assert keeping.prune(workspace=workspace, before=now - 365 * DAY, now=now) == 0

    def test_without_a_checkpoint_nothing_goes(self, workspace: Workspace, write: Write, now: datetime) -> None:
        write(days=900)
        assert keeping.prune(workspace=workspace, before=now - 365 * DAY, now=now) == 0

    def test_a_forged_checkpoint_lets_nothing_go(self, workspace: Workspace, write: Write, now: datetime) -> None:
        write(days=900)
        signed = checkpoints.sign(workspace=workspace, reason="daily", now=now - 900 * DAY)
        assert signed is not None
        Checkpoint.objects.update(at=now - 800 * DAY)
        assert keeping.prune(workspace=workspace, before=now - 365 * DAY, now=now) == 0

    @pytest.mark.parametrize(("days", "left"), [(0, 2), (30, 2), (500, 2), (400, 2), (365, 2)])
    def test_by_the_setting_but_never_within_a_year(
        self, workspace: Workspace, write: Write, now: datetime, days: int, left: int
    ) -> None:
        write(days=300)
        write()
        checkpoints.sign(workspace=workspace, reason="daily", now=now - 2 * DAY)
        with override_settings(LEDGER_DAYS=days):
            keeping.keep(workspace=workspace, now=now)
        assert LedgerEntry.objects.count() == left
