"""Property filters, decided for one value or one set of properties.

`decide_value` is the law; the columnar engine asks it once per distinct value. Comparison is numeric when at least one
side is a JSON number, and exact: 19.99 is the decimal 19.99. Missing is null, "", [] and {}; 0 and false are values.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
DURATION = re.compile(r"P(?!$)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", re.ASCII)
INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
UNIT_SECONDS = {"W": 604_800, "D": 86_400, "H": 3_600, "M": 60, "S": 1}
# Numbers in a date property are Unix times: of seconds, or of milliseconds when they would lie beyond the year 5138.
MILLISECONDS_FROM = 100_000_000_000

NEGATIONS = {
    "not_exists": "exists",
    "neq": "eq",
    "not_in": "in",
    "not_between": "between",
    "not_contains": "contains",
    "not_matches": "matches",
    "has_none": "has_any",
}
LIST_OPERATORS = {"in", "not_in", "has_any", "has_all", "has_none"}
RANGE_OPERATORS = {"between", "not_between"}
ORDER_OPERATORS = {"gt", "gte", "lt", "lte"}
TEXT_OPERATORS = {"contains", "not_contains", "starts_with", "ends_with", "matches", "not_matches"}
INSTANT_OPERATORS = {"after", "before", "on"}
DURATION_OPERATORS = {"within_last", "within_next", "older_than", "later_than"}
BARE_OPERATORS = {"exists", "not_exists"}
SCALAR_OPERATORS = {"eq", "neq"}
OPERATORS = (
    LIST_OPERATORS | RANGE_OPERATORS | ORDER_OPERATORS | TEXT_OPERATORS | INSTANT_OPERATORS
    | DURATION_OPERATORS | BARE_OPERATORS | SCALAR_OPERATORS
)  # fmt: skip

Scalar = str | int | float | bool
Decide = Callable[[Any], bool]


@dataclass(frozen=True)
class Ref:
    """Another field of the same profile, or another property of the same event, by its dotted path, instead of a
    value."""

    path: str


@dataclass(frozen=True)
class ProfileRef:
    """A field of the profile whose event it is: `attributes.<name>` or `traits.<name>`."""

    field: str


@dataclass(frozen=True, eq=False)
class OfProfile:
    """What such a field is: `labels[code[i]]` (JSON) for the ascending `profile[i]`, `otherwise` for everybody else."""

    profile: NDArray[np.int64]
    code: NDArray[np.int64]
    labels: Sequence[Any]
    otherwise: Any = None


@dataclass(frozen=True)
class StepRef:
    """A property of the event that an earlier step of a sequence took, by the step's 0-based place."""

    step: int
    path: str


Elsewhere = ProfileRef | OfProfile | StepRef  # not told by the event itself
Operand = Scalar | tuple[Scalar, ...] | Ref | Elsewhere | None


@dataclass(frozen=True)
class Test:
    """One comparison. `zone` is where dates without a zone are read."""

    __test__ = False

    property: str
    op: str
    value: Operand = None
    zone: tzinfo = UTC


@dataclass(frozen=True)
class AllOf:
    children: tuple["Predicate", ...]


@dataclass(frozen=True)
class AnyOf:
    children: tuple["Predicate", ...]


@dataclass(frozen=True)
class Not:
    child: "Predicate"


@dataclass(frozen=True)
class AnyItem:
    """One item of the list `property` satisfies `where`; an item that is no object has the one property `value`."""

    property: str
    where: "Predicate"


Predicate = Test | AllOf | AnyOf | Not | AnyItem


Others = Callable[[Elsewhere], Any]


def nothing(operand: Elsewhere) -> Any:
    return None


def holds(predicate: Predicate, properties: Mapping[str, Any], as_of: int, others: Others = nothing) -> bool:
    """`others`: the values that are not told by the properties themselves."""
    match predicate:
        case AllOf(children):
            return all(holds(child, properties, as_of, others) for child in children)
        case AnyOf(children):
            return any(holds(child, properties, as_of, others) for child in children)
        case Not(child):
            return not holds(child, properties, as_of, others)
        case AnyItem(name, where):
            return any_item(where, look_up(properties, name), as_of, others)
        case Test(name, _, (ProfileRef() | OfProfile() | StepRef()) as operand):
            return beside(predicate, others(operand), as_of)(look_up(properties, name))
        case Test(name, _, Ref(other)):
            return beside(predicate, look_up(properties, other), as_of)(look_up(properties, name))
        case Test(name):
            return decide_value(predicate, as_of)(look_up(properties, name))


def beside(test: Test, other: Any, as_of: int) -> Decide:
    """The decision where the operand is another field's value. Nothing compares with a missing one or a list."""
    if is_missing(other) or not isinstance(other, Scalar):
        return lambda value: test.op in NEGATIONS
    return decide_value(Test(test.property, test.op, other, test.zone), as_of)


def any_item(where: Predicate, value: Any, as_of: int, others: Others = nothing) -> bool:
    if not isinstance(value, list):
        return False
    return any(holds(where, item if isinstance(item, dict) else {"value": item}, as_of, others) for item in value)


def look_up(properties: Mapping[str, Any], name: str) -> Any:
    """The property of that very name, else what the dotted path leads to inside nested objects, else None."""
    value = properties.get(name)
    if value is not None or "." not in name:
        return value
    head, rest = name.split(".", 1)
    inner = properties.get(head)
    return look_up(inner, rest) if isinstance(inner, dict) else None


def is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, dict)) and not value)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def exact(value: Any) -> Decimal | None:
    """The number that is written: 19.99 → 19.99, "19.99" → 19.99, "abc", true, null → None."""
    if is_number(value):
        return Decimal(repr(value))
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    return None


def text_of(value: Any) -> str | None:
    """A scalar as text operators see it: 5.0 → "5", true → "true"; None for lists and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        number = Decimal(repr(value))
        return f"{number.normalize():f}" if number else "0"
    return None


def read_duration(text: str) -> int | None:
    """ISO 8601 weeks to seconds → microseconds; None when it is no such duration."""
    if not DURATION.fullmatch(text):
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)([WDHMS])", text)
    return int(sum(Decimal(amount) * UNIT_SECONDS[unit] for amount, unit in parts) * SECOND)


def read_span(value: Any, zone: tzinfo) -> tuple[int, int] | None:
    """First and last microsecond that a date (a whole day), an instant or a Unix time stands for."""
    if is_number(value):
        micros = int(Decimal(repr(value)) * (1_000 if value >= MILLISECONDS_FROM else SECOND))
        return micros, micros
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        return None
    try:
        return day_span(date.fromisoformat(value), zone) if len(value) == 10 else instant_span(value, zone)
    except (ValueError, OverflowError):
        return None


def day_span(day: date, zone: tzinfo) -> tuple[int, int]:
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone)
    return (start - EPOCH) // MICROSECOND, (end - EPOCH) // MICROSECOND - 1


def instant_span(text: str, zone: tzinfo) -> tuple[int, int]:
    instant = datetime.fromisoformat(text)
    micros = ((instant if instant.tzinfo else instant.replace(tzinfo=zone)) - EPOCH) // MICROSECOND
    return micros, micros


def decide_value(test: Test, as_of: int) -> Decide:
    """The decision about one value of the property, its operand read once."""
    positive = NEGATIONS.get(test.op)
    if positive is not None:
        decide = decide_value(Test(test.property, positive, test.value, test.zone), as_of)
        return lambda value: not decide(value)
    if test.op == "exists":
        return lambda value: not is_missing(value)
    decide = DECISIONS[test.op](test, as_of)
    return lambda value: not is_missing(value) and decide(value)


def elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def compare(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None when the two cannot be compared."""
    if is_number(left) or is_number(right):
        a, b = exact(left), exact(right)
        return None if a is None or b is None else (a > b) - (a < b)
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    return None


def same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return compare(left, right) == 0


def decide_eq(test: Test, as_of: int) -> Decide:
    return lambda value: any(same(item, test.value) for item in elements(value))


def decide_in(test: Test, as_of: int) -> Decide:
    wanted = elements_of(test)
    return lambda value: any(same(item, one) for item in elements(value) for one in wanted)


def decide_has_all(test: Test, as_of: int) -> Decide:
    wanted = elements_of(test)
    return lambda value: all(any(same(item, one) for item in elements(value)) for one in wanted)


def elements_of(test: Test) -> tuple[Scalar, ...]:
    return test.value if isinstance(test.value, tuple) else ()


def decide_order(test: Test, as_of: int) -> Decide:
    wanted = {"gt": (1,), "gte": (0, 1), "lt": (-1,), "lte": (-1, 0)}[test.op]
    return lambda value: compare(value, test.value) in wanted


def decide_between(test: Test, as_of: int) -> Decide:
    low, high = elements_of(test)
    return lambda value: compare(value, low) in (0, 1) and compare(value, high) in (-1, 0)


def decide_text(test: Test, as_of: int) -> Decide:
    wanted = str(test.value).casefold()
    check: Callable[[str], bool] = {
        "contains": lambda text: wanted in text,
        "starts_with": lambda text: text.startswith(wanted),
        "ends_with": lambda text: text.endswith(wanted),
    }[test.op]
    return lambda value: any(check(text.casefold()) for text in map(text_of, elements(value)) if text is not None)


def decide_matches(test: Test, as_of: int) -> Decide:
    return lambda value: any(re2_search(str(test.value), text) for text in map(text_of, elements(value)) if text)


def re2_search(pattern: str, text: str) -> bool:
    """RE2 takes linear time whatever the pattern, which Python's `re` does not."""
    return bool(pc.match_substring_regex(pa.scalar(text), pattern=pattern).as_py())


def decide_instant(test: Test, as_of: int) -> Decide:
    first, last = read_span(test.value, test.zone) or (0, 0)
    check: Callable[[int], bool] = {
        "after": lambda instant: instant > last,
        "before": lambda instant: instant < first,
        "on": lambda instant: first <= instant <= last,
    }[test.op]
    return on_instants(check, test.zone)


def decide_distance(test: Test, as_of: int) -> Decide:
    distance = read_duration(str(test.value)) or 0
    check: Callable[[int], bool] = {
        "within_last": lambda instant: as_of - distance <= instant <= as_of,
        "within_next": lambda instant: as_of <= instant <= as_of + distance,
        "older_than": lambda instant: instant < as_of - distance,
        "later_than": lambda instant: instant > as_of + distance,
    }[test.op]
    return on_instants(check, test.zone)


def on_instants(check: Callable[[int], bool], zone: tzinfo) -> Decide:
    def decide(value: Any) -> bool:
        spans = (read_span(item, zone) for item in elements(value))
        return any(check(span[0]) for span in spans if span is not None)

    return decide


DECISIONS: dict[str, Callable[[Test, int], Decide]] = {
    "eq": decide_eq,
    "in": decide_in,
    "has_any": decide_in,
    "has_all": decide_has_all,
    "between": decide_between,
    "matches": decide_matches,
    **dict.fromkeys(ORDER_OPERATORS, decide_order),
    **dict.fromkeys(("contains", "starts_with", "ends_with"), decide_text),
    **dict.fromkeys(INSTANT_OPERATORS, decide_instant),
    **dict.fromkeys(DURATION_OPERATORS, decide_distance),
}


def count_leaves(predicate: Predicate) -> int:
    match predicate:
        case AllOf(children) | AnyOf(children):
            return sum(map(count_leaves, children))
        case Not(child) | AnyItem(_, child):
            return count_leaves(child)
        case Test():
            return 1
