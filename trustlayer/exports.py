"""The audit log as a file: exactly the filtered entries, with the signed head they were taken at.

An export is told in the book itself before its first byte, so the head in its manifest covers that entry too.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import orjson
from django.db import connection, transaction

from stratum.lib.refusal import Fault, Invalid
from stratum.reports.registry import Exporter
from stratum.reports.sheets import Sheet, Tell
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer import asked as filters
from trustlayer.models import HealthDay, LedgerEntry
from trustlayer.pdf import report_pdf
from trustlayer.queries import audit as queries
from trustlayer.queries import history
from trustlayer.queries.audit import Found
from trustlayer.services import checkpoints, ledger
from trustlayer.services.ledger import Draft
from trustlayer.shapes import entry_json
from trustlayer.signals import SIGNALS

CHUNK = 5_000  # entries read at once
MOST_IN_PDF = 1_000  # rows; charts and counts are of all of them
PLAIN = ("seq", "id", "timestamp", "kind", "decision", "signal_health", "action")
TEXTS = (
    *("entity", "entity_type", "entity_id", "entity_name", "platform", "account", "change", "reason"),
    *("blocked_reason", "user", "action_id", "request_id"),
)
OTHERS = ("reason_code", "actor_type", "is_dry_run", "policy_version", "evidence", "prev_hash", "entry_hash")
HEADER = (*PLAIN, *TEXTS, *OTHERS)
WRITTEN = [f"{name}::text" if name == "is_dry_run" else name for name in OTHERS]  # true and false, not t and f
INSTANT = """to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
# The same as stratum.lib.sheets.safe: spreadsheets run what starts like a formula.
SAFE = """CASE WHEN left("{0}", 1) IN ('=', '+', '-', '@', E'\\t', E'\\r') AND "{0}" !~ '^[+-]?[0-9]+([.][0-9]+)?$'
          THEN '''' || "{0}" ELSE "{0}" END"""


def audit_logs(workspace: Workspace, parameters: Mapping[str, str], by: Actor, now: datetime) -> Sheet:
    """`parameters`: the filters of trustlayer.asked."""
    zone = ZoneInfo(workspace.time_zone)
    asked = filters.parse(parameters, now=now, zone=zone)
    found = queries.find(workspace, asked)

    signed: dict[str, object] = {}

    def begin(file_format: str) -> dict[str, object]:
        signed.update(_begin(found, file_format, by, now))
        return signed

    return Sheet(
        f"audit-logs-{now.astimezone(zone).date()}",
        "Audit logs",
        HEADER,
        (),
        found.total,
        own={
            "csv": lambda tell: _after(begin("csv"), csv_pieces(found, tell)),
            "json": lambda tell: json_pieces(found, begin("json"), tell),
            "pdf": lambda tell: pdf_pieces(found, begin("pdf"), now, tell),
        },
        proof=lambda: signed,
    )


def _begin(found: Found, file_format: str, by: Actor, now: datetime) -> dict[str, object]:
    """Tell the book, sign its head, and give the manifest."""
    told = Draft(
        kind=LedgerEntry.Kind.EXPORT,
        reason=f"{by.label} exported {found.total:,} entries as {file_format.upper()}",
        reason_code="exported",
        action="export",
        by=by,
        evidence={"filters": found.asked.parameters, "format": file_format, "entries": found.total},
    )
    with transaction.atomic():
        ledger.append(workspace=found.workspace, drafts=[told], now=now)
        signed = checkpoints.sign(workspace=found.workspace, reason="export", now=now)
    assert signed is not None
    return checkpoints.manifest_of(signed) | {"filters": found.asked.parameters, "entries": found.total}


def _after(_: object, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The first is done by the time the second begins."""
    return pieces


def csv_pieces(found: Found, tell: Tell) -> Iterator[bytes]:
    """Written by PostgreSQL itself, a piece for each few thousand entries."""
    yield (",".join(HEADER) + "\n").encode()
    cells = ", ".join([*("seq", "id", INSTANT), *PLAIN[3:], *(SAFE.format(name) for name in TEXTS), *WRITTEN])
    done = 0
    for seqs in queries.in_pieces(found, CHUNK):
        which = "true" if seqs[-1] - seqs[0] + 1 == len(seqs) else f"seq = ANY(ARRAY{seqs}::bigint[])"
        query = (
            f"SELECT {cells} FROM trustlayer_ledgerentry WHERE workspace_id = {int(found.workspace.pk)} "
            f"AND seq BETWEEN {seqs[0]} AND {seqs[-1]} AND {which} ORDER BY seq"
        )
        with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy:
            yield b"".join(copy)
        done += len(seqs)
        tell(done)


def json_pieces(found: Found, manifest: Mapping[str, object], tell: Tell) -> Iterator[bytes]:
    """`{"manifest": …, "entries": […]}`, which `manage.py verify_ledger --manifest` reads."""
    yield b'{"manifest":' + orjson.dumps(manifest) + b',\n"entries":['
    comma = b"\n"
    done = 0
    for entries in _entries(found):
        yield comma + b",\n".join(orjson.dumps(entry_json(entry)) for entry in entries)
        comma = b",\n"
        done += len(entries)
        tell(done)
    yield b"\n]}\n"


def pdf_pieces(found: Found, manifest: Mapping[str, object], now: datetime, tell: Tell) -> Iterator[bytes]:
    """Charts and counts of everything, rows of the newest."""
    newest = queries.page(found, limit=MOST_IN_PDF).entries
    yield report_pdf(found.workspace, found.asked, queries.analytics(found), newest, found.total, manifest, now)
    tell(len(newest))


def _entries(found: Found) -> Iterator[Sequence[LedgerEntry]]:
    for seqs in queries.in_pieces(found, CHUNK):
        yield list(LedgerEntry.objects.filter(workspace=found.workspace, seq__in=seqs).order_by("seq"))


AUDIT_LOGS = Exporter("audit_logs", "Audit logs", audit_logs, personal=False, standalone=True, feature=queries.FEATURE)


# Signal health


def signal_health(workspace: Workspace, parameters: Mapping[str, str], by: Actor, now: datetime) -> Sheet:
    """One row a day for each platform; `days`: how many, today included, 30 without it."""
    given = parameters.get("days", "30")
    if not (given.isascii() and given.isdigit() and 0 < int(given[:5]) <= history.MOST_DAYS):
        raise Invalid([Fault("/days", f"Give a whole number of days from 1 to {history.MOST_DAYS}.")])
    found = history.history(workspace, days=int(given), now=now)
    kept = sorted(
        (row for days in found.rows.values() for row in days.values()), key=lambda row: (row.day, row.platform)
    )
    return Sheet(f"signal-health-{found.days[-1]}", "Signal health", HEALTH_HEADER, map(_health_row, kept), len(kept))


def _health_row(row: HealthDay) -> tuple[object, ...]:
    measured = row.signals.get("signals", {})
    cells = [measured.get(name, {}).get(what) for name in SIGNALS for what in ("value", "score", "status")]
    return row.day, row.platform or "workspace", row.score, row.lowest, row.highest, *cells


HEALTH_HEADER = (
    *("day", "platform", "score", "lowest", "highest"),
    *(f"{name}{what}" for name in SIGNALS for what in ("", "_score", "_status")),
)
SIGNAL_HEALTH = Exporter("signal_health", "Signal health", signal_health, personal=False, standalone=True)
