"""All tests together, corrected for their number: what remains, with its evidence, and what could not be tested."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from cdp.insights import words
from cdp.insights.candidates import Candidate, Kind, Shortage
from cdp.insights.groups import compared_groups
from cdp.insights.links import link
from cdp.insights.material import Buckets, Material
from cdp.insights.periods import weak_periods
from cdp.insights.shares import Share, benjamini_hochberg
from cdp.insights.steps import drop_offs

FALSE_DISCOVERY_RATE = 0.05


@dataclass(frozen=True, slots=True)
class Numbers:
    """People, their share, and its 95 % Wilson interval."""

    count: int
    of: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """`expected` is the rate of `observed` were there nothing to find, `usual` what it is compared with; `people` how
    many more (or fewer, below 0) than at the expected rate; `lift` None where nobody was expected."""

    observed: Numbers
    usual: Numbers
    expected: float
    difference: float
    lift: float | None
    people: int
    test: str
    p: float
    corrected_p: float
    minimum_data: str


@dataclass(frozen=True, slots=True)
class Finding:
    """`link` is the query of the funnel's page that shows it. `first` and `last` are dates, both included."""

    kind: Kind
    direction: Literal["better", "worse"]
    sentence: str
    recommendation: str
    link: str
    evidence: Evidence
    step: int | None = None
    by: str | None = None
    value: Any = None
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`tested`: how many tests the correction is for."""

    findings: tuple[Finding, ...]
    shortages: tuple[Shortage, ...]
    tested: int
    false_discovery_rate: float = FALSE_DISCOVERY_RATE


@dataclass(frozen=True, slots=True)
class Kept:
    """A candidate that survived, and its corrected p value."""

    candidate: Candidate
    corrected: float


def judge(material: Material) -> Verdict:
    """The findings by falling number of people they are about."""
    parts = (drop_offs(material), weak_periods(material), compared_groups(material))
    candidates = [candidate for part in parts for candidate in part.candidates]
    kept = list(_merged(surviving(candidates)))
    kept.sort(key=lambda one: -abs(one.candidate.people))
    return Verdict(
        tuple(_finding(one, material) for one in kept),
        tuple(shortage for part in parts for shortage in part.shortages),
        len(candidates),
    )


def surviving(candidates: list[Candidate]) -> list[Kept]:
    corrected = benjamini_hochberg([candidate.p for candidate in candidates]).tolist()
    return [
        Kept(candidate, one)
        for candidate, one in zip(candidates, corrected, strict=True)
        if one <= FALSE_DISCOVERY_RATE
    ]


def _merged(kept: Iterable[Kept]) -> Iterable[Kept]:
    """Weak days in a row are one finding, as sure as the least sure of them."""
    last: Kept | None = None
    for one in kept:
        if last and last.candidate.kind == "period" == one.candidate.kind and _follows(last, one):
            last = _together(last, one)
            continue
        if last:
            yield last
        last = one
    if last:
        yield last


def _follows(last: Kept, one: Kept) -> bool:
    return last.candidate.places[-1] + 1 == one.candidate.places[0]


def _together(last: Kept, one: Kept) -> Kept:
    before, after = last.candidate, one.candidate
    observed = Share(before.observed.count + after.observed.count, before.observed.of + after.observed.of)
    expected = (before.expected * before.observed.of + after.expected * after.observed.of) / observed.of
    candidate = replace(
        before, observed=observed, expected=expected, p=max(before.p, after.p), places=before.places + after.places
    )
    return Kept(candidate, max(last.corrected, one.corrected))


def _finding(kept: Kept, material: Material) -> Finding:
    candidate = kept.candidate
    first, last = _dates(candidate, material)
    better = candidate.kind == "group" and candidate.difference > 0
    return Finding(
        kind=candidate.kind,
        direction="better" if better else "worse",
        sentence=words.sentence(candidate, material),
        recommendation=words.recommendation(candidate, material),
        link=link(candidate, material),
        evidence=_evidence(kept),
        step=candidate.step,
        by=candidate.by or None,
        value=candidate.value,
        first=first,
        last=last,
    )


def _dates(candidate: Candidate, material: Material) -> tuple[str | None, str | None]:
    if not candidate.places:
        return None, None
    buckets: Buckets = material.weeks if candidate.weekly else material.days
    return str(buckets.first[candidate.places[0]]), str(buckets.last[candidate.places[-1]])


def _evidence(kept: Kept) -> Evidence:
    candidate = kept.candidate
    return Evidence(
        observed=_numbers(candidate.observed),
        usual=_numbers(candidate.usual),
        expected=candidate.expected,
        difference=candidate.difference,
        lift=candidate.observed.rate / candidate.expected - 1 if candidate.expected else None,
        people=candidate.people,
        test=words.TESTS[candidate.kind],
        p=candidate.p,
        corrected_p=kept.corrected,
        minimum_data=words.MINIMUM[candidate.kind],
    )


def _numbers(share: Share) -> Numbers:
    return Numbers(share.count, share.of, share.rate, *share.interval)


# Stored and read back


def as_json(verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict)


def from_json(stored: Mapping[str, Any]) -> Verdict:
    """What `as_json` wrote."""
    return Verdict(
        tuple(_finding_from(each) for each in stored["findings"]),
        tuple(Shortage(**each) for each in stored["shortages"]),
        stored["tested"],
        stored["false_discovery_rate"],
    )


def _finding_from(stored: Mapping[str, Any]) -> Finding:
    evidence = stored["evidence"]
    observed, usual = Numbers(**evidence["observed"]), Numbers(**evidence["usual"])
    return Finding(**{**stored, "evidence": Evidence(**{**evidence, "observed": observed, "usual": usual})})
