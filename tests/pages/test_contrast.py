"""Text keeps 4.5:1 and what is not text 3:1 against its ground, in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re

import pytest
from django.conf import settings

TOKENS = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text()
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", TOKENS)
}
THEMES = {"light": 0, "dark": 1}

GROUNDS = ("ground", "surface", "raised", "sunken")
WORDS = ("ink", "ink-soft", "accent", "accent-strong")
TONES = ("ok", "warn", "danger", "info", "neutral", "accent")
TEXT = [
    *((word, ground) for word in WORDS for ground in GROUNDS),
    *((tone, "surface") for tone in TONES),
    *((tone, f"{tone}-ground") for tone in TONES),
    ("accent-strong", "accent-ground"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-danger", "danger"),
    ("ground", "ink"),
]
SHAPES = [
    *((f"chart-{number}", "surface") for number in range(1, 7)),
    *(("line-strong", ground) for ground in ("ground", "surface", "raised")),
    ("focus", "ground"),
    ("chart-1", "neutral-ground"),
]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("word", "ground"), TEXT)
def test_text_can_be_read(word: str, ground: str, theme: str):
    assert contrast(word, ground, theme) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shapes_can_be_seen(shape: str, ground: str, theme: str):
    assert contrast(shape, ground, theme) >= 3


def contrast(one: str, other: str, theme: str) -> float:
    pair = sorted((luminance(COLOURS[name][THEMES[theme]]) for name in (one, other)), reverse=True)
    return (pair[0] + 0.05) / (pair[1] + 0.05)


def luminance(colour: str) -> float:
    red, green, blue = (linear(int(colour[place : place + 2], 16) / 255) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
