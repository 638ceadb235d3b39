"""What an engine in ClickHouse holds, row by row."""

from cdp.engine.clickhouse.engine import ClickHouseEngine


def sequence_numbers(engine: ClickHouseEngine) -> list[int]:
    """Of the events that count, each as often as it is there."""
    asked = engine.head().question("stored")
    (found,) = engine.server.columns(asked.text.replace("toInt64(count())", "seq"), asked.parameters)
    numbers: list[int] = found.tolist()
    return sorted(numbers)
