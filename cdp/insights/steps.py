"""Steps that lose more than in their own history: complete weeks of the range against the weeks before it."""

import numpy as np

from cdp.engine.arrays import Ints
from cdp.insights.candidates import MIN_ENTRIES, MIN_EXPECTED, Candidate, Shortage, Tested, enough
from cdp.insights.material import Buckets, Material
from cdp.insights.shares import Share
from cdp.insights.usual import departure

HISTORY_WEEKS = 26
MIN_HISTORY_WEEKS = 8


def drop_offs(material: Material) -> Tested:
    """One test per step that can lose somebody, one-sided."""
    if shortage := _shortage(material.weeks):
        return Tested(shortages=(shortage,))
    tested = [_step(material.weeks, step) for step in range(len(material.steps) - 1)]
    candidates = tuple(candidate for candidate in tested if candidate)
    thin = [f"“{title}”" for title, candidate in zip(material.steps, tested, strict=False) if not candidate]
    return Tested(candidates, (_thin(thin),) if thin else ())


def _shortage(weeks: Buckets) -> Shortage | None:
    judged = len(weeks) - weeks.judged
    if not judged:
        return Shortage(
            "step",
            "Drop-off against its own history needs a range with at least 7 complete days; this one has fewer.",
        )
    if weeks.judged < MIN_HISTORY_WEEKS:
        return Shortage(
            "step",
            f"Drop-off against its own history needs {MIN_HISTORY_WEEKS} weeks of events before the range; "
            f"there are {weeks.judged}.",
        )
    return None


def _thin(titles: list[str]) -> Shortage:
    return Shortage(
        "step",
        f"Too few people reached {', '.join(titles)} to judge who went on from there: it takes {MIN_ENTRIES} people in "
        f"each of {MIN_HISTORY_WEEKS} earlier weeks and in a week of the range, with {MIN_EXPECTED} expected to go on "
        f"and {MIN_EXPECTED} to leave.",
    )


def _step(weeks: Buckets, step: int) -> Candidate | None:
    kept = np.flatnonzero(weeks.counts[:, step] >= MIN_ENTRIES)
    judged = kept >= weeks.judged
    trials, hits = weeks.counts[kept, step], weeks.counts[kept, step + 1]
    before = _share(hits[~judged], trials[~judged])
    observed = _share(hits[judged], trials[judged])
    if np.count_nonzero(~judged) < MIN_HISTORY_WEEKS or not enough(observed.of, before.rate):
        return None
    level_and_drift = np.column_stack([np.ones(len(kept)), (kept - kept.mean()) / HISTORY_WEEKS])
    found = departure(hits, trials, level_and_drift, judged.astype(np.float64))
    lost, lost_before = Share(observed.of - observed.count, observed.of), Share(before.of - before.count, before.of)
    expected = min(max(lost.rate + found.difference, 0.0), 1.0)
    places = tuple(kept[judged].tolist())
    return Candidate("step", lost, lost_before, expected, found.lower_tail, step=step, places=places, weekly=True)


def _share(hits: Ints, trials: Ints) -> Share:
    return Share(int(hits.sum()), int(trials.sum()))
