"""What insights find and what they only seem to find: `python -m benchmarks.insights --seeds 200`.

Invented shops with weekday seasons in traffic and conversion, growing traffic, drifting conversion and days that differ
by more than chance draws of people. Without an effect, each shop in which anything is found counts as a false alarm;
with a planted effect, the share of shops in which it is found is the power. Prints markdown.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from cdp.engine import open_engine
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.batches import EventBatch
from cdp.engine.funnels import Breakdown, ByProperty, FunnelSpec, Step
from cdp.insights.material import NO_VALUE, Buckets, Dimension, Material
from cdp.insights.report import Verdict, judge

HISTORY_DAYS, RANGE_DAYS = 26 * 7, 28
DAYS_BEFORE = 56
DAYS = HISTORY_DAYS + RANGE_DAYS
STEPS = ("page_view", "add_to_cart", "initiate_checkout", "purchase")
PASSAGE = (0.30, 0.55, 0.60)
WEEKDAYS = np.array([0.94, 0.96, 1.0, 0.98, 0.9, 1.08, 1.24])
SALE = np.array([1.0, 1.0, 1.02, 1.0, 1.03, 0.93, 0.9])  # weekends look more and buy less
PLATFORMS = ("meta", "google", "tiktok", "email")
PLATFORM_SHARES = (0.40, 0.35, 0.10, 0.15)
START = date(2026, 1, 5)
WEAK_DAY = HISTORY_DAYS + 16


@dataclass(frozen=True)
class Shop:
    """`scatter`: between days, as the standard deviation of the log rate; `memory`: its correlation from day to day.

    `step` multiplies the passage to checkout in the range, `day` the passage to the cart on the weak day, `platform`
    that of tiktok.
    """

    entries: int = 600
    scatter: float = 0.08
    memory: float = 0.0
    drift: float = 0.0
    short_campaign: bool = False
    step: float = 1.0
    day: float = 1.0
    platform: float = 1.0


def people(shop: Shop, seed: int) -> tuple[Ints, Ints, Ints]:
    """Day, platform and depth of everybody."""
    dice = np.random.default_rng(seed)
    day = np.arange(DAYS)
    traffic = shop.entries * WEEKDAYS[day % 7] * (1 + 0.3 * day / DAYS) * dice.lognormal(0, 0.1, DAYS)
    entered = np.repeat(day, dice.poisson(traffic))
    platform = dice.choice(len(PLATFORMS), len(entered), p=PLATFORM_SHARES)
    if shop.short_campaign:
        platform[(platform == 2) & ((entered < DAYS - 14) | (entered >= DAYS - 5))] = 0
    depth = np.ones(len(entered), np.int64)
    for step, passage in enumerate(PASSAGE):
        rate = passage * SALE[day % 7] ** (step == 0) * np.exp(weather(shop, dice) + shop.drift * day / DAYS)
        chance = rate[entered]
        if step == 0:
            chance = chance * np.where(entered == WEAK_DAY, shop.day, 1) * np.where(platform == 2, shop.platform, 1)
        if step == 1:
            chance = chance * np.where(entered >= HISTORY_DAYS, shop.step, 1)
        depth += (depth == step + 1) & (dice.random(len(entered)) < chance)
    return entered, platform, depth


def weather(shop: Shop, dice: np.random.Generator) -> NDArray[np.float64]:
    """What makes a day better or worse than others."""
    noise = dice.normal(0, shop.scatter, DAYS)
    for one in range(1, DAYS):
        noise[one] = shop.memory * noise[one - 1] + np.sqrt(1 - shop.memory**2) * noise[one]
    return noise


def material(day: Ints, platform: Ints, depth: Ints) -> Material:
    counts = np.stack([np.bincount(day[depth > step], minlength=DAYS) for step in range(len(STEPS))], axis=1)
    dates = [START + timedelta(days=one) for one in range(DAYS + 1)]
    first = HISTORY_DAYS - DAYS_BEFORE
    days = Buckets(tuple(dates[first:-1]), tuple(dates[first:-1]), counts[first:], DAYS_BEFORE)
    weekly = counts.reshape(DAYS // 7, 7, len(STEPS)).sum(axis=1)
    weeks = Buckets(tuple(dates[:-1:7]), tuple(dates[6::7]), weekly, HISTORY_DAYS // 7)
    part = day >= HISTORY_DAYS
    dimension = Dimension("platform", PLATFORMS, platform[part], day[part] - HISTORY_DAYS, depth[part])
    return Material(STEPS, False, days, weeks, (dimension,))


def shop_verdict(shop: Shop, seed: int) -> Verdict:
    return judge(material(*people(shop, seed)))


def days_shuffled(shop: Shop, seed: int) -> Verdict:
    """Whole days change places, and people their platforms."""
    dice = np.random.default_rng(seed)
    day, platform, depth = people(shop, seed)
    return judge(material(dice.permutation(DAYS)[day], dice.permutation(platform), depth))


def people_shuffled(shop: Shop, seed: int) -> Verdict:
    """How far somebody got is dealt anew over all days and platforms."""
    day, platform, depth = people(shop, seed)
    return judge(material(day, platform, np.random.default_rng(seed).permutation(depth)))


def found_step(verdict: Verdict) -> bool:
    return any(one.kind == "step" and one.step == 1 for one in verdict.findings)


def found_day(verdict: Verdict) -> bool:
    weak = str(START + timedelta(days=WEAK_DAY))
    return any(
        one.first and one.last and one.first <= weak <= one.last and one.kind == "period" for one in verdict.findings
    )


def found_platform(verdict: Verdict) -> bool:
    return any(one.kind == "group" and one.value == "tiktok" for one in verdict.findings)


Judge = Callable[[Shop, int], Verdict]
NOTHING: dict[str, tuple[Judge, Shop]] = {
    "people alone differ": (shop_verdict, Shop(scatter=0)),
    "days differ by 8%": (shop_verdict, Shop()),
    "days differ by 20%": (shop_verdict, Shop(scatter=0.2)),
    "small shop (100 entries a day)": (shop_verdict, Shop(entries=100)),
    "large shop (3,000 a day)": (shop_verdict, Shop(entries=3_000)),
    "conversion drifts by 20% over 30 weeks": (shop_verdict, Shop(drift=0.2)),
    "a campaign of 9 days, days differ by 20%": (shop_verdict, Shop(scatter=0.2, short_campaign=True)),
    "days resemble the day before (correlation 0.5)": (shop_verdict, Shop(memory=0.5)),
    "step and platform effects, days and platforms shuffled": (days_shuffled, Shop(step=0.8, platform=0.6)),
    "all effects, people shuffled": (people_shuffled, Shop(step=0.8, day=0.3, platform=0.6)),
}
PLANTED: dict[str, tuple[Callable[[Verdict], bool], Callable[[float], Shop], tuple[float, ...]]] = {
    "a step keeps fewer, for 4 weeks": (found_step, lambda size: Shop(step=1 - size), (0.05, 0.1, 0.15, 0.2, 0.3)),
    "one weak day": (found_day, lambda size: Shop(day=1 - size), (0.2, 0.3, 0.4, 0.5, 0.7)),
    "a platform of 10% converts worse": (
        found_platform,
        lambda size: Shop(platform=1 - size),
        (0.1, 0.15, 0.2, 0.3, 0.5),
    ),
}


def alarms(name: str, seeds: int) -> tuple[int, int, int]:
    """Shops with a false finding, false findings in all, and tests in all."""
    judged, shop = NOTHING[name]
    verdicts = [judged(shop, seed) for seed in range(seeds)]
    return (
        sum(bool(one.findings) for one in verdicts),
        sum(len(one.findings) for one in verdicts),
        sum(one.tested for one in verdicts),
    )


def print_alarms(seeds: int) -> None:
    print(f"| nothing to find | shops with a false finding (of {seeds}) | false findings per test |\n|---|---|---|")
    for name in NOTHING:
        shops, findings, tests = alarms(name, seeds)
        print(f"| {name} | {100 * shops / seeds:.1f}% | {100 * findings / tests:.2f}% |", flush=True)


def print_power(seeds: int) -> None:
    print("\n| planted | " + " | ".join(f"size {n}" for n in range(1, 6)) + " |\n|---|" + "---|" * 5)
    for name, (found, shop, sizes) in PLANTED.items():
        cells = []
        for size in sizes:
            hits = sum(found(shop_verdict(shop(size), seed)) for seed in range(seeds))
            cells.append(f"−{100 * size:.0f}%: {100 * hits / seeds:.0f}%")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


# Through the engine

DAY = 86_400_000_000
FIRST_US = int(np.datetime64(START, "us").astype(np.int64))


def fill(engine: Engine, day: Ints, platform: Ints, depth: Ints, seed: int) -> None:
    """One event for each step reached, ten minutes apart."""
    dice = np.random.default_rng(seed)
    who = np.repeat(np.arange(len(day)), depth)
    step = np.arange(len(who)) - np.repeat(np.cumsum(depth) - depth, depth)
    ts = FIRST_US + day[who] * DAY + dice.integers(0, DAY, len(day))[who] + step * 600_000_000
    batch = EventBatch(
        seq=np.arange(len(who)) + 1,
        profile=who + 1,
        ts=ts,
        received=ts,
        name=[STEPS[one] for one in step.tolist()],
        kind=np.zeros(len(who), np.uint8),
        properties=[{"$platform": PLATFORMS[one]} for one in platform[who].tolist()],
    )
    with engine.writing(10) as writer:
        writer.append(batch)
        writer.commit({"seed": seed})


def engine_material(engine: Engine) -> Material:
    as_of = FIRST_US + (DAYS + 8) * DAY
    spec = FunnelSpec(
        tuple(Step((name,)) for name in STEPS), "ordered", 7 * DAY, "unique", FIRST_US, FIRST_US + DAYS * DAY
    )

    def counted(first: int, size: int) -> Ints:
        edges = [FIRST_US + day * DAY for day in range(first, DAYS + 1, size)]
        buckets = engine.trend(spec, edges, as_of)
        return np.array([[step.count for step in bucket.answer.steps] for bucket in buckets], np.int64)

    judged = replace(
        spec, start=FIRST_US + HISTORY_DAYS * DAY, breakdown=Breakdown(ByProperty("$platform", "step", 0), 20)
    )
    entered = engine.funnel_people(judged, as_of)
    assert entered.group is not None
    dates = [START + timedelta(days=one) for one in range(DAYS + 1)]
    first = HISTORY_DAYS - DAYS_BEFORE
    values = tuple(value for value in entered.groups if isinstance(value, str))
    group = np.where(entered.group < len(values), entered.group, NO_VALUE)
    platform = Dimension("platform", values, group, (entered.entry_ts - judged.start) // DAY, entered.depth)
    return Material(
        STEPS,
        False,
        Buckets(tuple(dates[first:-1]), tuple(dates[first:-1]), counted(first, 1), DAYS_BEFORE),
        Buckets(tuple(dates[:-1:7]), tuple(dates[6::7]), counted(0, 7), HISTORY_DAYS // 7),
        (platform,),
    )


def print_engine_run() -> None:
    everything = Shop(step=0.7, day=0.4, platform=0.5)
    told = people(everything, 1)
    with tempfile.TemporaryDirectory(prefix="insights-") as folder:
        engine = open_engine(f"columnar://{folder}", 1)
        fill(engine, *told, seed=1)
        verdict = judge(engine_material(engine))
    print(f"\nThrough the engine, {len(told[0]):,} people, all three effects planted:\n")
    for finding in verdict.findings:
        print(f"- {finding.sentence} (corrected p {finding.evidence.corrected_p:.2g})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    seeds = parser.parse_args().seeds
    print_alarms(seeds)
    print_power(seeds)
    print_engine_run()


if __name__ == "__main__":
    main()
