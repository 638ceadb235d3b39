"""QR codes for pages, drawn as one SVG path. The encoder is the one that reportlab brings for PDFs."""

from dataclasses import dataclass

from reportlab.graphics.barcode import qrencoder

QUIET = 4  # modules of white around it, as ISO/IEC 18004 asks


@dataclass(frozen=True, slots=True)
class Drawing:
    """`path` draws the dark modules in a square of `side` modules."""

    side: int
    path: str


def draw(text: str) -> Drawing:
    """The smallest code that holds `text` and is read with 15 % of it lost (level M)."""
    code = qrencoder.QRCode(None, qrencoder.QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    path = "".join(
        f"M{x + QUIET} {y + QUIET}h1v1h-1z" for y, row in enumerate(code.modules) for x, dark in enumerate(row) if dark
    )
    return Drawing(code.getModuleCount() + 2 * QUIET, path)
