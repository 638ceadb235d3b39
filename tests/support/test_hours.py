"""When support is at its desk."""

from datetime import datetime

import pytest

from stratum.support.hours import read

BERLIN = "Mon-Fri 09:00-17:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-01-15T08:00:00Z", True),  # 09:00 on a Thursday
        ("2026-01-15T07:59:59Z", False),
        ("2026-01-15T15:59:59Z", True),
        ("2026-01-15T16:00:00Z", False),
        ("2026-01-17T10:00:00Z", False),  # Saturday
        ("2026-07-15T07:00:00Z", True),  # summer time
    ],
)
def test_open(now: str, is_open: bool) -> None:
    assert read(BERLIN).is_open(datetime.fromisoformat(now)) is is_open


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("2026-01-15T07:00:00Z", "2026-01-15T08:00:00Z"),
        ("2026-01-15T17:00:00Z", "2026-01-16T08:00:00Z"),
        ("2026-01-16T17:00:00Z", "2026-01-19T08:00:00Z"),
        ("2026-03-27T17:00:00Z", "2026-03-30T07:00:00Z"),  # the clocks change over the weekend
    ],
)
def test_next_opening(now: str, opening: str) -> None:
    assert read(BERLIN).next_opening(datetime.fromisoformat(now)) == datetime.fromisoformat(opening)


def test_words() -> None:
    assert str(read(BERLIN)) == "Mon–Fri 09:00–17:00 (Europe/Berlin)"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "always",
        "Mon-Fri 9-17 UTC",
        "Fri-Mon 09:00-17:00 UTC",
        "Mon-Fri 17:00-09:00 UTC",
        "Mon-Fri 25:00-26:00 UTC",
        "Mon-Fri 09:00-17:00 Nowhere/Land",
    ],
)
def test_refused(words: str) -> None:
    with pytest.raises(ValueError):
        read(words)
