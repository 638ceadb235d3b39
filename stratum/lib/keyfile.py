"""Secrets of an installation that was given none: made once, kept beside its data."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def secret_key(home: Path) -> str:
    """What Django signs with, from `<home>/secret_key`."""
    return _kept(home / "secret_key", lambda: secrets.token_urlsafe(50))


def ledger_key(home: Path) -> str:
    """The seed, in base64, of the key that signs the audit log's checkpoints, from `<home>/ledger_key`."""
    return _kept(home / "ledger_key", lambda: base64.b64encode(secrets.token_bytes(32)).decode())


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read the file, making it (mode 600) at the first call.

    It appears by an exclusive link, so two processes that start together read the same secret.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
