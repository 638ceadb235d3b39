"""Four ways to look ahead. Each knows the history and the stays up to its last day, and nothing later."""

from collections.abc import Callable

import numpy as np

from cdp.forecast.shapes import Floats, History, Ints, Stays
from cdp.forecast.survival import kaplan_meier, pick

RECENT = 28  # days: four of each weekday
PROFILE = 56  # days behind the weekday profile

Method = Callable[[History, Stays, int], Floats]


def last_value(history: History, stays: Stays, horizon: int) -> Floats:
    """It stays as large as it is."""
    return np.full(horizon, float(history.size[-1]))


def net_flow(history: History, stays: Stays, horizon: int) -> Floats:
    """It goes on growing or shrinking by the mean of entries − exits a day, of as many days as it looks ahead."""
    net = history.entered[-horizon:] - history.exited[-horizon:]
    sizes: Floats = history.size[-1] + float(net.mean()) * np.arange(1, horizon + 1)
    return np.maximum(sizes, 0)


def constant_exit_rate(history: History, stays: Stays, horizon: int) -> Floats:
    """Each day the same share of the members leaves and the same number comes, as in the RECENT days."""
    stay, come = 1 - exit_rate(history), entry_rate(history)
    sizes, size = np.empty(horizon), float(history.size[-1])
    for day in range(horizon):
        size = sizes[day] = size * stay + come
    return sizes


def cohorts(history: History, stays: Stays, horizon: int) -> Floats:
    """Survivors of today's members plus survivors of those who will come, each day's entries by their own age.

    A member who has been in for a days is still in after h more with the chance S(a + h) ÷ S(a); of E entries on a
    day to come S(k) · E are in k days later. Members whose day of entry is unknown have a curve of their own, by the
    days since they were first seen.
    """
    today = len(history) - 1
    seen, arriving = np.zeros(horizon), None
    total = 0.0
    for known in (True, False):
        group = pick(stays, stays.known == known)
        curve = kaplan_meier(group, today)
        is_in = (group.entered <= today) & (group.exited > today)
        ages, counts = today - group.entered[is_in], group.count[is_in]
        longest = int(ages.max()) if len(ages) else 0
        survival = curve.survival(longest + horizon)
        seen += _survivors(ages, counts, survival, horizon)
        total += float(counts.sum())
        if known:
            arriving = survival[:horizon]
    assert arriving is not None
    # Merged and erased members leave no exit behind: the stays are scaled to the size.
    scale = history.size[-1] / total if total else 0.0
    coming = np.convolve(weekday_entries(history, horizon), arriving)[:horizon]
    return seen * scale + coming


def _survivors(ages: Ints, counts: Ints, survival: Floats, horizon: int) -> Floats:
    by_age = np.bincount(ages, counts) if len(ages) else np.zeros(0)
    left = np.zeros(horizon)
    for age in np.flatnonzero(by_age):
        if survival[age] > 0:
            left += by_age[age] * survival[age + 1 : age + 1 + horizon] / survival[age]
    return left


def weekday_entries(history: History, horizon: int) -> Floats:
    """Entries expected on each day to come: the level of the RECENT days times the profile of its weekday.

    The profile is the weekday's share of the entries of the last PROFILE days, pulled towards 1 by one week's worth of
    even days, so that few entries make no profile.
    """
    entered = history.entered[-PROFILE:].astype(float)
    weekday = (np.arange(len(history) - len(entered), len(history)) + history.first_day.weekday()) % 7
    mean = entered.mean() if len(entered) else 0.0
    if not mean:
        return np.zeros(horizon)
    profile = (np.bincount(weekday, entered, 7) + mean) / ((np.bincount(weekday, minlength=7) + 1) * mean)
    recent = history.entered[-RECENT:]
    level = recent.sum() / profile[weekday[-len(recent) :]].sum()
    ahead = (np.arange(len(history), len(history) + horizon) + history.first_day.weekday()) % 7
    return np.asarray(level * profile[ahead], float)


def entry_rate(history: History) -> float:
    """Entries a day, over the RECENT days."""
    return float(history.entered[-RECENT:].mean())


def exit_rate(history: History) -> float:
    """The share of the members that leaves on a day: exits ÷ members at the end of the day before, RECENT days."""
    before, left = history.size[:-1][-RECENT:], history.exited[1:][-RECENT:]
    return min(float(left.sum()) / float(before.sum()), 1.0) if before.sum() else 0.0


# The simplest first: of two that were equally wrong the simpler one is taken.
METHODS: dict[str, Method] = {
    "last_value": last_value,
    "net_flow": net_flow,
    "constant_exit_rate": constant_exit_rate,
    "cohorts": cohorts,
}
