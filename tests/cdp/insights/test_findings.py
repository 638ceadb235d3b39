"""What was planted is found, what was shuffled is not, and what is too little is said to be."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from benchmarks import insights as shops
from benchmarks.insights import Shop
from cdp.insights.candidates import Candidate
from cdp.insights.groups import within_days
from cdp.insights.material import Material
from cdp.insights.report import as_json, from_json, judge, surviving
from cdp.insights.shares import Share
from cdp.insights.usual import departure

SEEDS = range(12)


def material(shop: Shop, seed: int = 1) -> Material:
    return shops.material(*shops.people(shop, seed))


def test_a_planted_step_is_found() -> None:
    verdict = judge(material(Shop(step=0.75)))
    found = next(one for one in verdict.findings if one.kind == "step")
    assert (found.step, found.direction) == (1, "worse")
    assert "“add_to_cart” and “initiate_checkout”" in found.sentence
    assert found.first == str(shops.START + timedelta(days=shops.HISTORY_DAYS))
    assert found.link == f"from={found.first}&to={found.last}&compare=previous"
    evidence = found.evidence
    assert evidence.p <= evidence.corrected_p <= 0.05
    assert evidence.observed.low < evidence.observed.rate < evidence.observed.high
    assert evidence.people == round((evidence.observed.rate - evidence.expected) * evidence.observed.of) > 0


def test_a_planted_day_is_found() -> None:
    verdict = judge(material(Shop(day=0.3)))
    weak = shops.START + timedelta(days=shops.WEAK_DAY)
    (found,) = (one for one in verdict.findings if one.kind == "period")
    assert (found.first, found.last, found.direction) == (str(weak), str(weak), "worse")
    assert found.evidence.people < 0
    assert found.link == f"from={weak - timedelta(days=28)}&to={weak}&tab=trend&interval=day"


def test_a_planted_platform_is_found() -> None:
    verdict = judge(material(Shop(platform=0.5)))
    (found,) = (one for one in verdict.findings if one.kind == "group" and one.value == "tiktok")
    assert (found.by, found.direction, found.step) == ("platform", "worse", 0)
    assert found.sentence.startswith("Platform “tiktok” converts worse than the rest: ")
    assert "between “page_view” and “add_to_cart”" in found.recommendation
    assert "tab=breakdown&breakdown=platform&attribution=step%3A0" in found.link
    lift = found.evidence.lift
    assert lift is not None
    assert lift == pytest.approx(found.evidence.observed.rate / found.evidence.usual.rate - 1)


def test_a_better_platform_is_better() -> None:
    verdict = judge(material(Shop(platform=1.8)))
    (found,) = (one for one in verdict.findings if one.value == "tiktok")
    assert found.direction == "better"
    assert found.evidence.people > 0


def test_weak_days_in_a_row_are_one_finding() -> None:
    day, platform, depth = shops.people(Shop(), 1)
    broken = (day >= shops.WEAK_DAY) & (day < shops.WEAK_DAY + 3)
    found = judge(shops.material(day, platform, np.where(broken, np.minimum(depth, 3), depth))).findings
    (weak,) = (one for one in found if one.kind == "period")
    first = shops.START + timedelta(days=shops.WEAK_DAY)
    assert (weak.first, weak.last) == (str(first), str(first + timedelta(days=2)))
    assert weak.evidence.observed.count == 0


def test_shuffled_people_show_nothing() -> None:
    everything = Shop(step=0.8, day=0.3, platform=0.6)
    alarms = [seed for seed in SEEDS if shops.people_shuffled(everything, seed).findings]
    assert len(alarms) <= 1


def test_shops_with_scatter_and_seasons_show_nothing() -> None:
    alarms = [seed for seed in SEEDS if shops.shop_verdict(Shop(scatter=0.2), seed).findings]
    assert len(alarms) <= 2


def test_days_that_differ_widen_the_test() -> None:
    """The same totals: once every week at the same rate, once the weeks spread around it."""
    trials = np.full(20, 1_000)
    judged = np.arange(20) >= 18
    level = np.ones((20, 1))
    steady = np.where(judged, 440, 500)
    spread = steady + np.resize([60, -60], 20)
    calm = departure(steady, trials, level, judged.astype(float))
    wild = departure(spread, trials, level, judged.astype(float))
    assert calm.difference == pytest.approx(wild.difference) == pytest.approx(-0.06)
    assert calm.scatter == 0 < wild.scatter
    assert calm.lower_tail < 0.001 < 0.05 < wild.lower_tail


def test_a_campaign_is_not_blamed_for_its_days() -> None:
    """It ran on bad days only, and was as good as the rest on each of them."""
    hits, trials = np.array([0] * 10 + [10] * 10), np.array([0] * 10 + [100] * 10)
    all_hits, all_trials = np.array([200] * 10 + [100] * 10), np.full(20, 1_000)
    p = within_days(hits, trials, all_hits, all_trials)
    assert p == pytest.approx(1)


def test_few_days_are_not_compared() -> None:
    days = np.full(6, 100)
    assert within_days(days // 10, days, days, days * 5) is None


def test_everything_tested_counts_for_the_correction() -> None:
    candidate = Candidate("group", Share(10, 100), Share(50, 1_000), 0.05, 0.03, by="platform", value="meta")
    assert surviving([candidate])
    assert not surviving([candidate, replace(candidate, p=0.9)])


def test_too_little_history_is_said() -> None:
    whole = material(Shop())
    weeks = whole.weeks
    short = replace(weeks, first=weeks.first[20:], last=weeks.last[20:], counts=weeks.counts[20:], judged=6)
    sentences = [each.sentence for each in judge(replace(whole, weeks=short)).shortages]
    assert sentences == [
        "Drop-off against its own history needs 8 weeks of events before the range; there are 6.",
    ]


def test_too_few_people_are_said() -> None:
    verdict = judge(material(Shop(entries=2)))
    assert not verdict.tested
    assert [each.kind for each in verdict.shortages] == ["step", "period", "group"]
    step, period, group = (each.sentence for each in verdict.shortages)
    assert step.startswith("Too few people reached “page_view”, “add_to_cart”, “initiate_checkout” to judge")
    assert "28 days or 8 weeks with 30 entries each must come before them" in period
    assert "need 30 entries each, on 7 complete days, with 5 expected to convert" in group


def test_small_shops_are_judged_by_week() -> None:
    verdict = judge(material(Shop(entries=20, scatter=0)))
    assert not any(each.kind == "period" for each in verdict.shortages)
    assert verdict.tested == 3 + 4 + 4


def test_what_is_stored_comes_back() -> None:
    verdict = judge(material(Shop(step=0.85, day=0.05, platform=0.5)))
    assert {one.kind for one in verdict.findings} == {"step", "period", "group"}
    assert from_json(as_json(verdict)) == verdict


def test_in_any_order_steps_are_counted() -> None:
    verdict = judge(replace(material(Shop(step=0.75)), any_order=True))
    assert any("any 2 and any 3 of the 4 steps" in one.sentence for one in verdict.findings)
