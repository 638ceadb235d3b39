"""The view of the funnel's page that shows a finding, as its query string."""

from datetime import timedelta
from urllib.parse import urlencode

from cdp.insights.candidates import Candidate
from cdp.insights.material import Material

DAYS_AROUND = 28  # shown before a weak day, so that the dip can be seen


def link(candidate: Candidate, material: Material) -> str:
    """Without what the question itself replaced in the funnel's definition, such as its window."""
    if candidate.kind == "group":
        return urlencode(_group(candidate, material))
    buckets = material.weeks if candidate.weekly else material.days
    first, last = buckets.first[candidate.places[0]], buckets.last[candidate.places[-1]]
    if candidate.kind == "step":
        return urlencode({"from": first, "to": last, "compare": "previous"})
    interval = "week" if candidate.weekly else "day"
    return urlencode({"from": first - timedelta(days=DAYS_AROUND), "to": last, "tab": "trend", "interval": interval})


def _group(candidate: Candidate, material: Material) -> dict[str, str]:
    days = material.days
    fields = {"from": str(days.first[days.judged]), "to": str(days.last[-1]), "tab": "breakdown"}
    fields["breakdown"] = candidate.by
    if candidate.label:
        return fields
    return fields | {"attribution": "first_touch" if material.any_order else "step:0"}
