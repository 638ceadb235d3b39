"""As much of Google's query language as our client uses: fields, one resource, conditions with AND, order, limit."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

QUERY = re.compile(
    r"^\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<resource>\w+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER BY\s+(?P<order>[\w.]+)(?P<down>\s+DESC)?)?"
    r"(?:\s+LIMIT\s+(?P<limit>\d+))?\s*$",
    re.IGNORECASE | re.DOTALL,
)
CONDITION = re.compile(
    r"(?P<field>[\w.]+)\s*(?:(?P<op>=|!=|<=|>=|<|>)\s*(?P<value>'[^']*'|\S+)"
    r"|BETWEEN\s+'(?P<low>[^']*)'\s+AND\s+'(?P<high>[^']*)')",
    re.IGNORECASE,
)
TESTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
Flat = dict[str, Any]  # field by its dotted name; None is unset


class BadQuery(ValueError):
    pass


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    op: str
    value: str
    high: str = ""

    def holds(self, row: Flat) -> bool:
        if self.field not in row:
            raise BadQuery(f"Unrecognized field in the query: '{self.field}'.")
        told = _plain(row[self.field])
        if self.op == "BETWEEN":
            return self.value <= told <= self.high
        return TESTS[self.op](told, self.value)


@dataclass(frozen=True, slots=True)
class Query:
    fields: tuple[str, ...]
    resource: str
    conditions: tuple[Condition, ...]
    order: str = ""
    descending: bool = False
    limit: int | None = None

    def bounds(self, field: str) -> tuple[str, str] | None:
        """Of a BETWEEN on that field."""
        found = (one for one in self.conditions if one.field == field and one.op == "BETWEEN")
        return next(((one.value, one.high) for one in found), None)

    def equal_to(self, field: str) -> str:
        found = (one for one in self.conditions if one.field == field and one.op == "=")
        return next((one.value for one in found), "")

    def answer(self, rows: Iterable[Flat]) -> list[dict[str, Any]]:
        kept = [row for row in rows if all(one.holds(row) for one in self.conditions)]
        if self.order:
            kept.sort(key=lambda row: _plain(row[self.order]), reverse=self.descending)
        return [self._nested(row) for row in kept[: self.limit]]

    def _nested(self, row: Flat) -> dict[str, Any]:
        """Only what was asked for, and of that only what is set, in camelCase."""
        told: dict[str, Any] = {}
        for field in self.fields:
            if field not in row:
                raise BadQuery(f"Unrecognized field in the query: '{field}'.")
            if row[field] is not None:
                _put(told, field.split("."), row[field])
        resource = f"{self.resource}.resource_name"
        if row.get(resource) is not None:
            _put(told, resource.split("."), row[resource])
        return told


def parse(text: str) -> Query:
    """Raises BadQuery."""
    found = QUERY.match(text)
    if found is None:
        raise BadQuery("Error in query: unexpected input.")
    return Query(
        tuple(field.strip() for field in found["fields"].split(",")),
        found["resource"],
        tuple(_conditions(found["where"] or "")),
        found["order"] or "",
        bool(found["down"]),
        int(found["limit"]) if found["limit"] else None,
    )


@cache
def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _conditions(text: str) -> Iterator[Condition]:
    for one in CONDITION.finditer(text):
        if one["op"]:
            yield Condition(one["field"], one["op"], one["value"].strip("'"))
        else:
            yield Condition(one["field"], "BETWEEN", one["low"], one["high"])


def _put(told: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        told = told.setdefault(camel(name), {})
    told[camel(path[-1])] = value


def _plain(value: Any) -> str:
    return str(value).upper() if isinstance(value, bool) else str(value)
