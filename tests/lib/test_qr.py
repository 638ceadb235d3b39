"""QR codes: the same drawing as those that ZXing read when this was written."""

import hashlib

import pytest

from stratum.lib import qr

ADDRESS = "otpauth://totp/Stratum%3A{}?secret=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567&issuer=Stratum"


@pytest.mark.parametrize(
    ("text", "side", "fingerprint"),
    [
        ("a", 29, "d8bdff7260094db7"),
        (ADDRESS.format("alice%40example.com"), 49, "3fbc260f0f09b66d"),
        (ADDRESS.format("x" * 254), 81, "26ca67cdf2a4e786"),
    ],
)
def test_drawings_that_were_read_back(text: str, side: int, fingerprint: str) -> None:
    drawing = qr.draw(text)
    assert drawing.side == side
    assert hashlib.sha256(drawing.path.encode()).hexdigest()[:16] == fingerprint


def test_white_surrounds_it() -> None:
    drawing = qr.draw("a")
    places = [tuple(map(int, one.split("h")[0].split())) for one in drawing.path.split("M")[1:]]
    columns, rows = {x for x, _ in places}, {y for _, y in places}
    for taken in (columns, rows):
        assert min(taken) == qr.QUIET
        assert max(taken) == drawing.side - qr.QUIET - 1
