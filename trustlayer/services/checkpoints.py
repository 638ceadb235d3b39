"""Checkpoints: the head of the book, signed with a key that lives outside the database.

Whoever rewrites the whole chain in the database still cannot sign it, and contradicts every export already delivered.
"""

import base64
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from stratum.lib import keyfile
from stratum.workspaces.models import Workspace
from trustlayer import chain
from trustlayer.models import Checkpoint, LedgerHead


def sign(*, workspace: Workspace, reason: str, now: datetime) -> Checkpoint | None:
    """Sign the present head; None while the book is empty."""
    head = LedgerHead.objects.filter(workspace=workspace).first()
    if head is None or not head.seq:
        return None
    text = signed_text(workspace.slug, head.seq, head.entry_hash, chain.instant(now))
    return Checkpoint.objects.create(
        workspace=workspace,
        seq=head.seq,
        entry_hash=head.entry_hash,
        at=now,
        reason=reason,
        signature=base64.b64encode(_key().sign(text)).decode(),
    )


def is_genuine(checkpoint: Checkpoint) -> bool:
    text = signed_text(checkpoint.workspace.slug, checkpoint.seq, checkpoint.entry_hash, chain.instant(checkpoint.at))
    return is_signed(text, checkpoint.signature)


def is_signed(text: bytes, signature: str) -> bool:
    try:
        _key().public_key().verify(base64.b64decode(signature), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_text(workspace: str, seq: int, entry_hash: str, at: str) -> bytes:
    """What the signature covers, one line each; `at` as the canonical form writes it."""
    return "\n".join(("stratum checkpoint", workspace, str(seq), entry_hash, at)).encode()


def public_key() -> str:
    """Base64, for manifests: with it anybody can check a signature."""
    raw = _key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def manifest_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """What every export carries: the head it was taken at, and how to check it."""
    return {
        "workspace": checkpoint.workspace.slug,
        "seq": checkpoint.seq,
        "entry_hash": checkpoint.entry_hash,
        "at": chain.instant(checkpoint.at),
        "signature": checkpoint.signature,
        "public_key": public_key(),
    }


def _key() -> Ed25519PrivateKey:
    seed = settings.LEDGER_KEY or keyfile.ledger_key(settings.HOME)
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))
