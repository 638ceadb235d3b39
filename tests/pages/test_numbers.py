"""Numbers that browsers read: “5,000” of `maxlength` would be 5, and cut what somebody types."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

READ_BY_BROWSERS = (
    "maxlength",
    "minlength",
    "min",
    "max",
    "step",
    "rows",
    "cols",
    "size",
    "width",
    "height",
    "high",
    "low",
)
WRITTEN = re.compile(rf'[ "](?:{"|".join(READ_BY_BROWSERS)})="{{{{ ([^}}]+) }}}}"')
FREE = ("unlocalize", "stringformat")


@pytest.mark.parametrize("folder", [Path(one) for one in settings.TEMPLATES[0]["DIRS"]])
def test_no_template_writes_them_for_people(folder: Path) -> None:
    found = {
        f"{path.relative_to(folder)}: {value}"
        for path in folder.rglob("*.html")
        for value in WRITTEN.findall(path.read_text())
        if not value.endswith(FREE) and not any(f"|{one}" in value for one in FREE)
    }
    assert not found


def test_support_takes_long_messages(as_alice: Client) -> None:
    page = as_alice.get("/dashboard/help").content.decode()
    assert 'maxlength="5000"' in page
    assert re.findall(r'maxlength="[^"]*[^0-9"][^"]*"', page) == []
