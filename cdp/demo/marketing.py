"""Where visits come from: campaigns on Meta and Google, a little TikTok, search, links, and the shop's e-mails."""

from dataclasses import dataclass

from cdp.demo.dice import Weighted
from cdp.demo.seasons import Seasons


@dataclass(frozen=True, slots=True)
class Campaign:
    """`quality` scales how far its visitors get; `runs` are days before the end, from and to."""

    name: str
    source: str
    medium: str
    click_id: str = ""
    quality: float = 1.0
    category: str = ""
    referrer: str = ""
    runs: tuple[int, int] = (181, -1)

    @property
    def is_tagged(self) -> bool:
        return bool(self.medium)


DIRECT = Campaign("", "", "", quality=1.1)
ORGANIC = Campaign("", "", "", quality=1.05, referrer="https://www.google.com/")
REFERRALS = (
    Campaign("", "", "", quality=1.0, referrer="https://trail-talk.example/best-tents"),
    Campaign("", "", "", quality=0.9, referrer="https://gear-review.example/boots"),
)
RETARGETING = Campaign("Retargeting - Cart Abandoners", "facebook", "paid_social", "fbclid", 2.2)

_PAID: dict[Campaign, float] = {
    Campaign("Summer Sale 2026", "facebook", "paid_social", "fbclid", 1.1, "Tents", runs=(165, 105)): 30,
    Campaign("Brand Awareness Q1", "instagram", "paid_social", "fbclid", 0.4): 22,
    Campaign("Prospecting - Lookalike 2%", "facebook", "paid_social", "fbclid", 0.75, "Outerwear"): 26,
    Campaign("Holiday Promo 2026", "facebook", "paid_social", "fbclid", 1.15, "Outerwear", runs=(32, -1)): 34,
    RETARGETING: 3,
    Campaign("Search - Brand", "google", "cpc", "gclid", 1.6): 22,
    Campaign("Search - Hiking Boots", "google", "cpc", "gclid", 1.2, "Footwear"): 24,
    Campaign("Performance Max - Camping", "google", "cpc", "gclid", 0.95, "Sleeping Bags"): 20,
    Campaign("Holiday Promo 2026 - Search", "google", "cpc", "gclid", 1.25, "Outerwear", runs=(32, -1)): 18,
    Campaign("Creator Series", "tiktok", "paid_social", "ttclid", 0.45, "Backpacks", runs=(95, -1)): 12,
}
_FREE: dict[Campaign, float] = {DIRECT: 52, ORGANIC: 58, REFERRALS[0]: 12, REFERRALS[1]: 8}


@dataclass(frozen=True, slots=True)
class Mailing:
    """An e-mail to everybody who asked for e-mails, or to those who have not bought for long (`win_back`)."""

    id: str
    name: str
    subject: str
    at: int
    win_back: bool = False


CART_REMINDER = ("abandoned-cart", "Abandoned Cart Reminder", "You left something behind")
WELCOME = ("welcome", "Welcome Series", "Welcome to Northlight Outdoor")
_NEWS = ("Trail Notes", "Routes, repairs and one good recipe")


class Marketing:
    """What ran when."""

    def __init__(self, seasons: Seasons) -> None:
        self._seasons = seasons
        days = range(-1, 182)
        self._paid = [Weighted({each: weight for each, weight in _PAID.items() if _runs(each, day)}) for day in days]
        self._free = Weighted(_FREE)
        self.mailings = sorted(_mailings(seasons), key=lambda mailing: mailing.at)

    def paid(self, u: float, at: int) -> Campaign:
        return self._paid[1 + int((self._seasons.end - at) / 86_400_000)].pick(u)

    def free(self, u: float) -> Campaign:
        return self._free.pick(u)


def of_mailing(name: str) -> Campaign:
    return Campaign(name, "newsletter", "email", quality=1.7)


def _runs(campaign: Campaign, day: int) -> bool:
    return campaign.runs[1] <= day <= campaign.runs[0]


def _mailings(seasons: Seasons) -> list[Mailing]:
    news = [_newsletter(seasons, number, day) for number, day in enumerate(range(175, 1, -14), start=1)]
    blasts = [
        ("summer-sale", "Summer Sale 2026", "Tents up to 30 % off", 164),
        ("summer-last", "Summer Sale 2026", "Last days of the Summer Sale", 108),
        ("holiday-open", "Holiday Promo 2026", "The Holiday Promo is open", 31),
        ("holiday-gifts", "Holiday Promo 2026", "Gifts that get used", 12),
    ]
    sales = [Mailing(key, name, subject, seasons.local_hour(day, 9)) for key, name, subject, day in blasts]
    weekend = Mailing("gear-weekend", "Gear Up Weekend", "The Gear Up Weekend starts now", seasons.peak[0] + 25_200_000)
    back = [
        Mailing(f"miss-you-{day}", "We Miss You", "It has been a while", seasons.local_hour(day, 11), win_back=True)
        for day in (75, 50, 25, 8)
    ]
    return [*news, *sales, weekend, *back]


def _newsletter(seasons: Seasons, number: int, day: int) -> Mailing:
    name, subject = _NEWS
    return Mailing(f"trail-notes-{number}", name, f"{name} {number}: {subject}", seasons.local_hour(day, 10))
