"""The menu marks one line: the page that is looked at, or the one it lies under."""

import pytest

from stratum.workspaces import context


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/dashboard/data-quality", ["Signal Health"]),
        ("/dashboard/data-quality/audit-logs", ["Audit Logs"]),
        ("/dashboard/data-quality/audit-logs/3", ["Audit Logs"]),
        ("/dashboard/data-quality-elsewhere", []),
        ("/dashboard/cdp/funnels/new", ["Funnels"]),
    ],
)
def test_one_line(path: str, marked: list[str]) -> None:
    sections = context.menu(path)
    assert [entry.label for section in sections for entry in section.items if entry.active] == marked
    assert [section.label for section in sections if section.active and section.items] == (
        [next(one.label for one in sections if any(e.label == marked[0] for e in one.items))] if marked else []
    )
