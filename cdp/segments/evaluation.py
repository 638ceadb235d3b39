"""A condition decided for every profile of a universe, from the answers to its leaves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from cdp.definitions.conditions import All, Both, Condition, Either, Leaf, Neither, leaves
from cdp.engine.arrays import Mask

Answers = Mapping[Leaf, Mask]  # by the leaf without its path, over one universe


def anywhere(leaf: Leaf) -> Leaf:
    """The same condition, wherever it is written: two segments that share it are answered once."""
    return replace(leaf, path="")


def asked(conditions: Sequence[Condition]) -> list[Leaf]:
    """Every leaf that somebody has to answer, once."""
    found = (anywhere(leaf) for condition in conditions for leaf in leaves(condition))
    return [leaf for leaf in dict.fromkeys(found) if not isinstance(leaf, All)]


def decide(condition: Condition, answers: Answers, size: int) -> Mask:
    """Which of the universe's `size` profiles satisfy it."""
    match condition:
        case All():
            return np.ones(size, np.bool_)
        case Both(_, children):
            return reduce(np.logical_and, (decide(child, answers, size) for child in children))
        case Either(_, children):
            return reduce(np.logical_or, (decide(child, answers, size) for child in children))
        case Neither(_, child):
            return ~decide(child, answers, size)
    return answers[anywhere(condition)]


def blocks(condition: Condition, answers: Answers, size: int) -> Iterator[tuple[str, Mask]]:
    """Each node's own members by its path, in the order of writing."""
    yield condition.path, decide(condition, answers, size)
    match condition:
        case Both(_, children) | Either(_, children):
            for child in children:
                yield from blocks(child, answers, size)
        case Neither(_, child):
            yield from blocks(child, answers, size)
