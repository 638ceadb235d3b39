"""The secret key of an installation that was given none: made once, kept beside its data."""

import os
import secrets
from pathlib import Path


def secret_key(home: Path) -> str:
    """Read `<home>/secret_key`, making it (mode 600) on the first start.

    The file appears by an exclusive link, so two processes that start together read the same key.
    """
    path = home / "secret_key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f".secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
