"""Two months of the shop's signals, and of what its automation wanted: told for each quarter of a day.

Three weeks before the end a release of the mobile checkout stops sending e-mail addresses and phone numbers, the same
week in which mobile orders break down: Meta can match fewer and fewer events. A first repair helps half and loses some
orders, the second helps wholly. On the sale weekend before, a new tag sends no event ids. Google's login is lost for a
day, nine days before the end the tag is missing for an afternoon, and two days before it Google fails for a night.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cdp.demo.dice import Roll, Weighted, roll
from cdp.demo.seasons import BROKEN_FROM

STEP = 6  # hours between two looks
DAYS = 60
HOUR = 3_600.0
REPAIRED_HALF, REPAIRED = 17.0, 14.0  # days before the end
LOGGED_OUT = (36.0, 35.0)
FAILING = (2.1, 1.4)
TAG_MISSING = (9.0, 8.6)
LATE_BATCH = (28.0, 27.4)
WITHOUT_IDS = (47.0, 43.0)  # the sale weekend
WITHOUT_MATCH = (7.8, 5.4, 4.3, 3.4, 3.1)  # EMQ as the days of the incident pass
DRY_RUNS = 0.08
BY_HAND = 0.35  # the rest comes from rules

RULES = ("Scale winners", "Cut losers", "Budget pacing", "Bid to target CPA")


@dataclass(frozen=True, slots=True)
class Told:
    """A reading. `platform` is empty for the shop's own events."""

    platform: str
    signal: str
    value: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What was wanted: a change of `before` to `after` in dollars, or of a status."""

    action: str
    type: str
    id: str
    name: str
    platform: str
    account: str
    change: str
    before: int
    after: int


_THINGS = Weighted(
    {
        ("Campaign", "6101", "Brand Awareness Q1", "meta"): 10,
        ("Campaign", "6102", "Prospecting - Lookalike 2%", "meta"): 14,
        ("Campaign", "6103", "Holiday Promo 2026", "meta"): 14,
        ("Ad Set", "6201", "Retargeting - Cart Abandoners", "meta"): 14,
        ("Ad Set", "6202", "Lookalike 2% - Outerwear", "meta"): 8,
        ("Creative", "6301", "Holiday video 15 s", "meta"): 6,
        ("Creative", "6302", "Carousel - Boots", "meta"): 4,
        ("Campaign", "7101", "Search - Brand", "google"): 9,
        ("Campaign", "7102", "Search - Hiking Boots", "google"): 10,
        ("Campaign", "7103", "Performance Max - Camping", "google"): 10,
        ("Campaign", "7104", "Holiday Promo 2026 - Search", "google"): 8,
    }
)
_BUSY = Weighted({0: 0.12, 1: 0.24, 2: 0.34, 3: 0.2, 4: 0.1})  # how many wishes at one look
_ACCOUNTS = {"meta": "act_204881", "google": "555-010-2026"}
_WISHES = {
    "Campaign": Weighted(
        {
            "budget_increase": 32,
            "budget_decrease": 20,
            "scale_budget": 9,
            "set_budget": 7,
            "bid_increase": 12,
            "bid_decrease": 11,
            "pause_campaign": 5,
            "enable_campaign": 4,
        }
    ),
    "Ad Set": Weighted({"budget_increase": 30, "budget_decrease": 20, "pause_adset": 20, "enable_adset": 10}),
    "Creative": Weighted({"pause_creative": 70, "enable_creative": 30}),
}


def looks(days: int) -> range:
    """The numbers of the looks, the oldest first; the last one, 0, is at the end of the story."""
    return range(days * 24 // STEP - 1, -1, -1)


def readings(seed: int, look: int) -> Iterator[Told]:
    """What was measured `look` quarter days before the end."""
    dice, ago = roll(f"{seed} signals {look}"), look * STEP / 24
    match, other = _meta_match(ago) + _noise(dice, 0.15), 8.1 + _noise(dice, 0.2)
    yield Told("meta", "emq", round(match, 1), "Event match quality of Purchase, as Meta reports it.")
    yield Told("google", "emq", round(other, 1), "Matched share of enhanced conversions, as Google reports it.")
    yield Told("meta", "api_health", _few(dice, 0.25), "Of the last 50 calls.")
    yield Told("google", "api_health", *_google_calls(dice, ago))
    yield Told("meta", "variance", _variance(dice, ago), "Purchases by Meta against the orders.")
    yield Told("google", "variance", round(0.02 + 0.04 * dice(), 3), "Conversions by Google against the orders.")
    yield Told("", "freshness", *_freshness(dice, ago))
    yield Told("", "volume", *_volume(dice, ago))
    yield Told("", "coverage", *_coverage(dice, ago))
    yield Told("", "dedup", *_dedup(dice, ago))


def wishes(seed: int, look: int) -> tuple[list[Wish], str, bool]:
    """What was to be done then, by which rule (by a person without one), and whether it was only tried."""
    dice = roll(f"{seed} wishes {look}")
    rule = "" if dice() < BY_HAND else RULES[int(dice() * len(RULES))]
    is_dry_run = dice() < DRY_RUNS
    things = [_THINGS.pick(dice()) for _ in range(_BUSY.pick(dice()))]
    return [_wish(dice, _WISHES[thing[0]].pick(dice()), *thing) for thing in things], rule, is_dry_run


def _wish(dice: Roll, action: str, kind: str, number: str, name: str, platform: str) -> Wish:
    before, step = 50 * int(2 + 20 * dice()), 5 * int(1 + 4 * dice())
    sign = -1 if action.endswith("decrease") else 1
    is_money = "budget" in action or "bid" in action
    after = round(before * (100 + sign * step) / 100)
    field = "bid" if "bid" in action else "budget"
    return Wish(
        action=action,
        type=kind,
        id=number,
        name=name,
        platform=platform,
        account=_ACCOUNTS[platform],
        change=f"{sign * step:+d}% {field}" if is_money else "",
        before=before if is_money else 0,
        after=after if is_money else 0,
    )


def _meta_match(ago: float) -> float:
    if not REPAIRED < ago <= BROKEN_FROM:
        return WITHOUT_MATCH[0]
    if ago <= REPAIRED_HALF:
        return 4.6 + 2.2 * (REPAIRED_HALF - ago) / (REPAIRED_HALF - REPAIRED)
    return WITHOUT_MATCH[min(1 + int(BROKEN_FROM - ago), len(WITHOUT_MATCH) - 1)]


def _variance(dice: Roll, ago: float) -> float:
    usual = 0.03 + 0.03 * dice()
    return round(usual + (0.19 if REPAIRED_HALF < ago <= BROKEN_FROM - 1 else 0), 3)


def _google_calls(dice: Roll, ago: float) -> tuple[float, str]:
    if LOGGED_OUT[1] < ago <= LOGGED_OUT[0]:
        return 1.0, "The login was lost: the refresh token had expired."
    if FAILING[1] < ago <= FAILING[0]:
        return 0.18, "Google failed nine of the last 50 calls."
    return _few(dice, 0.2), "Of the last 50 calls."


def _freshness(dice: Roll, ago: float) -> tuple[float, str]:
    if LATE_BATCH[1] < ago <= LATE_BATCH[0]:
        return 5.5 * HOUR, "The shop server's batch of orders hung for half a day."
    return round(240 + 900 * dice()), "From an event to its arrival, 95th percentile of 24 h."


def _volume(dice: Roll, ago: float) -> tuple[float, str]:
    if TAG_MISSING[1] < ago <= TAG_MISSING[0]:
        return 0.0004, "A release of the website left the tag out: 41 events where about 380 are usual."
    return round(0.06 + 0.9 * dice(), 3), "Against the same hours of the last 8 weeks."


def _coverage(dice: Roll, ago: float) -> tuple[float, str]:
    if REPAIRED + 0.5 < ago <= REPAIRED_HALF:
        return 0.84, "The repaired checkout sent one order in six with an empty user, and it was refused."
    return round(0.985 + 0.015 * dice(), 3), "Of the orders that the shop's server sent."


def _dedup(dice: Roll, ago: float) -> tuple[float, str]:
    if WITHOUT_IDS[1] < ago <= WITHOUT_IDS[0]:
        return 0.52, "The new tag of the sale sent orders without an event id."
    return round(0.96 + 0.04 * dice(), 3), "Of the orders that browser and server both sent."


def _few(dice: Roll, chance: float) -> float:
    """Mostly no failed call, now and then one of fifty."""
    return 0.02 if dice() < chance else 0.0


def _noise(dice: Roll, width: float) -> float:
    return width * (dice() + dice() - 1)
