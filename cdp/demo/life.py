"""One person's half year: visits, baskets, orders, e-mails, told as moments in no particular order."""

from bisect import insort
from dataclasses import dataclass, field
from typing import Any

from cdp.demo import wire
from cdp.demo.dice import Roll, hexadecimal, waiting
from cdp.demo.marketing import (
    CART_REMINDER,
    DIRECT,
    RETARGETING,
    WELCOME,
    Campaign,
    Mailing,
    Marketing,
    of_mailing,
)
from cdp.demo.people import AT_RISK, LAPSED, Device, Person
from cdp.demo.products import SHELF_PATHS, SHELVES, Product
from cdp.demo.seasons import DAY, HOUR, Seasons
from cdp.demo.wire import Happening, Introduction, Page, Telling, Visit

# (ms, number, telling, visit, user id, detail): the number keeps equal instants apart and in order.
Moment = tuple[int, int, Telling, Visit, str, Any]

ANY = -1
FIRST_TAG_UNTIL = 120  # days before the end: then the shop moved to Segment's names
HOME = Page("Home", "/")
CART = Page("Cart", "/cart")

# Chances of the next step of an average visitor; `keen` and the campaign move them.
VIEWS, ADDS, CHECKS_OUT = 0.48, 0.16, 0.3
PAYS = {"desktop": 0.72, "tablet": 0.6, "mobile": 0.5}
PAYS_WHILE_BROKEN = 0.1  # on mobile, in the week in which the payment form did not load
PEAK_ZEAL = 1.35
PAID_FIRST, PAID_LATER, MAILED = 0.52, 0.24, 0.3
LOGS_IN = 0.5
ORDER_FROM_BROWSER_TOO = 0.84  # the rest is lost to ad blockers and known to the server only
REFUNDED = 0.04
TIERS = (("Summit", 90_000), ("Trail", 30_000))  # cents spent
SHIPPING, FREE_FROM = 695, 7_500


@dataclass(slots=True)
class World:
    """What all lives share. `pace` scales how often people come."""

    seasons: Seasons
    marketing: Marketing
    pace: float
    moments: list[Moment] = field(default_factory=list)


class Life:
    """Tells the moments of one person into `world.moments`."""

    __slots__ = (
        "_cart",
        "_clicked",
        "_clock",
        "_due",
        "_joins_at",
        "_keen",
        "_orders",
        "_person",
        "_roll",
        "_visits",
        "_world",
    )

    def __init__(self, person: Person, world: World, roll: Roll) -> None:
        self._person = person
        self._world = world
        self._roll = roll
        self._clock = 0
        self._cart: list[tuple[Product, int]] = []
        self._clicked: dict[str, int] = {}
        self._orders = 0
        self._visits = 0
        self._keen = person.habit.keen
        self._due = self._visit_times()
        self._joins_at = 1 + int(self._roll() * min(4, len(self._due)))

    def live(self) -> None:
        while self._due:
            self._visit(*self._due.pop(0))
        if self._person.takes_mail_since:
            self._read_mailings()

    # Coming

    def _visit_times(self) -> list[tuple[int, int]]:
        """(when, on which device); `ANY` is for most visits."""
        habit, seasons, roll = self._person.habit, self._world.seasons, self._roll
        first = seasons.draw(roll(), *map(seasons.days_before_end, habit.appears))
        stay = int(DAY * (habit.stays[0] + roll() * (habit.stays[1] - habit.stays[0])))
        last = min(seasons.end, first + stay)
        liveliness = (waiting(roll(), 0.5) + waiting(roll(), 0.5)) / 1000
        more = int(habit.visits * self._world.pace * liveliness * (last - first) / stay + roll()) - 1
        times = [seasons.draw(roll(), first, self._leaves_early(last)) for _ in range(more)]
        return sorted((at, ANY) for at in [first, *times])

    def _leaves_early(self, last: int) -> int:
        fades = self._person.habit.fades
        return self._world.seasons.days_before_end(fades) if fades and self._roll() < 0.88 else last

    def _visit(self, at: int, place: int) -> None:
        self._clock = at
        self._visits += 1
        is_return = place != ANY
        device = self._person.devices[place] if is_return else self._device()
        if device.is_shared:  # each of the household logs in anew, or not
            device.user_id, device.cart = "", []
        self._cart = device.cart
        campaign = self._campaign(at, is_return)
        if self._visits == 1:
            self._keen *= campaign.quality**0.5  # whom a campaign attracts matters for ever
        click = hexadecimal(self._roll, 26) if campaign.click_id else ""
        if campaign.click_id == "fbclid":
            click = f"IwAR{click}"
            device.fbc = f"fb.1.{at}.{click}"
        is_first_tag = device.is_app or at < self._world.seasons.days_before_end(FIRST_TAG_UNTIL)
        visit = Visit(self._person, device, campaign, is_first_tag, click, device.fbc)
        self._land(visit)
        if self._cart and (is_return or self._roll() < 0.3):
            self._return_to_cart(visit)
        elif self._roll() < min(0.95, VIEWS * self._zeal(visit) ** 0.35):
            self._browse(visit)
        elif self._roll() < 0.4:
            self._look(visit, Page(self._person.favourite, SHELF_PATHS[self._person.favourite]))
        if self._visits == self._joins_at:
            self._perhaps_join(visit)

    def _device(self) -> Device:
        devices = self._person.devices
        device = devices[0] if self._roll() < 0.65 else devices[int(self._roll() * len(devices))]
        if device.is_app and not self._person.is_member:
            device = devices[0]
        return device

    def _campaign(self, at: int, is_return: bool) -> Campaign:
        if is_return:
            return of_mailing(CART_REMINDER[1])
        if self._person.takes_mail_since and self._roll() < MAILED and (mailing := self._mailing_before(at)):
            self._clicked[mailing.id] = at
            return of_mailing(mailing.name)
        if self._cart and self._roll() < 0.3:
            return RETARGETING
        if self._roll() < (PAID_FIRST if self._visits == 1 else PAID_LATER):
            return self._world.marketing.paid(self._roll(), at)
        return self._world.marketing.free(self._roll()) if self._visits < 6 or self._roll() < 0.4 else DIRECT

    def _land(self, visit: Visit) -> None:
        shelf = visit.campaign.category or (self._person.favourite if self._roll() < 0.35 else "")
        self._look(visit, Page(shelf, SHELF_PATHS[shelf]) if shelf else HOME)
        person, device = self._person, visit.device
        if person.is_member and not device.user_id and (device.is_app or self._roll() < LOGS_IN):
            self._log_in(visit)
        elif person.is_known and not person.is_member and visit.campaign.source == "newsletter":
            self._tell(wire.identify, visit, Introduction("", {"email": person.email}))

    # Looking and buying

    def _zeal(self, visit: Visit) -> float:
        faded = self._is_faded(self._clock)
        peak = PEAK_ZEAL if self._world.seasons.is_peak(self._clock) else 1.0
        return (0.1 if faded else self._keen) * visit.campaign.quality * peak

    def _is_faded(self, at: int) -> bool:
        fades = self._person.habit.fades
        return bool(fades) and at > self._world.seasons.days_before_end(fades)

    def _browse(self, visit: Visit) -> None:
        zeal = self._zeal(visit)
        if self._roll() < 0.16:
            self._search(visit)
        product = self._product(visit)
        for _ in range(1 + int(self._roll() * 2.6)):
            product = self._product(visit)
            self._open(visit, product)
        if self._roll() < min(0.85, ADDS * zeal**0.75):
            self._add(visit, product)
            while self._roll() < self._person.habit.basket / 5:
                self._add(visit, self._product(visit))
            self._decide(visit, CHECKS_OUT * zeal**0.35)
        elif self._roll() < 0.05:
            self._track(visit, "Product Added to Wishlist", self._item(product), product.path)

    def _return_to_cart(self, visit: Visit) -> None:
        self._look(visit, CART)
        if self._roll() < 0.12:
            product, quantity = self._cart.pop()
            self._track(visit, "Product Removed", self._item(product, quantity), CART.path)
        if self._cart:
            self._decide(visit, 0.6 * self._zeal(visit) ** 0.2)

    def _decide(self, visit: Visit, chance: float) -> None:
        """To the cash desk or away."""
        if self._roll() < min(0.92, chance):
            self._check_out(visit)
        else:
            self._abandon(visit)

    def _product(self, visit: Visit) -> Product:
        category = visit.campaign.category if self._roll() < 0.4 else ""
        if not category and self._roll() < 0.6:
            category = self._person.favourite
        shelf = SHELVES.get(category) or list(SHELVES.values())[int(self._roll() * len(SHELVES))]
        return shelf[int(self._roll() ** 1.4 * len(shelf))]

    def _open(self, visit: Visit, product: Product) -> None:
        self._look(visit, Page(product.name, product.path))
        self._clock += 400
        self._track(visit, "Product Viewed", self._item(product), product.path)

    def _search(self, visit: Visit) -> None:
        self._wait(15)
        query = {"query": self._person.favourite.lower()}
        self._track(visit, "Products Searched", query, "/search")

    def _add(self, visit: Visit, product: Product) -> None:
        self._wait(50)
        quantity = 1 if self._roll() < 0.9 else 2
        self._cart.append((product, quantity))
        self._track(visit, "Product Added", self._item(product, quantity), product.path)

    def _check_out(self, visit: Visit) -> None:
        self._look(visit, CART)
        self._wait(40)
        total = sum(product.cents[self._person.currency] * quantity for product, quantity in self._cart)
        properties = {
            "value": total / 100,
            "currency": self._person.currency,
            "category": self._cart[0][0].category,
            "num_items": sum(quantity for _, quantity in self._cart),
        }
        self._track(visit, "Checkout Started", properties, "/checkout")
        self._introduce(visit)
        self._wait(90)
        if self._form_fails(visit):
            self._fail(visit)
        elif self._roll() < min(0.96, PAYS[visit.device.kind] * (0.8 + 0.2 * self._zeal(visit) ** 0.2)):
            self._order(visit)
        else:
            self._abandon(visit)

    def _form_fails(self, visit: Visit) -> bool:
        broken = visit.device.kind == "mobile" and not visit.device.is_app
        return broken and self._world.seasons.is_broken(self._clock) and self._roll() > PAYS_WHILE_BROKEN

    def _fail(self, visit: Visit) -> None:
        self._track(visit, "checkout_error", {"code": "payment_form_timeout", "step": "payment"}, "/checkout")
        if self._person.is_known and self._roll() < 0.25:
            self._clock += waiting(self._roll(), 3 * 3600)
            self._tell(wire.backend, visit, Happening("support_ticket", {"topic": "checkout", "channel": "chat"}))

    def _order(self, visit: Visit) -> None:
        order = self._receipt(visit)
        if self._roll() < ORDER_FROM_BROWSER_TOO:
            self._track(visit, "Order Completed", order, "/checkout/thanks")
        self._clock += 1_500 + waiting(self._roll(), 4)
        self._tell(wire.backend, visit, Happening("Order Completed", order))
        if self._person.is_member:
            self._promote(visit)
        self._afterwards(visit, order)
        self._cart.clear()

    def _receipt(self, visit: Visit) -> wire.Json:
        currency = self._person.currency
        goods = sum(product.cents[currency] * quantity for product, quantity in self._cart)
        coupon = self._coupon(visit)
        discount = goods * 15 // 100 if coupon else 0
        shipping = SHIPPING if goods < FREE_FROM else 0
        self._person.spent += goods - discount
        self._orders += 1
        order_id = f"NO-{self._person.number:05d}-{self._orders}"
        properties: wire.Json = {
            "order_id": order_id,
            "event_id": order_id,
            "revenue": (goods - discount) / 100,
            "value": (goods - discount) / 100,
            "total": (goods - discount + shipping) / 100,
            "shipping": shipping / 100,
            "discount": discount / 100,
            "currency": currency,
            "category": max(self._cart, key=lambda line: line[0].cents[currency])[0].category,
            "products": [wire.on_shelf(product, currency, quantity) for product, quantity in self._cart],
        }
        return {**properties, "coupon": coupon} if coupon else properties

    def _coupon(self, visit: Visit) -> str:
        name = visit.campaign.name
        if "Sale" in name or "Promo" in name or self._world.seasons.is_peak(self._clock):
            return {"S": "SUMMER15", "H": "HOLIDAY15"}.get(name[:1], "GEARUP15") if self._roll() < 0.6 else ""
        return "WELCOME15" if not self._orders and self._roll() < 0.12 else ""

    def _afterwards(self, visit: Visit, order: wire.Json) -> None:
        paid_at = self._clock
        about = {"order_id": order["order_id"], "currency": order["currency"]}
        if self._roll() < REFUNDED:
            self._clock = paid_at + int((4 + 8 * self._roll()) * DAY)
            self._tell(wire.backend, visit, Happening("Order Refunded", {**about, "total": order["total"]}))
        elif self._roll() < 0.03:
            self._clock = paid_at + waiting(self._roll(), 2 * 86_400)
            ticket = {**about, "topic": "delivery", "channel": "e-mail"}
            self._tell(wire.backend, visit, Happening("support_ticket", ticket))
        self._clock = paid_at

    def _abandon(self, visit: Visit) -> None:
        """Leave the cart; who takes e-mails is reminded after four hours and may come back."""
        if not self._person.takes_mail_since or self._is_faded(self._clock) or self._roll() < 0.3:
            return
        sent = self._clock + 4 * HOUR
        key, name, subject = CART_REMINDER
        opened, clicked = self._roll() < 0.45, self._roll() < 0.3
        back = sent + HOUR // 6 + waiting(self._roll(), 3 * 3600) if opened and clicked else 0
        mailing = Mailing(f"{key}-{self._person.number}-{self._visits}", name, subject, sent)
        self._receive(visit, mailing, opened, back)
        if back and back < self._world.seasons.end:
            insort(self._due, (back, self._person.devices.index(visit.device)))

    # Becoming known

    def _perhaps_join(self, visit: Visit) -> None:
        person, habit = self._person, self._person.habit
        if person.is_member:
            return
        if self._roll() < habit.joins:
            self._wait(30)
            self._join(visit)
        elif not person.is_known and self._roll() < habit.subscribes:
            self._wait(10)
            person.is_known = True
            self._tell(wire.identify, visit, Introduction("", {"email": person.email}))
            self._track(visit, "Newsletter Subscribed", {"list": "Trail Notes"}, HOME.path)
            self._take_mail(visit)

    def _join(self, visit: Visit) -> None:
        person = self._person
        person.is_member = person.is_known = True
        plan = "Northlight Plus" if person.habit.keen > 5 and self._roll() < 0.5 else "Free"
        visit.device.user_id = person.user_id
        traits = {**self._address(), "plan": plan, "loyalty_tier": person.tier}
        self._tell(wire.identify, visit, Introduction(person.user_id, traits))
        self._track(visit, "Signed Up", {"method": "email", "plan": plan}, "/account/new")
        if not person.takes_mail_since and self._roll() < 0.8:
            self._take_mail(visit)

    def _log_in(self, visit: Visit) -> None:
        self._wait(12)
        visit.device.user_id = self._person.user_id
        introduction = Introduction(self._person.user_id, {"email": self._person.email})
        self._tell(wire.identify, visit, introduction)

    def _introduce(self, visit: Visit) -> None:
        """Nobody pays without saying who he is."""
        person, roll = self._person, self._roll
        if visit.device.user_id:
            return
        if person.is_member:
            self._log_in(visit)
        elif roll() < person.habit.joins:
            self._join(visit)
        else:
            self._wait(30)
            self._tell(wire.identify, visit, Introduction("", self._address()))
            if not person.is_known and roll() < 0.5:
                self._take_mail(visit)
            person.is_known = True

    def _address(self) -> wire.Json:
        person = self._person
        traits = {
            "email": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "city": person.city,
            "region": person.region,
            "country": person.country,
        }
        return {**traits, "phone": person.phone} if person.phone else traits

    def _promote(self, visit: Visit) -> None:
        person = self._person
        tier = next((name for name, least in TIERS if person.spent >= least), "Base")
        if tier != person.tier:
            person.tier = tier
            self._clock += 60_000
            self._tell(wire.enrol, visit, Introduction(person.user_id, {"loyalty_tier": tier}))

    # E-mail

    def _take_mail(self, visit: Visit) -> None:
        self._person.takes_mail_since = self._clock
        key, name, subject = WELCOME
        welcome = Mailing(f"{key}-{self._person.number}", name, subject, self._clock + 300_000)
        self._receive(visit, welcome, self._roll() < 0.6, 0)

    def _mailing_before(self, at: int) -> Mailing | None:
        """The latest mailing of the last three days that this person has got and not clicked."""
        since = max(at - 3 * DAY, self._person.takes_mail_since)
        for mailing in reversed(self._world.marketing.mailings):
            if mailing.at < since:
                return None
            if mailing.at + HOUR < at and mailing.id not in self._clicked and self._is_for(mailing):
                return mailing
        return None

    def _is_for(self, mailing: Mailing) -> bool:
        return not mailing.win_back or self._person.habit in (LAPSED, AT_RISK)

    def _read_mailings(self) -> None:
        person = self._person
        visit = Visit(person, person.devices[0], DIRECT, False, "", "")
        for mailing in self._world.marketing.mailings:
            if mailing.at > person.takes_mail_since and self._is_for(mailing):
                clicked = self._clicked.get(mailing.id, 0)
                opens = 0.02 if self._is_faded(mailing.at) else person.habit.opens
                self._receive(visit, mailing, bool(clicked) or self._roll() < opens, clicked)

    def _receive(self, visit: Visit, mailing: Mailing, opened: bool, clicked: int) -> None:
        """Delivered, opened a few hours later (before the click), clicked just before the visit it leads to."""
        now = self._clock
        about = {
            "email_id": mailing.id,
            "email_subject": mailing.subject,
            "campaign_id": mailing.id,
            "campaign_name": mailing.name,
        }
        self._clock = mailing.at + waiting(self._roll(), 240)
        self._tell_mail(visit, "Email Delivered", about)
        if opened:
            before_click = clicked - 20_000 if clicked else self._clock + waiting(self._roll(), 6 * 3600)
            self._clock = max(self._clock + 5_000, before_click)
            self._tell_mail(visit, "Email Opened", about)
        if clicked:
            self._clock = clicked - 2_000
            link = {"link_url": f"{wire.SITE}/?utm_medium=email"}
            self._tell_mail(visit, "Email Link Clicked", {**about, **link})
        self._clock = now

    def _tell_mail(self, visit: Visit, name: str, properties: wire.Json) -> None:
        user_id = self._person.user_id if self._person.is_member else ""
        self._note(wire.mail, visit, user_id, Happening(name, properties))

    # Telling

    def _item(self, product: Product, quantity: int = 1) -> wire.Json:
        return wire.on_page(product, self._person.currency, quantity)

    def _wait(self, seconds: float) -> None:
        self._clock += 1_000 + waiting(self._roll(), seconds)

    def _look(self, visit: Visit, page: Page) -> None:
        self._tell(wire.page, visit, page._replace(before=visit.path))
        visit.path = page.path
        self._wait(25)

    def _track(self, visit: Visit, name: str, properties: wire.Json, path: str) -> None:
        self._tell(wire.track, visit, Happening(name, properties, path))

    def _tell(self, telling: Telling, visit: Visit, detail: object) -> None:
        self._note(telling, visit, visit.device.user_id, detail)

    def _note(self, telling: Telling, visit: Visit, user_id: str, detail: object) -> None:
        moments = self._world.moments
        if self._clock < self._world.seasons.end:
            moments.append((self._clock, len(moments), telling, visit, user_id, detail))
