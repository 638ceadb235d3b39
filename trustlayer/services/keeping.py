"""Each day every book gets a signed checkpoint; retention takes away only what stands before one, and says so."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max, Q

from stratum.workspaces.models import Workspace
from trustlayer import column_files
from trustlayer.models import Checkpoint, LedgerEntry, LedgerHead
from trustlayer.services import checkpoints, ledger
from trustlayer.services.ledger import Draft

TASK = "trustlayer.keep"
EVERY = timedelta(days=1)
MOST_AT_ONCE = 100  # books in one minute
FEWEST_DAYS = 365  # of a book that is cut at all


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: books that grew since a checkpoint that is a day old."""
    last = Max("workspace__checkpoints__at")
    signed_through = Max("workspace__checkpoints__seq")
    heads = LedgerHead.objects.filter(seq__gt=0).annotate(last=last, signed=signed_through)
    due = heads.filter(Q(last=None) | Q(last__lte=now - EVERY, seq__gt=F("signed")))
    return [{"workspace_id": pk} for pk in due.values_list("workspace_id", flat=True)[:MOST_AT_ONCE]]


def keep(*, workspace: Workspace, now: datetime) -> int:
    """Sign the day's checkpoint; how many entries retention took away behind it."""
    with transaction.atomic():
        ledger.hold(workspace)
        newest = Checkpoint.objects.filter(workspace=workspace).order_by("-at").first()
        if newest is None or newest.at <= now - EVERY:
            checkpoints.sign(workspace=workspace, reason="daily", now=now)
    if not settings.LEDGER_DAYS:
        return 0
    return prune(workspace=workspace, before=now - timedelta(days=max(settings.LEDGER_DAYS, FEWEST_DAYS)), now=now)


@transaction.atomic
def prune(*, workspace: Workspace, before: datetime, now: datetime, why: str = "Retention") -> int:
    """Take away entries older than `before`, up to the last genuine checkpoint behind them; how many went.

    `why` is told in the book.
    """
    head = ledger.hold(workspace)
    young = LedgerEntry.objects.filter(workspace=workspace, timestamp__gte=before).order_by("seq").first()
    oldest_kept = young.seq if young else head.seq + 1
    end = _anchor(workspace, below=oldest_kept)
    if end is None or end.seq <= head.pruned_through:
        return 0
    gone = end.seq - head.pruned_through
    told = Draft(
        kind=LedgerEntry.Kind.RETENTION,
        reason=f"{why} took entries {head.pruned_through + 1} to {end.seq}, all before {before:%Y-%m-%d}",
        reason_code="pruned",
        action="prune",
        evidence={"from": head.pruned_through + 1, "through": end.seq, "entry_hash": end.entry_hash, "before": before},
    )
    ledger.append(workspace=workspace, drafts=[told], now=now)
    LedgerHead.objects.filter(workspace=workspace).update(pruned_through=end.seq)
    with connection.cursor() as cursor:
        # The guard of the table lets go what the head says is pruned.
        cursor.execute(
            "DELETE FROM trustlayer_ledgerentry WHERE workspace_id = %s AND seq <= %s", [workspace.pk, end.seq]
        )
    transaction.on_commit(lambda: column_files.discard(workspace.pk))
    return gone


def _anchor(workspace: Workspace, below: int) -> Checkpoint | None:
    """The last checkpoint whose entry is older, whose signature is ours, and whose hash the book confirms."""
    signed = Checkpoint.objects.filter(workspace=workspace, seq__lt=below).select_related("workspace")
    for one in signed.order_by("-seq", "-at"):
        same = LedgerEntry.objects.filter(workspace=workspace, seq=one.seq, entry_hash=one.entry_hash)
        if checkpoints.is_genuine(one) and same.exists():
            return one
    return None
