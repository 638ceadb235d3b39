"""What is asked of each profile's events, as columns of one statement."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cdp.engine.arrays import MOST
from cdp.engine.clickhouse.known import LISTS, MANIFOLD, OTHERS, NarrowOrder
from cdp.engine.clickhouse.properties import MISSING, may_be, number_of, value_of
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.clickhouse.values import WRITTEN_ONCE

NONE = "toInt64(0)"
Values = Sequence[Sequence[str]]  # each in the texts in which it comes


@dataclass
class Measures:
    """Of a statement; each comes once, under the name that is returned."""

    statement: Statement
    names: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def add(self, sql: str) -> str:
        return self.names.setdefault(sql, f"m{len(self.names)}")

    def columns(self) -> str:
        return "".join(f",\n    {sql} AS {name}" for sql, name in self.names.items())

    def text(self, name: str) -> str:
        if name not in self.texts:
            self.texts[name] = value_of(name, self.statement)
        return self.texts[name]

    def number(self, name: str) -> str:
        if name not in self.numbers:
            self.numbers[name] = number_of(name, self.statement)
        return self.numbers[name]

    # Of numbers

    def counted(self, name: str) -> str:
        return self.add(f"toInt64(count({self.number(name)}))")

    def skipped(self, name: str) -> str:
        """How many values are there and no numbers; lists are neither."""
        if not may_be(name, OTHERS, self.statement):
            return self.add(NONE)
        text = self.text(name)
        is_other = f"{text} NOT IN {MISSING} AND NOT startsWith({text}, '[')"
        return self.add(f"toInt64(countIf(isNull({self.number(name)}) AND {is_other}))")

    def lists(self, name: str) -> str:
        if not may_be(name, LISTS, self.statement):
            return self.add(NONE)
        text = self.text(name)
        return self.add(f"toInt64(countIf(startsWith({text}, '[') AND {text} != '[]'))")

    def fits(self, name: str) -> str:
        return self.add(f"toInt64({self._sum(name)} BETWEEN -{MOST} AND {MOST})")

    def total(self, name: str) -> str:
        """Of 64 bits, where it fits."""
        return self.add(f"toInt64({self._sum(name)})")

    def _sum(self, name: str) -> str:
        return f"ifNull(sum(toInt128({self.number(name)})), 0)"

    def least(self, name: str) -> str:
        return self.add(f"ifNull(min({self.number(name)}), 0)")

    def most(self, name: str) -> str:
        return self.add(f"ifNull(max({self.number(name)}), 0)")

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
        return self.add(f"{how}({text}, {self.statement.known.in_order}, {text} NOT IN {MISSING})")

    def among(self, name: str, texts: Sequence[str]) -> str:
        """How many values are one of these texts; 32 bits."""
        some = ", ".join(self.statement.bind(one, "String") for one in texts)
        return self.add(f"toUInt32(countIf({self.text(name)} IN ({some})))")

    def end_among(self, name: str, values: Values, order: NarrowOrder, is_last: bool) -> tuple[str, str]:
        """Which of the values is the first or the last one (from 1; 0 is none), and when it came."""
        place = self._place(name, values)
        room = len(values).bit_length()
        best = f"{'max' if is_last else 'min'}If(bitShiftLeft({order.sql}, {room}) + {place}, {place} > 0)"
        moment = f"toInt64(bitShiftRight({best}, {order.shift + room})) + {order.epoch}"
        return self.add(f"toInt64(bitAnd({best}, {2**room - 1}))"), self.add(moment)

    def _place(self, name: str, values: Values) -> str:
        if name not in self.places:
            texts = self.statement.bind([text for some in values for text in some], "Array(String)")
            numbers = [place for place, some in enumerate(values, 1) for _ in some]
            places = self.statement.bind(numbers, "Array(UInt8)")
            self.places[name] = f"transform({self.text(name)}, {texts}, {places}, toUInt8(0))"
        return self.places[name]

    def unique(self, name: str) -> str:
        text = self.text(name)
        return self.add(f"toInt64(uniqExactIf({text}, {text} NOT IN {MISSING}))")

    def unsettled(self, name: str) -> str:
        """How many values may be the same as others with another text."""
        if not may_be(name, MANIFOLD, self.statement):
            return self.add(NONE)
        text = self.text(name)
        is_settled = f"startsWith({text}, '\"') OR match({text}, '^{WRITTEN_ONCE}$')"
        return self.add(f"toInt64(countIf({text} NOT IN {MISSING} AND NOT ({is_settled})))")
