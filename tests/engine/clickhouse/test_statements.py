"""Every statement names its workspace, and every file of a statement is used."""

import re
from pathlib import Path

import pytest

from cdp.engine.clickhouse import statements
from cdp.engine.clickhouse.statements import template

FILES = sorted(statements.FOLDER.glob("*.sql"))
# Of what such a part is put together, it binds the workspace itself.
BOUND_BY = {"$live": "live"}
SOURCES = "\n".join(file.read_text() for file in Path(statements.__file__).parent.glob("*.py"))


def tables_read(text: str) -> list[str]:
    return re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+([\w.$]+)", text)


def without_comments(text: str) -> str:
    return re.sub(r"--.*", "", text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_statement_is_bound_to_its_workspace(file: Path) -> None:
    """Each table that it reads or changes, on its own: one condition does not stand for two tables."""
    text = without_comments(file.read_text())
    tables = tables_read(text)
    bound = text.count("workspace = {workspace:Int64}") + sum(text.count(part) for part in BOUND_BY)
    bound += text.count("(workspace, edition, ")  # columns that an INSERT fills, {workspace:Int64} first
    bound += text.count("DROP PARTITION ($workspace, $edition)") + text.count("toString({workspace:Int64})")
    bound += text.count("PART '$part'")  # one of the workspace's own parts
    assert bound >= len([table for table in tables if table != "$live"]) and bound
    if "INSERT" in text:
        assert re.search(r"SELECT\s+\{workspace:Int64\},\s+\{edition:Int64\}", text)


def test_what_others_are_put_together_from_is_bound_itself() -> None:
    for part in BOUND_BY.values():
        assert "WHERE workspace = {workspace:Int64} AND edition = {edition:Int64}" in template(part).template


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_is_somebodys_statement(file: Path) -> None:
    assert f'"{file.stem}"' in SOURCES
