"""Check a workspace's book against itself, its signed checkpoints, and manifests that left the house."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction

from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.models import Workspace
from trustlayer import chain
from trustlayer.chain import Broken
from trustlayer.models import Checkpoint, LedgerEntry, LedgerHead
from trustlayer.services import checkpoints
from trustlayer.verify import Verified, Witness, verify

CHUNK = 5_000
READ = (*chain.FIELDS, "entry_hash")
Manifest = Mapping[str, Any]


def check(workspace: Workspace, manifests: Sequence[Manifest] = ()) -> Verified:
    """Read everything once; the first broken entry is named. Raises Invalid for a strange manifest.

    What is appended meanwhile is read too: the head and the checkpoints were read before it.
    """
    delivered = [_delivered(manifest, workspace) for manifest in manifests]
    with transaction.atomic():
        head = LedgerHead.objects.filter(workspace=workspace).first()
        signed = list(Checkpoint.objects.filter(workspace=workspace).select_related("workspace").order_by("seq", "id"))
        witnesses = [*delivered, *(_witness(one) for one in signed), *([_end(head)] if head and head.seq else [])]
        result = verify(_entries(workspace), witnesses, pruned_through=head.pruned_through if head else 0)
    return result if result.broken else _with_forged(result, signed)


def _entries(workspace: Workspace) -> Iterator[dict[str, Any]]:
    rows = LedgerEntry.objects.filter(workspace=workspace).order_by("seq").values_list(*READ)
    for row in rows.iterator(chunk_size=CHUNK):
        entry = dict(zip(READ, row, strict=True))
        entry["id"] = str(entry["id"])
        yield entry


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
