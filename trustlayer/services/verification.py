"""Check a workspace's book against itself, its signed checkpoints, and manifests that left the house."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces import jobs, limits
from stratum.workspaces.access import Actor
from stratum.workspaces.jobs import Run
from stratum.workspaces.models import Job, Workspace
from trustlayer import chain
from trustlayer.chain import Broken
from trustlayer.models import Checkpoint, LedgerHead
from trustlayer.services import checkpoints
from trustlayer.verify import Line, Verified, Witness, verify

CHUNK = 5_000
SEQ, PREVIOUS = chain.ROW.index("seq"), chain.ROW.index("prev_hash")
AS_TEXT = {
    "timestamp": """to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "id": "id::text",
}
COLUMNS = ", ".join(AS_TEXT.get(name, f'"{name}"') for name in (*chain.ROW, "entry_hash"))
READ = f"""
    SELECT {COLUMNS} FROM trustlayer_ledgerentry WHERE workspace_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""
Manifest = Mapping[str, Any]
TASK = "trustlayer.verify"
FEATURE = "trust_audit_logs"
MOST_AT_ONCE = 50_000  # entries; more would hold a web worker for more than a second
MOST_MANIFESTS = 100


def ask(
    *, workspace: Workspace, by: Actor, now: datetime, manifests: Sequence[Manifest] = (), most: int = MOST_AT_ONCE
) -> Verified | Job:
    """The answer, or the job that finds it where the book is long."""
    limits.readable_until(workspace, FEATURE)
    if len(manifests) > MOST_MANIFESTS:
        raise Invalid([Fault("/manifests", f"Give at most {MOST_MANIFESTS} manifests at once.", "too_many")])
    for manifest in manifests:
        _delivered(manifest, workspace)
    head = LedgerHead.objects.filter(workspace=workspace).first()
    length = head.seq - head.pruned_through if head else 0
    if length <= most:
        return check(workspace, manifests)
    arguments = {"manifests": [dict(manifest) for manifest in manifests]}
    return jobs.start(workspace=workspace, kind=TASK, by=by, now=now, arguments=arguments, total=length)


def run(run: Run) -> None:
    """The job: its result is what `check` found, its failure the first broken entry."""
    found = check(run.job.workspace, run.job.arguments["manifests"], told=lambda read: _report(run, read))
    if found.broken:
        run.fail(f"The audit log was tampered with. {found.broken.sentence}")
    else:
        run.report(found.entries, found.entries, "Verified")
        run.succeed(asdict(found))


def _report(run: Run, read: int) -> None:
    run.report(read, max(read, run.job.total), "Reading entries")


def check(
    workspace: Workspace, manifests: Sequence[Manifest] = (), told: Callable[[int], None] | None = None
) -> Verified:
    """Read everything once; the first broken entry is named. Raises Invalid for a strange manifest. `told` hears how
    many entries were read.

    What is appended meanwhile is read too: the head and the checkpoints were read before it.
    """
    delivered = [_delivered(manifest, workspace) for manifest in manifests]
    head = LedgerHead.objects.filter(workspace=workspace).first()
    pruned_through = head.pruned_through if head else 0
    signed = list(Checkpoint.objects.filter(workspace=workspace).select_related("workspace").order_by("seq", "id"))
    # What was delivered from entries that retention has taken since can no longer be held against anything.
    witnesses = [*delivered, *(_witness(one) for one in signed), *([_end(head)] if head and head.seq else [])]
    known = [witness for witness in witnesses if witness.seq >= pruned_through]
    result = verify(_lines(workspace, pruned_through, told), known, pruned_through=pruned_through)
    if result.broken and _pruned_through(workspace) != pruned_through:
        return check(workspace, manifests, told)  # retention took entries away while they were read
    return result if result.broken else _with_forged(result, signed)


def _lines(workspace: Workspace, after: int, told: Callable[[int], None] | None) -> Iterator[Line]:
    """Piece by piece, outside of a transaction, so that what is told can be seen meanwhile."""
    read, last = 0, after
    while rows := _rows(workspace, last):
        for row in rows:
            yield Line(row[SEQ], row[PREVIOUS], row[-1], chain.row_hash(row))
        last, read = rows[-1][SEQ], read + len(rows)
        if told:
            told(read)


def _rows(workspace: Workspace, after: int) -> list[tuple[Any, ...]]:
    """psycopg's binary rows without Django's query layer: reading took longer than hashing."""
    with raw_cursor() as cursor:
        return cursor.execute(READ, [workspace.pk, after, CHUNK], prepare=True, binary=True).fetchall()


def _pruned_through(workspace: Workspace) -> int:
    head = LedgerHead.objects.filter(workspace=workspace).first()
    return head.pruned_through if head else 0


def _end(head: LedgerHead) -> Witness:
    return Witness(head.seq, head.entry_hash, "the book's own end")


def _witness(checkpoint: Checkpoint) -> Witness:
    return Witness(checkpoint.seq, checkpoint.entry_hash, f"the checkpoint of {checkpoint.at:%Y-%m-%d %H:%M} UTC")


def _with_forged(result: Verified, signed: Sequence[Checkpoint]) -> Verified:
    """A chain that holds together, but leans on a checkpoint that nobody signed."""
    for one in signed:
        if not checkpoints.is_genuine(one):
            sentence = (
                f"This installation did not sign the checkpoint at entry {one.seq} of {one.at:%Y-%m-%d %H:%M} UTC."
            )
            return replace(result, broken=Broken(one.seq, sentence))
    return result


def _delivered(manifest: Manifest, workspace: Workspace) -> Witness:
    """What an export says about the head that it was taken at."""
    try:
        seq, known, at = int(manifest["seq"]), str(manifest["entry_hash"]), str(manifest["at"])
        slug, signature = str(manifest["workspace"]), str(manifest["signature"])
        base64.b64decode(signature, validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise Invalid([Fault("", "This is no manifest of an export of the audit log.")]) from None
    if slug != workspace.slug:
        raise Invalid([Fault("/workspace", f"This manifest belongs to the workspace “{slug}”.")])
    if not checkpoints.is_signed(checkpoints.signed_text(slug, seq, known, at), signature):
        raise Invalid([Fault("/signature", "This manifest was changed, or another installation signed it.")])
    return Witness(seq, known, f"the export of {at[:16].replace('T', ' ')} UTC")
