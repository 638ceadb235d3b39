"""Comparisons of hundreds of thousands of numbers or instants at once, by the law of `engine.predicates`."""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints, Mask
from cdp.engine.predicates import (
    DURATION_OPERATORS,
    INSTANT_OPERATORS,
    NEGATIONS,
    ORDER_OPERATORS,
    Operand,
    Test,
    exact,
    read_duration,
    read_span,
)

Numbers = NDArray[np.float64]
MOST = 9e15  # a little further on a float may stand for several whole numbers

COMPARISONS: Mapping[str, Callable[[Numbers, float], Mask]] = {
    "eq": np.equal,
    "gt": np.greater,
    "gte": np.greater_equal,
    "lt": np.less,
    "lte": np.less_equal,
}


def of_numbers(test: Test, values: Numbers) -> Mask | None:
    """Which of the JSON numbers, none of them missing and all within MOST, satisfy the test; None where it has to be
    asked one by one.

    Two floats compare as the decimals that they are written as, and a number compares with a text that is one.
    """
    positive = NEGATIONS.get(test.op, test.op)
    try:
        found = _positive(positive, test.value, values)
    except _Between:
        return None
    return found if found is None or positive == test.op else ~found


class _Between(Exception):
    """A number that is written finer than a float can be."""


def _positive(op: str, operand: Operand, values: Numbers) -> Mask | None:
    if op == "exists":
        return np.ones(len(values), np.bool_)
    if op in ORDER_OPERATORS or op == "eq":
        bound = _number(operand)
        return np.zeros(len(values), np.bool_) if bound is None else COMPARISONS[op](values, bound)
    if op in ("between", "in", "has_any") and isinstance(operand, tuple):
        numbers = [_number(one) for one in operand]
        if op != "between":
            return np.isin(values, np.array([one for one in numbers if one is not None], np.float64))
        low, high = numbers
        return np.zeros(len(values), np.bool_) if low is None or high is None else (values >= low) & (values <= high)
    return None


def _number(operand: object) -> float | None:
    """None for what no number equals, or is less or more than."""
    written = exact(operand)
    if written is None:
        return None
    try:
        number = float(written)
    except OverflowError:
        number = math.copysign(math.inf, written)
    if abs(number) <= MOST and Decimal(repr(number)) != written:
        raise _Between
    return number


def of_instants(test: Test, micros: Ints, as_of: int) -> Mask | None:
    """The same for dates, none of them missing."""
    if test.op in ("exists", "not_exists"):
        return np.full(len(micros), test.op == "exists", np.bool_)
    if test.op in DURATION_OPERATORS:
        return _distant(test.op, micros, as_of, read_duration(str(test.value)) or 0)
    if test.op in INSTANT_OPERATORS:
        first, last = read_span(test.value, test.zone) or (0, 0)
        sides = {"after": micros > last, "before": micros < first, "on": (micros >= first) & (micros <= last)}
        return sides[test.op]
    return None


def _distant(op: str, micros: Ints, as_of: int, distance: int) -> Mask:
    if op == "within_last":
        return (micros >= as_of - distance) & (micros <= as_of)
    if op == "within_next":
        return (micros >= as_of) & (micros <= as_of + distance)
    return micros < as_of - distance if op == "older_than" else micros > as_of + distance
