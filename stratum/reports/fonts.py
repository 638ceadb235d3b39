"""The letters of PDF files: DejaVu Sans, which knows Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and more.

PDF's built-in fonts know Western European letters only. Each file carries the letters that it uses.
"""

from typing import Any
from xml.sax.saxutils import escape

from django.conf import settings
from reportlab.lib.styles import StyleSheet1, getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

BODY, BOLD = "DejaVuSans", "DejaVuSans-Bold"
FOLDER = settings.BASE_DIR / "static" / "vendor" / "dejavu"


def _register() -> frozenset[int]:
    for name in (BODY, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(FOLDER / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(BODY, normal=BODY, bold=BOLD, italic=BODY, boldItalic=BOLD)
    face: Any = pdfmetrics.getFont(BODY).face
    return frozenset(face.charToGlyph)


KNOWN = _register()  # codes of the letters that can be drawn


def styles() -> StyleSheet1:
    """reportlab's usual ones in these letters."""
    found = getSampleStyleSheet()
    for name, font in (("Title", BOLD), ("Heading4", BOLD), ("BodyText", BODY)):
        found[name].fontName = font
    return found


def words(text: str) -> str:
    """Fit for a paragraph: its markup shown as it is, and what the font cannot draw as a question mark."""
    return escape("".join(letter if ord(letter) in KNOWN or letter.isspace() else "?" for letter in text))
