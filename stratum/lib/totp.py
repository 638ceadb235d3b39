"""One-time passwords by time (RFC 6238 over RFC 4226), as authenticator apps show them: SHA-1, 30 seconds, 6 digits."""

import base64
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

STEP, DIGITS = 30, 6
SECRET_BYTES = 20  # as long as the hash, which RFC 4226 recommends
NEIGHBOURS = (0, -1, 1)  # clocks differ a little


def new_secret() -> str:
    """In base32, as people type it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def address(secret: str, *, account: str, issuer: str) -> str:
    """What authenticator apps open: `otpauth://totp/…`."""
    query = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP})
    return f"otpauth://totp/{quote(f'{issuer}:{account}')}?{query}"


def step_of(instant: datetime) -> int:
    return int(instant.timestamp()) // STEP


def code(secret: str, step: int) -> str:
    key = base64.b32decode(secret)
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    place = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: str, given: str, now: datetime) -> int | None:
    """The step whose code this is, of the present one and its neighbours. The caller refuses one that was used."""
    present = step_of(now)
    matching = [at for at in NEIGHBOURS if hmac.compare_digest(code(secret, present + at).encode(), given.encode())]
    return present + matching[0] if matching else None
