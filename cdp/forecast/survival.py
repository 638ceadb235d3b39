"""How long members stay: the discrete Kaplan–Meier estimate, with censoring and left truncation.

A stay that begins on day e and ends on day x lasts x − e days; who comes and goes on one day stays 0 days. The hazard
of duration k is the share of those who were seen to reach their k-th day that left on it:

    h(k) = exits at duration k ÷ at risk at duration k        S(k) = (1 − h(0)) · … · (1 − h(k))

Who is still in on the last known day is at risk up to it and leaves it open (censored). Who came before day 0 is at
risk only from the duration at which he is first seen (left truncated), so long stays do not count as short ones.
"""

from dataclasses import dataclass

import numpy as np

from cdp.forecast.shapes import Floats, Stays

FEWEST_AT_RISK = 20  # fewer than that say nothing about a single duration
TAIL = 28  # days whose mean hazard goes on beyond the longest duration that enough members reached


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """`hazard[k]` for k = 0, 1, …; beyond its end the hazard is `tail`."""

    hazard: Floats
    tail: float

    def survival(self, longest: int) -> Floats:
        """S(0) … S(longest)."""
        hazard = np.full(longest + 1, self.tail)
        known = min(len(self.hazard), longest + 1)
        hazard[:known] = self.hazard[:known]
        return np.cumprod(1 - hazard)


def risk_table(stays: Stays, today: int) -> tuple[Floats, Floats]:
    """(exits, at risk) by duration, with what is known at the end of day `today`."""
    is_seen = (stays.entered <= today) & (stays.exited >= 0)
    entered, exited, count = stays.entered[is_seen], stays.exited[is_seen], stays.count[is_seen]
    has_left = exited <= today
    is_exit = has_left & ~stays.lost[is_seen]
    last = np.where(has_left, exited - (has_left & ~is_exit), today) - entered
    first = np.maximum(-entered, 0)
    counts = last >= first  # who was lost on the first day he was seen tells nothing
    first, last, count, is_exit = first[counts], last[counts], count[counts], is_exit[counts]
    length = int(last.max()) + 1 if len(last) else 0
    exits = np.bincount(last[is_exit], count[is_exit], length)
    steps = np.bincount(first, count, length + 1) - np.bincount(last + 1, count, length + 1)
    return exits.astype(float), np.cumsum(steps)[:length].astype(float)


def kaplan_meier(stays: Stays, today: int) -> Curve:
    """Cut where fewer than FEWEST_AT_RISK are at risk; the mean hazard of the TAIL days before goes on from there."""
    exits, risk = risk_table(stays, today)
    few = np.flatnonzero(risk < FEWEST_AT_RISK)
    length = int(few[0]) if len(few) else len(risk)
    start = max(length - TAIL, 0) if length else 0
    end = length or len(risk)
    at_risk = float(risk[start:end].sum())
    tail = float(exits[start:end].sum()) / at_risk if at_risk else 0.0
    return Curve(exits[:length] / risk[:length] if length else np.zeros(0), tail)


def pick(stays: Stays, mask: np.typing.NDArray[np.bool_]) -> Stays:
    """Those of the stays."""
    return Stays(stays.entered[mask], stays.exited[mask], stays.known[mask], stays.lost[mask], stays.count[mask])
