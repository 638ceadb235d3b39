"""Platforms, devices, campaigns and segments that convert better or worse than the rest.

Two tests must both see a difference, and the larger of their p values counts: Fisher's exact test over all entries, and
one that compares within each day of entry, so that a campaign is not blamed for the days on which it ran, and widens
where the difference itself varies from day to day.
"""

from math import sqrt

import numpy as np

from cdp.engine.arrays import Ints
from cdp.insights.candidates import MIN_DAYS, MIN_ENTRIES, MIN_EXPECTED, Candidate, Shortage, Tested
from cdp.insights.distributions import student_both_tails
from cdp.insights.material import NO_VALUE, Dimension, Material
from cdp.insights.shares import Share, fisher


def compared_groups(material: Material) -> Tested:
    """One two-sided test per value that has enough entries."""
    tested = [_dimension(dimension, len(material.steps)) for dimension in material.dimensions]
    candidates = tuple(candidate for found in tested for candidate in found)
    if candidates:
        return Tested(candidates)
    sentence = (
        f"To compare platforms, devices, campaigns and segments with the rest, one of them and its rest need "
        f"{MIN_ENTRIES} entries each, on {MIN_DAYS} complete days, with {MIN_EXPECTED} expected to convert and "
        f"{MIN_EXPECTED} not to."
    )
    return Tested(shortages=(Shortage("group", sentence),))


def _dimension(dimension: Dimension, steps: int) -> list[Candidate]:
    place_of, depth = dimension.group - NO_VALUE, dimension.depth
    size = len(dimension.values) - NO_VALUE
    reached = np.stack([np.bincount(place_of[depth > step], minlength=size) for step in range(steps)])
    converted = depth >= steps
    days = int(dimension.day.max(initial=-1)) + 1
    entries = _by_day(dimension.day, place_of, days, size)
    hits = _by_day(dimension.day[converted], place_of[converted], days, size)
    found = []
    for place, value in enumerate(dimension.values):
        mine, rest = reached[:, place + 1], reached.sum(axis=1) - reached[:, place + 1]
        if not _has_enough(mine, rest):
            continue
        within = within_days(hits[:, place + 1], entries[:, place + 1], hits.sum(axis=1), entries.sum(axis=1))
        if within is not None:
            p = max(within, fisher(int(mine[-1]), int(mine[0]), int(rest[-1]), int(rest[0])))
            found.append(_candidate(dimension, value, mine, rest, p))
    return found


def _candidate(dimension: Dimension, value: object, mine: Ints, rest: Ints, p: float) -> Candidate:
    observed, others = Share(int(mine[-1]), int(mine[0])), Share(int(rest[-1]), int(rest[0]))
    return Candidate(
        "group",
        observed,
        others,
        others.rate,
        p,
        step=widest_step(mine, rest),
        by=dimension.by,
        value=value,
        label=dimension.label,
    )


def _by_day(day: Ints, place: Ints, days: int, size: int) -> Ints:
    """People (days, 1 + values); the first column are those without a value."""
    return np.bincount(day * size + place, minlength=days * size).reshape(days, size)


def _has_enough(mine: Ints, rest: Ints) -> bool:
    entered, converted = int(mine[0] + rest[0]), int(mine[-1] + rest[-1])
    smaller = int(min(mine[0], rest[0]))
    return smaller >= MIN_ENTRIES and smaller * min(converted, entered - converted) >= MIN_EXPECTED * entered


def within_days(hits: Ints, trials: Ints, all_hits: Ints, all_trials: Ints) -> float | None:
    """The Mantel–Haenszel test over days, widened by how the difference varies from one to the next.

    None when fewer than MIN_DAYS days have something to compare.
    """
    useful = (trials > 0) & (trials < all_trials) & (all_hits > 0) & (all_hits < all_trials)
    days = int(np.count_nonzero(useful))
    if days < MIN_DAYS:
        return None
    a, n, m, whole = (each[useful].astype(np.float64) for each in (hits, trials, all_hits, all_trials))
    surplus = a - n * m / whole
    variance = n * (whole - n) * m * (whole - m) / (whole * whole * (whole - 1))
    slope = surplus.sum() / variance.sum()
    spread = ((surplus - slope * variance) ** 2).sum() * days / (days - 1)
    return student_both_tails(float(surplus.sum() / sqrt(max(variance.sum(), spread))), days - 1)


def widest_step(mine: Ints, rest: Ints) -> int:
    """The 0-based step from which the group goes on at a rate that differs most from the rest's."""
    goes_on = mine[1:] / np.maximum(mine[:-1], 1) - rest[1:] / np.maximum(rest[:-1], 1)
    better = mine[-1] * rest[0] > rest[-1] * mine[0]
    return int(np.argmax(goes_on) if better else np.argmin(goes_on))
