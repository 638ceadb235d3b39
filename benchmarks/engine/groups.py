"""All comparisons, by group: each one a table."""

from collections.abc import Mapping, Sequence

from benchmarks.engine.profile_questions import MEMBERS, TRAITS
from benchmarks.engine.questions import BREAKDOWNS, FUNNELS, MODES, TOTALS, Asked

ABOUT = "Medians in milliseconds, minima in brackets."
GROUPS: Mapping[str, Sequence[Asked]] = {
    "funnels": FUNNELS,
    "breakdowns": BREAKDOWNS,
    "totals": TOTALS,
    "modes": MODES,
    "traits": TRAITS,
    "members": MEMBERS,
}
TITLES = {
    "funnels": "Funnels",
    "breakdowns": "Breakdown",
    "totals": "Total events and times",
    "modes": "Trend, modes and exclusions",
    "traits": "Aggregates of every profile",
    "members": "Conditions, sequences and overlap",
}
OTHERS: Sequence[Asked] = (*FUNNELS[:2], *TRAITS)
