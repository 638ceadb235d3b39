"""What is asked of each profile's events, as columns of one statement."""

from dataclasses import dataclass, field

from cdp.engine.arrays import MOST
from cdp.engine.clickhouse.filters import value_of
from cdp.engine.clickhouse.pushed import MISSING
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.clickhouse.values import LIST, NO_NUMBER

# A value with any other text may be written in another way too, such as 1 and 1.0.
WRITTEN_ONCE = "'^(true|false|0|-?[1-9][0-9]{0,14}|-?(0|[1-9][0-9]{0,8})[.][0-9]{0,5}[1-9])$'"
# The order of all events as one number: ClickHouse compares it in half the time of (ts, received, seq).
IN_ORDER = "bitShiftLeft(toInt256(ts), 128) + bitShiftLeft(toInt256(received), 64) + seq"


@dataclass
class Measures:
    """Of a statement; each comes once, under the name that is returned."""

    statement: Statement
    names: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, sql: str) -> str:
        return self.names.setdefault(sql, f"m{len(self.names)}")

    def columns(self) -> str:
        return "".join(f",\n    {sql} AS {name}" for sql, name in self.names.items())

    def key(self, name: str) -> str:
        if name not in self.keys:
            self.keys[name] = self.statement.bind(name, "String")
        return self.keys[name]

    def text(self, name: str) -> str:
        if name not in self.texts:
            self.texts[name] = value_of(name, self.statement)
        return self.texts[name]

    # Of numbers

    def counted(self, name: str) -> str:
        return self.add(f"toInt64(countIf(mapContains(numbers, {self.key(name)})))")

    def skipped(self, name: str) -> str:
        return self.add(f"toInt64(countIf(others[{self.key(name)}] = {NO_NUMBER}))")

    def lists(self, name: str) -> str:
        return self.add(f"toInt64(countIf(others[{self.key(name)}] = {LIST}))")

    def fits(self, name: str) -> str:
        return self.add(f"toInt64({self._sum(name)} BETWEEN -{MOST} AND {MOST})")

    def total(self, name: str) -> str:
        """Of 64 bits, where it fits."""
        return self.add(f"toInt64({self._sum(name)})")

    def _sum(self, name: str) -> str:
        return f"sum(toInt128(numbers[{self.key(name)}]))"

    def least(self, name: str) -> str:
        return self.add(f"minIf(numbers[{self.key(name)}], mapContains(numbers, {self.key(name)}))")

    def most(self, name: str) -> str:
        return self.add(f"maxIf(numbers[{self.key(name)}], mapContains(numbers, {self.key(name)}))")

    # Of times

    def earliest(self, name: str | None = None) -> str:
        return self.add(f"min{self._there(name)}")

    def latest(self, name: str | None = None) -> str:
        return self.add(f"max{self._there(name)}")

    def _there(self, name: str | None) -> str:
        """Of the events, or of those that have the property."""
        return "(ts)" if name is None else f"If(ts, {self.text(name)} NOT IN {MISSING})"

    # Of values

    def has(self, name: str) -> str:
        return self.add(f"toInt64(countIf({self.text(name)} NOT IN {MISSING}))")

    def end(self, name: str, is_last: bool) -> str:
        how = "argMaxIf" if is_last else "argMinIf"
        text = self.text(name)
        return self.add(f"{how}({text}, {IN_ORDER}, {text} NOT IN {MISSING})")

    def unique(self, name: str) -> str:
        text = self.text(name)
        return self.add(f"toInt64(uniqExactIf({text}, {text} NOT IN {MISSING}))")

    def text_lists(self, name: str) -> str:
        return self.add(f"toInt64(countIf(startsWith({self.text(name)}, '[')))")

    def unsettled(self, name: str) -> str:
        """How many values may be the same as others with another text."""
        text = self.text(name)
        is_settled = f"startsWith({text}, '\"') OR match({text}, {WRITTEN_ONCE})"
        return self.add(f"toInt64(countIf({text} NOT IN {MISSING} AND NOT ({is_settled})))")
