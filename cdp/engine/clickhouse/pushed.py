"""Comparisons as SQL, where ClickHouse can make them exactly as `predicates.holds` does.

A value is JSON text. What ClickHouse cannot decide of it (whole numbers beyond a double, texts that may be numbers,
lists, letters that fold into others) is left open and decided by the law.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cdp.engine.clickhouse.known import LISTS, ROUGH
from cdp.engine.clickhouse.properties import MISSING, may_be, number_of, value_of
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.clickhouse.values import to_text
from cdp.engine.columnar.masks import number_bounds
from cdp.engine.predicates import ORDER_OPERATORS, Scalar, Test, exact, is_number

SIGNS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
FINDS = {"contains": "position({}, {}) > 0", "starts_with": "startsWith({}, {})", "ends_with": "endsWith({}, {})"}
# Decimals of so many digits keep their order as doubles, and no two of them are the same double.
DIGITS = 15
SPACE = r"(?:\\[a-z]|\\u00[01][0-9a-f]|[^!-~])*"
MAY_BE_NUMBER = f'^"{SPACE}' + r"[-+]?\.?[0-9][-+0-9.eE]*" + f'{SPACE}"$'
IS_PLAIN_NUMBER = r'^"-?[0-9]+(?:\.[0-9]+)?"$'
# Letters beyond ASCII that are ASCII without regard to case, such as ß.
FOLDING = "".join(letter for letter in map(chr, range(128, 65_536)) if any(one < "\x80" for one in letter.casefold()))


@dataclass(frozen=True)
class Verdict:
    """SQL for what satisfies a filter surely, and for what may: what is between them is open."""

    sure: str
    maybe: str

    @property
    def is_open(self) -> bool:
        return self.sure != self.maybe

    @property
    def open(self) -> str:
        return f"({self.maybe} AND NOT {self.sure})" if self.is_open else "0"


NEVER, EVERYTHING = Verdict("0", "0"), Verdict("1", "1")


def pushed(test: Test, statement: Statement) -> Verdict | None:
    """None where ClickHouse cannot compare so, or the operator is a negation."""
    value = Value(test.property, value_of(test.property, statement), statement)
    if test.op == "exists":
        return both(f"{value.sql} NOT IN {MISSING}")
    compare = COMPARISONS.get(test.op)
    operand = test.value if isinstance(test.value, tuple) else (test.value,)
    if compare is None or not all(isinstance(one, Scalar) for one in operand):
        return None
    operands = [one for one in operand if isinstance(one, Scalar)]
    return by_numbers(test, operands, value) or compare(test, operands, value)


def by_numbers(test: Test, operands: Sequence[Scalar], value: "Value") -> Verdict | None:
    """Where the millionths of a property say everything about its numbers."""
    if may_be(value.name, ROUGH, value.statement) or not value.has_number or not all(map(is_finite, operands)):
        return None
    is_list = Verdict("0", value.is_list)
    if test.op in ("eq", "in"):
        found = [bounds for one in operands if (bounds := number_bounds(replace(test, op="eq", value=one)))]
        return either([*(value.within(*bounds) for bounds in found), is_list])
    bounds = number_bounds(test)
    return None if bounds is None else value.within(*bounds)


@dataclass(frozen=True)
class Value:
    """The JSON text of a property, and what can be said about it in SQL."""

    name: str
    sql: str
    statement: Statement

    def bind(self, value: Any, kind: str = "String") -> str:
        return self.statement.bind(value, kind)

    @property
    def has_number(self) -> bool:
        """Whether its millionths have a column."""
        return self.name in self.statement.known.own

    def within(self, low: int, high: int) -> Verdict:
        if low > high:
            return NEVER
        return both(f"ifNull({number_of(self.name, self.statement)} BETWEEN {low} AND {high}, 0)")

    @property
    def is_text(self) -> str:
        return f"startsWith({self.sql}, '\"') AND {self.sql} != '\"\"'"

    @property
    def is_number(self) -> str:
        # No other JSON begins with a letter between these.
        return f"{self.sql} >= '-' AND {self.sql} < ':'"

    @property
    def is_list(self) -> str:
        if not may_be(self.name, LISTS, self.statement):
            return "0"
        return f"(startsWith({self.sql}, '[') AND {self.sql} != '[]')"

    @property
    def text(self) -> str:
        """Of one that is a text."""
        inside = f"substring({self.sql}, 2, length({self.sql}) - 2)"
        return f"if(position({self.sql}, char(92)) = 0, {inside}, JSONExtractString({self.sql}))"

    def numeric(self, sign: str, number: Decimal) -> Verdict:
        """How numbers compare, and texts that are numbers where `with_texts`."""
        operand = self.bind(float(number), "Float64")
        is_wide = f"length({self.sql}) > {DIGITS} AND NOT match({self.sql}, '[.eE]')"
        holds = f"toFloat64OrZero({self.sql}) {sign} {operand}"
        sure = f"({self.is_number} AND NOT ({is_wide}) AND {holds})"
        return Verdict(sure, f"({sure} OR ({self.is_number} AND {is_wide}))")

    def numeric_text(self, sign: str, number: Decimal) -> Verdict:
        operand = self.bind(float(number), "Float64")
        is_plain = f"length({self.sql}) <= {DIGITS + 2} AND match({self.sql}, {self.bind(IS_PLAIN_NUMBER)})"
        holds = f"toFloat64OrZero(substring({self.sql}, 2, length({self.sql}) - 2)) {sign} {operand}"
        sure = f"({self.is_text} AND {is_plain} AND {holds})"
        is_open = f"({self.is_text} AND NOT ({is_plain}) AND match({self.sql}, {self.bind(MAY_BE_NUMBER)}))"
        return Verdict(sure, f"({sure} OR {is_open})")


def in_order(test: Test, operands: Sequence[Scalar], value: Value) -> Verdict | None:
    return ordered(SIGNS[test.op], operands[0], value)


def ordered(sign: str, operand: Scalar, value: Value) -> Verdict | None:
    """No list is before or after anything, and no text that is no number before or after a number."""
    if isinstance(operand, bool):
        return NEVER
    number = exact(operand)
    texts = (
        both(f"({value.is_text} AND {value.text} {sign} {value.bind(operand)})") if isinstance(operand, str) else None
    )
    if number is None:
        return texts
    if not is_narrow(operand):
        return None
    return either([texts or value.numeric_text(sign, number), value.numeric(sign, number)])


def between(test: Test, operands: Sequence[Scalar], value: Value) -> Verdict | None:
    parts = [ordered(sign, one, value) for sign, one in zip((">=", "<="), operands, strict=True)]
    return None if None in parts else every([part for part in parts if part is not None])


def equal(test: Test, operands: Sequence[Scalar], value: Value) -> Verdict | None:
    """To any of the operands. The items of lists are compared one by one."""
    texts = [to_text(one) for one in operands if isinstance(one, (str, bool)) and one != ""]
    same = both(f"{value.sql} IN {value.bind(texts, 'Array(String)')}" if texts else "0")
    parts = [same, Verdict("0", value.is_list)]
    for one in operands:
        number = None if isinstance(one, bool) else exact(one)
        if number is None:
            continue
        if not is_narrow(one):
            return None
        parts.append(value.numeric("=", number))
        if is_number(one):
            parts.append(value.numeric_text("=", number))
    return either(parts)


def found(test: Test, operands: Sequence[Scalar], value: Value) -> Verdict | None:
    """In texts, numbers and truths as they are written, without regard to case."""
    wanted = str(operands[0]).casefold()
    if not wanted or not wanted.isascii():
        return None
    finds, bound = FINDS[test.op], value.bind(wanted)
    in_text = f"({value.is_text} AND {finds.format(f'lower({value.text})', bound)})"
    may_fold = f"({value.is_text} AND match({value.sql}, {value.bind(f'[{FOLDING}]')}))"
    whole = f"if(endsWith({value.sql}, '.0'), substring({value.sql}, 1, length({value.sql}) - 2), {value.sql})"
    is_odd = f"(length({value.sql}) > 20 OR {value.sql} = '-0.0' OR match({value.sql}, '[eE]'))"
    in_number = f"({value.is_number} AND NOT {is_odd} AND {finds.format(whole, bound)})"
    in_truth = f"({value.sql} IN ('true', 'false') AND {finds.format(value.sql, bound)})"
    sure = f"({in_text} OR {in_number} OR {in_truth})"
    is_open = f"({value.is_list} OR {may_fold} OR ({value.is_number} AND {is_odd}))"
    return Verdict(sure, f"({sure} OR {is_open})")


COMPARISONS: dict[str, Callable[[Test, Sequence[Scalar], Value], Verdict | None]] = {
    "eq": equal,
    "in": equal,
    "between": between,
    **dict.fromkeys(ORDER_OPERATORS, in_order),
    **dict.fromkeys(FINDS, found),
}


def is_finite(operand: Scalar) -> bool:
    number = exact(operand) if is_number(operand) else None
    return number is not None and number.is_finite()


def is_narrow(operand: Scalar) -> bool:
    """Whether comparing it as a double is comparing it as what is written."""
    number = exact(operand)
    if number is None or isinstance(operand, float):
        return True
    digits = number.normalize().as_tuple().digits
    return len(digits) <= DIGITS and abs(number.adjusted()) < 300


def both(sql: str) -> Verdict:
    """Nothing is open."""
    return Verdict(sql, sql)


def either(parts: Sequence[Verdict]) -> Verdict:
    return Verdict(joined(" OR ", "0", [one.sure for one in parts]), joined(" OR ", "0", [one.maybe for one in parts]))


def every(parts: Sequence[Verdict]) -> Verdict:
    return Verdict(
        joined(" AND ", "1", [one.sure for one in parts]), joined(" AND ", "1", [one.maybe for one in parts])
    )


def opposite(one: Verdict) -> Verdict:
    return Verdict(f"NOT ({one.maybe})", f"NOT ({one.sure})")


def joined(word: str, nothing: str, parts: Sequence[str]) -> str:
    return f"({word.join(parts)})" if parts else nothing
