"""A group or a cell of RFM, as an address names it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.http import urlencode

from cdp.rfm.groups import GROUPS, NAMES
from cdp.rfm.scores import SCORES
from stratum.lib.refusal import Missing


@dataclass(frozen=True, slots=True)
class Chosen:
    """A group or a cell, as an address names it. `condition` asks for the same people in a segment."""

    query: str
    name: str
    condition: Mapping[str, object]
    group: str = ""
    r: int = 0
    f: int = 0


def chosen(group: str, r: str, f: str) -> Chosen:
    """Raises Missing for what is no group and no cell."""
    scores = {str(score): score for score in range(1, SCORES + 1)}
    if group in NAMES[: len(GROUPS)]:
        condition = {"type": "profile", "field": "traits.rfm_group", "op": "eq", "value": group}
        return Chosen(urlencode({"group": group}), f"RFM: {group}", condition, group=group)
    if not group and r in scores and f in scores:
        tests: list[dict[str, object]] = [
            {"type": "profile", "field": f"traits.rfm_{name}", "op": "eq", "value": scores[text]}
            for name, text in (("r", r), ("f", f))
        ]
        query = urlencode({"r": r, "f": f})
        return Chosen(
            query, f"RFM: recency {r}, frequency {f}", {"type": "and", "children": tests}, r=scores[r], f=scores[f]
        )
    raise Missing("There is no such group or cell. Choose one on the RFM page.")
