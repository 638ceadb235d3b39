"""Who visits: invented people with their devices, and the kinds of customers they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cdp.demo.dice import Roll, Weighted, hexadecimal
from cdp.demo.names import CITIES, FIRST_NAMES, LAST_NAMES, MAIL_DOMAINS, PHONES
from cdp.demo.products import CATEGORIES, Product


@dataclass(frozen=True, slots=True)
class Habit:
    """A kind of customer.

    `visits`: mean number. `appears`: first visit, days before the end, from and to. `stays`: days of activity after it.
    `keen`: how far a visit leads, 1 for an average one. `joins`, `subscribes`: chance to open an account, to ask for
    e-mails. `opens`: chance to open an e-mail. `basket`: how many different products an order holds, about.
    `fades`: days before the end after which nothing is bought any more and e-mails stay closed.
    """

    name: str
    visits: float
    appears: tuple[int, int]
    stays: tuple[int, int]
    keen: float
    joins: float
    subscribes: float
    opens: float
    basket: float = 1.5
    fades: int = 0


PASSER_BY = Habit("passer-by", 1.2, (180, 0), (1, 25), 0.4, 0.01, 0.03, 0.2)
WINDOW_SHOPPER = Habit("window shopper", 4.0, (180, 0), (20, 90), 0.7, 0.1, 0.12, 0.25)
SUBSCRIBER = Habit("subscriber", 6.0, (180, 3), (60, 180), 0.7, 0.15, 0.85, 0.42)
NEWCOMER = Habit("newcomer", 6.5, (42, 0), (42, 42), 2.6, 0.6, 0.2, 0.4)
OCCASIONAL = Habit("occasional", 9.0, (180, 20), (120, 180), 2.2, 0.65, 0.3, 0.32)
LOYAL = Habit("loyal", 18.0, (180, 135), (180, 180), 5.5, 0.97, 0.5, 0.5, 2.0)
LAPSED = Habit("lapsed", 6.0, (180, 140), (35, 70), 4.5, 0.7, 0.3, 0.14, 1.5)
AT_RISK = Habit("at risk", 11.0, (180, 165), (180, 180), 9.0, 0.98, 0.6, 0.34, 2.6, 95)

_HABITS = Weighted(
    {
        PASSER_BY: 0.43,
        WINDOW_SHOPPER: 0.2,
        SUBSCRIBER: 0.11,
        NEWCOMER: 0.07,
        OCCASIONAL: 0.1,
        LOYAL: 0.045,
        LAPSED: 0.025,
        AT_RISK: 0.02,
    }
)


@dataclass(slots=True)
class Device:
    """`user_id`: who is logged in on it now. `fbc`: the last Meta click that reached it. `cart`: with quantities."""

    kind: str
    user_agent: str
    anonymous_id: str
    ip: str
    fbp: str
    fbc: str = ""
    user_id: str = ""
    is_app: bool = False
    is_shared: bool = False
    cart: list[tuple[Product, int]] = field(default_factory=list)


@dataclass(slots=True)
class Person:
    """`household`: the number of one of those with whom devices are shared."""

    number: int
    household: int
    habit: Habit
    first_name: str
    last_name: str
    email: str
    phone: str
    city: str
    region: str
    country: str
    currency: str
    favourite: str
    devices: list[Device] = field(default_factory=list)
    is_member: bool = False  # has an account
    is_known: bool = False  # has told an e-mail address
    takes_mail_since: int = 0
    spent: int = 0  # cents
    tier: str = "Base"

    @property
    def user_id(self) -> str:
        return f"NL{100_000 + self.number}"


# kind → user agents. The engines' version numbers do not matter, their words do.
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0"
_AGENTS: dict[tuple[str, str], float] = {
    ("mobile", f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1"): 30,
    ("mobile", f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Mobile Safari/537.36"): 27,
    ("tablet", f"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1"): 6,
    ("desktop", f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36"): 22,
    ("desktop", f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Safari/605.1.15"): 10,
    ("desktop", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"): 5,
}
_DEVICES = Weighted(_AGENTS)
_DESKTOPS = Weighted({each: weight for each, weight in _AGENTS.items() if each[0] == "desktop"})
_TABLETS = Weighted({each: weight for each, weight in _AGENTS.items() if each[0] == "tablet"})
_APP = ("mobile", "NorthlightOutdoor/5.4 (iPhone; iOS 18.5; Scale/3.00)")

HAS_PHONE = 0.4


class Census:
    """People one after another; a phone number is given to one of them only, and there are 5,000."""

    def __init__(self, roll: Roll, started: int) -> None:
        self._roll = roll
        self._started = started
        self._phones = list(PHONES)

    def next(self, number: int) -> Person:
        roll = self._roll
        habit = _HABITS.pick(roll())
        first, last = _one_of(roll, FIRST_NAMES), _one_of(roll, LAST_NAMES)
        city, region, country = CITIES.pick(roll())
        domain = _one_of(roll, MAIL_DOMAINS)
        person = Person(
            number=number,
            household=number,
            habit=habit,
            first_name=first,
            last_name=last,
            email=f"{first}.{last}{number}@{domain}".lower(),
            phone=self._phone(habit),
            city=city,
            region=region,
            country=country,
            currency="CAD" if country == "CA" else "USD",
            favourite=_one_of(roll, CATEGORIES),
        )
        person.devices = self._devices(number, habit)
        return person

    def household_tablet(self, number: int) -> Device:
        tablet = self._device(number, _TABLETS.pick(self._roll()))
        tablet.is_shared = True
        return tablet

    def _phone(self, habit: Habit) -> str:
        wanted = habit.joins > 0.5 and self._roll() < HAS_PHONE and self._phones
        return self._phones.pop() if wanted else ""

    def _devices(self, number: int, habit: Habit) -> list[Device]:
        roll = self._roll
        devices = [self._device(number, _DEVICES.pick(roll()))]
        if habit.visits > 3 and roll() < 0.4:
            second = _DESKTOPS if devices[0].kind != "desktop" else _DEVICES
            devices.append(self._device(number, second.pick(roll())))
        if habit.joins > 0.5 and roll() < 0.2:
            devices.append(self._device(number, _APP))
        return devices

    def _device(self, number: int, model: tuple[str, str]) -> Device:
        roll = self._roll
        kind, agent = model
        anonymous = hexadecimal(roll, 32)
        return Device(
            kind=kind,
            user_agent=agent,
            anonymous_id=f"{anonymous[:8]}-{anonymous[8:12]}-4{anonymous[13:16]}-a{anonymous[17:20]}-{anonymous[20:]}",
            ip=f"198.{18 + (number >> 16) % 2}.{number >> 8 & 255}.{number & 255}",
            fbp=f"fb.1.{self._started}.{int(roll() * 9e9) + 1_000_000_000}",
            is_app=model is _APP,
        )


def _one_of(roll: Roll, options: Sequence[str]) -> str:
    return options[int(roll() * len(options))]
