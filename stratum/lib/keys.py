"""Secrets that are shown once: made, printed and recognised here; only their HMAC is stored."""

import hashlib
import hmac
import secrets
import string
import zlib

from django.conf import settings

ALPHABET = string.ascii_letters + string.digits
API_START = "stm_live_"
WRITE_START = "stw_"
ID_LENGTH, SECRET_LENGTH, CHECK_LENGTH = 12, 32, 6


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_api_key() -> tuple[str, str]:
    """(prefix, whole key): `stm_live_<id 12><secret 32><checksum 6>`; the prefix ends after the id."""
    prefix = API_START + random_text(ID_LENGTH)
    unchecked = prefix + random_text(SECRET_LENGTH)
    return prefix, unchecked + checksum(unchecked)


def new_write_key() -> tuple[str, str]:
    """(prefix, whole key): `stw_<id 12><secret 32>`."""
    prefix = WRITE_START + random_text(ID_LENGTH)
    return prefix, prefix + random_text(SECRET_LENGTH)


def read_api_key(text: str) -> str | None:
    """The prefix of a well-formed API key; a typo fails its checksum and costs no query."""
    head, check = text[:-CHECK_LENGTH], text[-CHECK_LENGTH:]
    if not _well_formed(text, API_START, SECRET_LENGTH + CHECK_LENGTH) or check != checksum(head):
        return None
    return text[: len(API_START) + ID_LENGTH]


def read_write_key(text: str) -> tuple[str, str] | None:
    """(prefix, whole key) of `stw_<id><secret>` or `stw_<id>:<secret>`."""
    cut = len(WRITE_START) + ID_LENGTH
    if text[cut : cut + 1] == ":":
        text = text[:cut] + text[cut + 1 :]
    return (text[:cut], text) if _well_formed(text, WRITE_START, SECRET_LENGTH) else None


def checksum(text: str) -> str:
    """CRC-32 in base 62, which tells a mistyped key from an unknown one."""
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def digest(text: str) -> str:
    """What is stored of a key: 64 hex digits."""
    return _hmac(settings.SECRET_KEY, text)


def digests(text: str) -> list[str]:
    """Its digests under the present and every earlier SECRET_KEY, to look a token up by."""
    return [_hmac(secret_key, text) for secret_key in _secret_keys()]


def matches(text: str, stored: str) -> bool:
    """Whether `stored` is the digest of `text`, under the present or an earlier SECRET_KEY, in constant time."""
    return any(hmac.compare_digest(candidate, stored) for candidate in digests(text))


def _secret_keys() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _hmac(key: str, text: str) -> str:
    return hmac.new(b"stratum.keys:" + key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _well_formed(text: str, start: str, tail: int) -> bool:
    rest = text.removeprefix(start)
    return text.startswith(start) and len(rest) == ID_LENGTH + tail and rest.isascii() and rest.isalnum()
