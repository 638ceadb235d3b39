"""Secrets that have to be read again: encrypted at rest under keys derived from SECRET_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def seal(text: str) -> str:
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises ValueError when neither the present nor an earlier SECRET_KEY opens it."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise ValueError("This secret was sealed under another SECRET_KEY.") from None


def _box() -> MultiFernet:
    return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(secret_key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"stratum.seal:" + secret_key.encode()).digest()))
