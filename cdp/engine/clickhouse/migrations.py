"""The schema as numbered files, each applied once and in its order."""

from functools import cache
from pathlib import Path

from clickhouse_connect.driver.client import Client

from cdp.engine.clickhouse.layout import Layout

FOLDER = Path(__file__).parent / "schema"
APPLIED = (
    "CREATE TABLE IF NOT EXISTS migration (number Int64, at DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY number"
)


def migrate(client: Client, layout: Layout) -> None:
    """Of two processes that find the same number missing both may run it: every statement bears that."""
    client.command(f"CREATE DATABASE IF NOT EXISTS {layout.database}{layout.everywhere}")
    client.database = layout.database
    apply(client, layout, APPLIED)
    settings = dict(layout.settings)
    found = client.query("SELECT DISTINCT number FROM migration", settings=settings).result_rows
    done = {number for (number,) in found}
    for number, statements in steps().items():
        if number not in done:
            for statement in statements:
                apply(client, layout, statement)
            client.insert("migration", [[number]], column_names=["number"], settings=settings)


def apply(client: Client, layout: Layout, statement: str) -> None:
    for one in layout.schema(statement):
        client.command(one, settings=dict(layout.settings))


@cache
def steps() -> dict[int, list[str]]:
    files = sorted(FOLDER.glob("*.sql"))
    return {int(file.name.split("_", 1)[0]): statements_of(file.read_text()) for file in files}


def statements_of(text: str) -> list[str]:
    return [one.strip() for one in text.split(";\n") if one.strip()]
