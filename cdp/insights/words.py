"""Findings and recommendations as sentences."""

from datetime import date

from cdp.insights.candidates import MIN_DAYS, MIN_ENTRIES, MIN_EXPECTED, Candidate, Kind
from cdp.insights.material import Material
from cdp.insights.periods import MIN_DAYS_BEFORE, MIN_WEEKS_BEFORE
from cdp.insights.steps import MIN_HISTORY_WEEKS

TESTS: dict[Kind, str] = {
    "step": "Beta-binomial regression of weekly rates on level and drift, one-sided t test",
    "period": "Beta-binomial regression of rates on level, drift and weekday, one-sided t test",
    "group": "Fisher's exact test and a Mantel–Haenszel test within days of entry, two-sided; the larger p",
}
MINIMUM: dict[Kind, str] = {
    "step": f"{MIN_HISTORY_WEEKS} earlier weeks and 1 complete week of the range with {MIN_ENTRIES} people at the step "
    f"each; {MIN_EXPECTED} expected to go on and {MIN_EXPECTED} to leave.",
    "period": f"{MIN_DAYS_BEFORE} earlier days (or {MIN_WEEKS_BEFORE} weeks) with {MIN_ENTRIES} entries each; of the "
    f"judged one {MIN_ENTRIES} entries, {MIN_EXPECTED} expected to convert and {MIN_EXPECTED} not to.",
    "group": f"{MIN_ENTRIES} entries in the group and in its rest, on {MIN_DAYS} days; {MIN_EXPECTED} expected in each "
    "cell of the table.",
}
NOUNS = {"platform": "Platform", "device": "Device", "campaign": "Campaign"}
ADVICE = {
    (
        "platform",
        "better",
    ): "Try a larger share of the budget on this platform, in steps, and watch whether its rate holds.",
    ("platform", "worse"): "Compare what this platform's ads promise with the page they lead to, or spend less on it.",
    ("device", "better"): "See what is easier on this device, and bring it to the others.",
    ("device", "worse"): "Go through the funnel yourself on this device.",
    ("campaign", "better"): "Give this campaign more budget in steps, and use its audience and message elsewhere.",
    ("campaign", "worse"): "Check this campaign's audience and landing page; pause it if it was meant to sell.",
    ("segment", "better"): "Look for more people like the members, and ask first what they have in common.",
    ("segment", "worse"): "Address the members with an offer or help of their own.",
}


def sentence(candidate: Candidate, material: Material) -> str:
    match candidate.kind:
        case "step":
            return _step(candidate, material)
        case "period":
            return _period(candidate, material)
        case "group":
            return _group(candidate)


def recommendation(candidate: Candidate, material: Material) -> str:
    match candidate.kind:
        case "step":
            return (
                f"About {candidate.people:,} more people than expected left here. Look at the people who dropped, and "
                f"at what changed between {passage(material, candidate.step or 0)} since "
                f"{day(material.weeks.first[candidate.places[0]])}."
            )
        case "period":
            return (
                f"About {-candidate.people:,} conversions fewer than expected. Check what was released, sold out, "
                f"paused or sent {_when(candidate, material)}, and which platforms and devices lost most."
            )
        case "group":
            return _advice(candidate, material)


def _step(candidate: Candidate, material: Material) -> str:
    weeks = material.weeks
    return (
        f"Unusually many leave between {passage(material, candidate.step or 0)}: {percent(candidate.observed.rate)} "
        f"in {_counted(len(candidate.places), 'complete week')} from {day(weeks.first[candidate.places[0]])} to "
        f"{day(weeks.last[candidate.places[-1]])}, where the weeks before lead to expect {percent(candidate.expected)}."
    )


def _period(candidate: Candidate, material: Material) -> str:
    return (
        f"Conversion was low {_when(candidate, material)}: {percent(candidate.observed.rate)}, where the "
        f"{'weeks' if candidate.weekly else 'days'} before lead to expect {percent(candidate.expected)}."
    )


def _group(candidate: Candidate) -> str:
    return (
        f"{_name(candidate)} converts {_direction(candidate)} than the rest: {percent(candidate.observed.rate)} "
        f"against {percent(candidate.usual.rate)}."
    )


def _advice(candidate: Candidate, material: Material) -> str:
    advice = ADVICE["segment" if candidate.label else candidate.by, _direction(candidate)]
    step = passage(material, candidate.step or 0)
    return f"The difference is widest between {step}. {advice} Others may differ in more than this, so test a change."


def _direction(candidate: Candidate) -> str:
    return "better" if candidate.difference > 0 else "worse"


def _name(candidate: Candidate) -> str:
    if candidate.label:
        return f"Segment “{candidate.label}”"
    return f"{NOUNS[candidate.by]} “{candidate.value}”"


def passage(material: Material, step: int) -> str:
    """From one step to the next, after "between"."""
    if material.any_order:
        count = len(material.steps)
        return f"any {step + 1} and any {step + 2} of the {count} steps"
    return f"“{material.steps[step]}” and “{material.steps[step + 1]}”"


def _when(candidate: Candidate, material: Material) -> str:
    buckets = material.weeks if candidate.weekly else material.days
    first, last = buckets.first[candidate.places[0]], buckets.last[candidate.places[-1]]
    return f"on {day(first)}" if first == last else f"from {day(first)} to {day(last)}"


def day(one: date) -> str:
    return f"{one:%a} {one.day} {one:%b %Y}"


def percent(rate: float) -> str:
    return f"{100 * rate:.1f}%"


def _counted(count: int, noun: str) -> str:
    return f"the {noun}" if count == 1 else f"the {count} {noun}s"
