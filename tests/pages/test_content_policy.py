"""No template holds what the content security policy would refuse."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR / "templates"
PAGES = sorted(path for path in ROOT.rglob("*.html") if "mail" not in path.parts)

REFUSED = {
    "an inline style": r"<[^>]*\sstyle=",
    "a style element": r"<style\b",
    "an inline handler": r"<[^>]*\s(?:on\w+|hx-on[:\w-]*)=",
    "an inline script": r"<script(?![^>]*\b(?:src=|type=\"application/json\"))[^>]*>",
    "an expression for htmx to evaluate": r"hx-(?:vals|headers)=[\"']js:|hx-trigger=\"[^\"]*\w\[",
    "an address elsewhere": r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(?:https?:)?//",
}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_holds_nothing_inline(path: Path):
    page = re.sub(r"{#.*?#}|{% comment.*?endcomment %}", "", path.read_text(), flags=re.DOTALL)
    found = [what for what, pattern in REFUSED.items() if re.search(pattern, page)]
    assert found == []
