"""Where the values of properties lie: a workspace's first names have columns of their own, those of others share maps.

Which name has which columns is told by the state, and stays for an edition: rows that were written before a name first
came do not have it. Names with a dot have none, because what they mean may lie inside an object.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cdp.engine.clickhouse.known import ANYTHING, Own, OwnColumns
from cdp.engine.clickhouse.statements import Statement

MOST_OWN = 24  # as the schema has them
MISSING = "('', 'null', '\"\"', '[]', '{}')"


def with_fresh(own: Own, rows: Iterable[Mapping[str, Any]]) -> Own:
    """With columns for names of these rows that have none, while there are any left: the most frequent ones first."""
    if len(own) >= MOST_OWN:
        return own
    counts: Counter[str] = Counter()
    for row in rows:
        if not row.keys() <= own.keys():
            counts.update(row.keys() - own.keys())
    fresh = sorted((name for name in counts if "." not in name), key=lambda name: (-counts[name], name))
    return {**own, **{name: OwnColumns(len(own) + place) for place, name in enumerate(fresh[: MOST_OWN - len(own)])}}


def columns_of(own: Own) -> list[str]:
    """All columns that hold something of properties."""
    pairs = ((text_column(one.place), number_column(one.place)) for one in own.values())
    return [*(column for pair in pairs for column in pair), "properties", "inner", "numbers"]


def text_column(place: int) -> str:
    return f"text_{place}"


def number_column(place: int) -> str:
    return f"number_{place}"


def value_of(name: str, statement: Statement) -> str:
    """The JSON text of a property, empty where it is not there."""
    if name in statement.known.own:
        return text_column(statement.known.own[name].place)
    key = statement.bind(name, "String")
    if "." not in name:
        return f"properties[{key}]"
    return f"if(properties[{key}] IN ('', 'null'), inner[{key}], properties[{key}])"


def number_of(name: str, statement: Statement) -> str:
    """The millionths of a property, NULL where it is no number that counts."""
    if name in statement.known.own:
        return number_column(statement.known.own[name].place)
    key = statement.bind(name, "String")
    return f"if(mapContains(numbers, {key}), numbers[{key}], NULL)"


def may_be(name: str, kind: int, statement: Statement) -> bool:
    """Whether values of this kind ever came, as far as it is known."""
    own = statement.known.own
    return bool((own[name].kinds if name in own else ANYTHING) & kind)


def every_property(statement: Statement) -> tuple[str, str]:
    """Arrays of all names and of their texts, which are empty for names that are not there."""
    own = statement.known.own
    names = statement.bind(list(own), "Array(String)")
    texts = ", ".join(f"toString({text_column(one.place)})" for one in own.values())
    return (
        f"arrayConcat({names}, arrayMap(one -> toString(one), mapKeys(properties)))",
        f"arrayConcat(CAST([{texts}], 'Array(String)'), mapValues(properties))",
    )
