"""The book read: entries that match, counts for the chips, analytics. Answers come from columns kept in memory."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction

from stratum.lib import clock
from stratum.lib.periods import start_of_day
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Missing
from stratum.workspaces import limits
from stratum.workspaces.models import Workspace
from trustlayer import column_files
from trustlayer.asked import Asked
from trustlayer.columns import FACETS, Columns, Decided, Ints, Matched, Snapshot, starts_of
from trustlayer.models import Checkpoint, LedgerEntry, LedgerHead

FEATURE = "trust_audit_logs"
PER_PAGE = 50
MOST_KEPT = 8_000_000  # entries of all workspaces in one process: about 200 MB
READ_AT_ONCE = 20_000
SAVED_EVERY = 20_000  # entries, which a new process reads in a quarter of a second
DAILY_UP_TO, WEEKLY_UP_TO = 92, 731  # days; longer trends are by month
TOP_REASONS = 10

NEW = """
    SELECT seq, (extract(epoch FROM "timestamp") * 1000000)::bigint, kind, decision, action,
           entity_type, entity_id, entity_name, platform, signal_health, actor_type, "user", is_dry_run,
           reason, blocked_reason
    FROM trustlayer_ledgerentry WHERE workspace_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""
COLUMNS = 15  # that NEW asks for


@dataclass(slots=True)
class _Kept:
    """A book's columns in this process, with the hash of the last entry they hold, and how many a file has."""

    columns: Columns
    entry_hash: str
    saved: int
    lock: threading.Lock


_kept: OrderedDict[int, _Kept] = OrderedDict()
_door = threading.Lock()


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, the newest first. `older` and `newer` are the seqs to go on from, None at an end."""

    entries: list[LedgerEntry]
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """`first` to `last` are local days, both included."""

    first: date
    last: date
    counts: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Analytics:
    """Counts of decisions as (PASS, HOLD, BLOCK). `per` is day, week or month."""

    total: int
    decisions: tuple[int, int, int]
    per: str
    trend: tuple[Bucket, ...]
    block_reasons: tuple[tuple[str, int], ...]
    other_reasons: int
    entity_types: tuple[tuple[str, tuple[int, int, int]], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a question, before its rows are read."""

    workspace: Workspace
    asked: Asked
    matched: Matched
    head: int

    @property
    def total(self) -> int:
        return len(self.matched)

    @property
    def seqs(self) -> Ints:
        """Ascending."""
        return self.matched.seqs


def find(workspace: Workspace, asked: Asked) -> Found:
    """Raises NotAllowed where the workspace never had audit logs; of a plan without them, what was written before."""
    until = limits.readable_until(workspace, FEATURE)
    snapshot = _snapshot(workspace, None if until is None else clock.to_micros(until))
    last = int(snapshot.column["seq"][-1]) if len(snapshot) else 0
    return Found(workspace, asked, Matched(snapshot, asked), last)


def page(found: Found, *, before: int | None = None, after: int | None = None, limit: int = PER_PAGE) -> Page:
    """Entries with a smaller seq than `before`, or the next ones above `after`; the newest ones without either."""
    seqs = found.seqs
    if after is not None:
        start = int(np.searchsorted(seqs, after, "right"))
        end = min(start + limit, len(seqs))
    else:
        end = len(seqs) if before is None else int(np.searchsorted(seqs, before, "left"))
        start = max(end - limit, 0)
    wanted = seqs[start:end].tolist()
    rows = LedgerEntry.objects.filter(workspace=found.workspace, seq__in=wanted).order_by("-seq")
    older = int(seqs[start]) if 0 < start < len(seqs) else None
    newer = int(seqs[end - 1]) if 0 < end < len(seqs) else None
    return Page(list(rows), older, newer)


def facets(found: Found) -> dict[str, dict[str, int]]:
    """For each filter with chips how many entries each of its values would leave."""
    return {name: found.matched.facet(name) for name in FACETS}


def count_newer(found: Found, than: int) -> int:
    return len(found.seqs) - int(np.searchsorted(found.seqs, than, "right"))


def entry(workspace: Workspace, entry_id: UUID) -> LedgerEntry:
    """Raises Missing, and NotAllowed for what the plan does not show."""
    until = limits.readable_until(workspace, FEATURE)
    found = LedgerEntry.objects.filter(workspace=workspace, pk=entry_id).first()
    if found is None:
        raise Missing("There is no entry of the audit log with that address in this workspace.")
    if until is not None and found.timestamp > until:
        limits.require_feature(workspace, FEATURE)
    return found


def checkpoints(workspace: Workspace, most: int = 5) -> list[Checkpoint]:
    """The newest first."""
    return list(Checkpoint.objects.filter(workspace=workspace).order_by("-seq", "-at")[:most])


def checkpoint(workspace: Workspace, checkpoint_id: int) -> Checkpoint:
    """Raises Missing."""
    limits.readable_until(workspace, FEATURE)
    signed = Checkpoint.objects.select_related("workspace").filter(workspace=workspace, pk=checkpoint_id).first()
    if signed is None:
        raise Missing("There is no checkpoint with that address in this workspace.")
    return signed


def head(workspace: Workspace) -> LedgerHead | None:
    return LedgerHead.objects.filter(workspace=workspace).first()


def in_pieces(found: Found, size: int) -> Iterator[list[int]]:
    """The seqs that match, ascending, this many at once."""
    for start in range(0, len(found.seqs), size):
        yield found.seqs[start : start + size].tolist()


def analytics(found: Found) -> Analytics:
    decided = found.matched.decided()
    per, days = _buckets(decided, found.asked)
    counts = decided.by_time(starts_of(start_of_day(day, found.asked.zone) for day in days)) if days else []
    ends = [*(day - timedelta(days=1) for day in days[1:]), _last_day(decided, found.asked)]
    reasons = decided.block_reasons()
    types = sorted(decided.by_entity_type().items(), key=lambda pair: (-sum(pair[1]), pair[0]))
    return Analytics(
        total=len(decided),
        decisions=decided.by_decision(),
        per=per,
        trend=tuple(Bucket(*one) for one in zip(days, ends, counts, strict=False)),
        block_reasons=tuple(reasons[:TOP_REASONS]),
        other_reasons=sum(count for _, count in reasons[TOP_REASONS:]),
        entity_types=tuple(types),
    )


def _buckets(decided: Decided, asked: Asked) -> tuple[str, list[date]]:
    """The first local day of each bucket."""
    span = decided.span
    if span is None:
        return "day", []
    first, last = _day(span[0], asked.zone), _last_day(decided, asked)
    if asked.period:
        first = max(asked.period.first_day, first) if asked.period.days > MOST_EMPTY else asked.period.first_day
    days = (last - first).days + 1
    if days <= DAILY_UP_TO:
        return "day", [first + timedelta(days=each) for each in range(days)]
    if days <= WEEKLY_UP_TO:
        monday = first - timedelta(days=first.weekday())
        return "week", [monday + timedelta(days=each) for each in range(0, (last - monday).days + 1, 7)]
    months = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
    return "month", [date(month // 12, month % 12 + 1, 1) for month in months]


MOST_EMPTY = 366  # days before the first decision that a trend still draws


def _last_day(decided: Decided, asked: Asked) -> date:
    span = decided.span
    last = _day(span[1], asked.zone) if span else date.min
    return max(last, asked.period.last_day) if asked.period and asked.period.days <= MOST_EMPTY else last


def _day(micros: int, zone: ZoneInfo) -> date:
    return clock.from_micros(micros).astimezone(zone).date()


# The columns of this process


def _snapshot(workspace: Workspace, until: int | None = None) -> Snapshot:
    """Everything that is committed now, or of that what is no later than `until`, in microseconds."""
    kept = _columns_of(workspace)
    with kept.lock, transaction.atomic():
        present = head(workspace)
        last = present.seq if present else 0
        if kept.columns.size and not _still_there(workspace, kept):
            kept.columns, kept.entry_hash, kept.saved = Columns(), "", 0
        while kept.columns.last < last and (told := _read(workspace, kept.columns.last))["seq"]:
            kept.columns.extend(told)
        if last and kept.columns.size:
            kept.entry_hash = _hash_at(workspace, kept.columns.last)
        if kept.columns.size >= kept.saved + SAVED_EVERY:
            column_files.save(workspace.pk, kept.columns, kept.entry_hash)
            kept.saved = kept.columns.size
        return Snapshot(kept.columns, present.pruned_through if present else 0, until)


def remember_anew(workspace: Workspace) -> None:
    """Without what was pruned; in the file of long books, so that nobody who asks has to wait for the reading."""
    with _door:
        _kept.pop(workspace.pk, None)
    _snapshot(workspace)


def _columns_of(workspace: Workspace) -> _Kept:
    """The least used books go when there is too much."""
    with _door:
        if workspace.pk not in _kept:
            columns, entry_hash = column_files.load(workspace.pk)
            _kept[workspace.pk] = _Kept(columns, entry_hash, columns.size, threading.Lock())
        kept = _kept[workspace.pk]
        _kept.move_to_end(workspace.pk)
        while len(_kept) > 1 and sum(one.columns.size for one in _kept.values()) > MOST_KEPT:
            _kept.popitem(last=False)
        return kept


def _still_there(workspace: Workspace, kept: _Kept) -> bool:
    """A database that was put back from a copy holds another book."""
    return _hash_at(workspace, kept.columns.last) == kept.entry_hash


def _hash_at(workspace: Workspace, seq: int) -> str:
    found = LedgerEntry.objects.filter(workspace=workspace, seq=seq).values_list("entry_hash", flat=True).first()
    return found or ""


def _read(workspace: Workspace, after: int) -> Mapping[str, Sequence[Any]]:
    """The next entries by column, without Django's query layer, which took longer than everything else."""
    with raw_cursor() as cursor:
        cursor.execute(NEW, [workspace.pk, after, READ_AT_ONCE], prepare=True, binary=True)
        rows = cursor.fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * COLUMNS
    seq, at, kind, decision, action, of_type, of_id, name, platform, health, actor, user, dry, reason, blocked = columns
    return {
        "seq": seq,
        "at": at,
        "kind": kind,
        "decision": decision,
        "action": action,
        "entity": list(zip(of_type, of_id, name, platform, strict=True)),
        "health": health,
        "actor": list(zip(actor, user, strict=True)),
        "dry": dry,
        "reason": list(zip(reason, blocked, strict=True)),
    }
