"""Chance, the same on every machine: only `Random.random()`, whose sequence Python guarantees, is used."""

from bisect import bisect
from collections.abc import Callable, Mapping
from itertools import accumulate
from math import log
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")
Roll = Callable[[], float]  # uniform in [0, 1)


def roll(seed: str) -> Roll:
    return Random(seed).random


def waiting(u: float, mean: float) -> int:
    """An exponential waiting time in ms (`mean` in seconds) from a uniform number, cut at eight times its mean."""
    return int(1000 * mean * min(8.0, -log(1.0 - u)))


def hexadecimal(roll: Roll, digits: int) -> str:
    """At most 13 digits per call of `roll`: a float carries 53 bits."""
    parts = [min(13, digits - start) for start in range(0, digits, 13)]
    return "".join(f"{int(roll() * 16**width):0{width}x}" for width in parts)


class Weighted(Generic[T]):
    """Options picked by weight."""

    __slots__ = ("_bounds", "_options", "_total")

    def __init__(self, options: Mapping[T, float]) -> None:
        self._options = list(options)
        self._bounds = list(accumulate(options.values()))[:-1]
        self._total = sum(options.values())

    def pick(self, u: float) -> T:
        return self._options[bisect(self._bounds, u * self._total)]
