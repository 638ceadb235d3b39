"""Access tokens from a refresh token. https://developers.google.com/identity/protocols/oauth2/web-server#offline

An access token lives for an hour; this process remembers it, in memory only.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from integrations.callers import Caller
from integrations.google_ads.errors import token_failure
from stratum.lib.http import Garbled

EARLY = timedelta(minutes=2)  # before it ends
MOST = 200  # remembered

_known: dict[str, tuple[str, datetime]] = {}
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person gave us: their refresh token, and the OAuth client that it was given to."""

    client_id: str
    client_secret: str
    refresh_token: str

    @property
    def key(self) -> str:
        told = f"{self.client_id}\n{self.client_secret}\n{self.refresh_token}"
        return hashlib.sha256(told.encode()).hexdigest()


class Tokens:
    """`caller` and `path` lead to the token endpoint."""

    def __init__(self, caller: Caller, path: str, grant: Grant, *, now: Callable[[], datetime]) -> None:
        self._caller, self._path, self._grant, self._now = caller, path, grant, now

    def access_token(self) -> str:
        """Raises NotAuthorised when the permission was taken back."""
        token, until = _known.get(self._grant.key, ("", self._now()))
        return token if until > self._now() else self._fetch()

    def forget(self) -> None:
        with _lock:
            _known.pop(self._grant.key, None)

    def _fetch(self) -> str:
        answer = self._caller.call("POST", self._path, form=self._form())
        if answer.status != 200:
            raise token_failure(answer)
        told = answer.json()
        if not isinstance(told, dict) or not isinstance(told.get("access_token"), str):
            raise Garbled("Google's login answered without an access token.")
        token, lifetime = told["access_token"], timedelta(seconds=int(told.get("expires_in") or 0))
        with _lock:
            if len(_known) >= MOST:
                _known.clear()
            _known[self._grant.key] = (token, self._now() + lifetime - EARLY)
        return str(token)

    def _form(self) -> dict[str, str]:
        return {
            "grant_type": "refresh_token",
            "client_id": self._grant.client_id,
            "client_secret": self._grant.client_secret,
            "refresh_token": self._grant.refresh_token,
        }
