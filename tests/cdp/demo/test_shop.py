"""The demo shop: the same for everyone, believable, and fit for the tracking API."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from cdp.definitions.funnels import parse_draft
from cdp.demo.funnels import FUNNELS
from cdp.demo.seasons import BROKEN_FROM, BROKEN_TO, Seasons
from cdp.demo.shop import Batch, messages, window_of
from cdp.tracking.body import Envelope
from cdp.tracking.messages import Kind, Message
from cdp.tracking.read import read_item
from cdp.tracking.rules import DEFAULT_ALIASES, Rules

UNTIL = datetime(2026, 6, 17, 15, 42, 7, tzinfo=UTC)
SEED = 7
PROFILES, EVENTS = 1_500, 30_000
STEPS = ["page_view", "view_content", "add_to_cart", "initiate_checkout", "purchase"]

# SHA-256 of what 300 profiles send. It changes when the generator does; then put the new one here.
FINGERPRINT = "574205f3d92c6913526f791218d2503d9b5eae78857aed1f07b82b042d86ca09"


@pytest.fixture(scope="module")
def batches() -> list[Batch]:
    return list(messages(SEED, UNTIL, PROFILES, EVENTS))


@pytest.fixture(scope="module")
def read(batches: list[Batch]) -> list[Message]:
    return [message for batch in batches for message in _read(batch)]


@pytest.fixture(scope="module")
def counted(read: list[Message]) -> list[Message]:
    """Events, each order once."""
    seen: set[str] = set()
    events = []
    for message in read:
        if message.kind <= Kind.SCREEN and (message.event_id is None or message.event_id not in seen):
            events.append(message)
            seen |= {message.event_id} - {None}
    return events


def _read(batch: Batch) -> Iterator[Message]:
    rules = Rules(DEFAULT_ALIASES, "US", retention_days=180, client_side=batch.source == "browser")
    envelope = Envelope(items=list(batch.items))
    for index, item in enumerate(batch.items):
        message = read_item(item, index, rules=rules, received_at=batch.received_at, kind=None, envelope=envelope)
        assert isinstance(message, Message), message
        yield message


def _fingerprint(seed: int, until: datetime) -> str:
    told = [[batch.source, batch.received_at, batch.items] for batch in messages(seed, until, 300, 6_000)]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()


def test_one_seed_tells_one_story() -> None:
    assert _fingerprint(SEED, UNTIL) == _fingerprint(SEED, UNTIL) == FINGERPRINT


def test_another_seed_tells_another_story() -> None:
    assert _fingerprint(SEED + 1, UNTIL) != _fingerprint(SEED, UNTIL)


def test_it_has_about_as_many_events_and_people_as_asked_for(read: list[Message], counted: list[Message]) -> None:
    assert 0.9 * EVENTS < len(counted) < 1.1 * EVENTS
    assert 0.93 * PROFILES < len(set(_people(read).values())) < 1.07 * PROFILES


def test_two_processes_tell_what_one_tells(batches: list[Batch]) -> None:
    parts = [messages(SEED, UNTIL, PROFILES, EVENTS, part=part, parts=2) for part in range(2)]
    assert _untold(batch for part in parts for batch in part) == _untold(batches)


def test_it_goes_on_where_it_stopped(batches: list[Batch]) -> None:
    middle = window_of(batches[len(batches) // 2].items[0]["messageId"])
    rest = list(messages(SEED, UNTIL, PROFILES, EVENTS, first_window=middle))
    assert rest == [batch for batch in batches if window_of(batch.items[0]["messageId"]) >= middle]


def _untold(batches: Iterable[Batch]) -> list[bytes]:
    """The messages without their ids, which name part and window."""
    return sorted(orjson.dumps({**item, "messageId": ""}) for batch in batches for item in batch.items)


def test_message_ids_are_unique(read: list[Message]) -> None:
    assert len({message.message_id for message in read}) == len(read)


def test_the_sdk_messages_are_read_without_a_warning(read: list[Message]) -> None:
    """That none is rejected is asserted by reading them."""
    assert not [message for message in read if message.flags]


def test_history_was_received_in_order_soon_after_it_happened(batches: list[Batch], read: list[Message]) -> None:
    received = [batch.received_at for batch in batches]
    assert received == sorted(received)
    assert received[-1] <= UNTIL + timedelta(seconds=2)
    assert all(message.ts <= message.received_at for message in read)
    recent = [message for message in read if message.received_at > UNTIL - timedelta(days=2)]
    assert max(message.received_at - message.ts for message in recent) < timedelta(minutes=46)
    assert max(len(batch.items) for batch in batches) <= 1_000


def test_everything_lies_inside_the_retention(read: list[Message]) -> None:
    assert min(message.ts for message in read) >= UNTIL - timedelta(days=180) + timedelta(hours=6)
    assert max(message.ts for message in read) < UNTIL


def test_a_person_does_things_in_a_sensible_order(read: list[Message], counted: list[Message]) -> None:
    """Nobody pays before the cash desk, gets there with an empty cart, or opens an e-mail before it came."""
    before = dict(zip(STEPS[2:], STEPS[1:-1], strict=True)) | {
        "email_opened": "email_delivered",
        "email_clicked": "email_opened",
    }
    people, tablets = _people(read), _tablets(read)
    sharing = {people[_key(message)] for message in read if message.anonymous_id in tablets}
    done: dict[str, set[str]] = defaultdict(set)
    for message in sorted(counted, key=lambda message: message.ts):
        person = people[_key(message)]
        if message.name in before and person not in sharing:
            assert before[message.name] in done[person], message
        done[person].add(message.name)


def test_an_order_holds_what_a_trait_or_an_audit_needs(counted: list[Message]) -> None:
    orders = [message.properties for message in counted if message.name == "purchase"]
    for order in orders:
        goods = sum(line["price"] * line["quantity"] for line in order["products"])
        assert order["revenue"] == pytest.approx(goods - order["discount"])
        assert order["order_id"] == order["event_id"]
        assert order["category"] in {line["category"] for line in order["products"]}
    currencies = Counter(order["currency"] for order in orders)
    assert 0.02 < currencies["CAD"] / len(orders) < 0.2
    assert currencies["USD"] + currencies["CAD"] == len(orders)
    assert any("coupon" in order for order in orders)
    assert any(order["revenue"] % 1 for order in orders)


def test_most_orders_come_from_browser_and_server(batches: list[Batch]) -> None:
    sources: dict[str, list[str]] = defaultdict(list)
    for batch in batches:
        for message in _read(batch):
            if message.name == "purchase":
                assert message.event_id is not None
                sources[message.event_id].append(batch.source)
    kinds = Counter(tuple(source) for source in sources.values())
    assert set(kinds) == {("browser", "server"), ("server",)}
    assert 0.75 < kinds["browser", "server"] / len(sources) < 0.92


def test_visits_come_from_both_platforms_and_all_devices(counted: list[Message]) -> None:
    platforms = Counter(message.platform for message in counted)
    assert min(platforms["meta"], platforms["google"]) > EVENTS / 20
    assert platforms["tiktok"]
    assert {message.device for message in counted} == {"mobile", "desktop", "tablet", None}
    campaigns = {message.campaign for message in counted}
    assert campaigns >= {
        "Summer Sale 2026",
        "Retargeting - Cart Abandoners",
        "Brand Awareness Q1",
        "Holiday Promo 2026",
        "Search - Brand",
    }


def test_both_vocabularies_of_event_names_are_sent(read: list[Message]) -> None:
    told = {message.original_name for message in read}
    assert told >= {"Product Viewed", "view_content", "Order Completed", "purchase", "Email Opened"}


def test_each_step_of_the_funnel_loses_people(read: list[Message], counted: list[Message]) -> None:
    people = _people(read)
    reached = [{people[_key(message)] for message in counted if message.name == step} for step in STEPS]
    sizes = [len(step) for step in reached]
    assert sizes == sorted(sizes, reverse=True)
    assert 0.05 < sizes[-1] / sizes[0] < 0.25


def test_mobile_checkout_breaks_for_a_week(counted: list[Message]) -> None:
    rate = _mobile_payment_rates(counted)
    assert rate["broken"] < 0.5 * rate["whole"]


def test_the_sale_weekend_is_busier_than_the_one_before(counted: list[Message]) -> None:
    start, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in Seasons(SEED, UNTIL).peak)
    week = timedelta(days=7)
    views = [message.ts for message in counted if message.name == "page_view"]
    sale, before = (sum(start - ago <= ts < end - ago for ts in views) for ago in (timedelta(), week))
    assert sale > 1.5 * before
    assert f"{start - timedelta(hours=5):%A %H:%M}" == "Friday 00:00"


def test_visitors_become_known_and_cookies_are_united(read: list[Message]) -> None:
    cookies = defaultdict(set)
    for message in read:
        if message.user_id and message.anonymous_id:
            cookies[message.user_id].add(message.anonymous_id)
    assert sum(len(devices) > 1 for devices in cookies.values()) > PROFILES / 100
    assert _tablets(read)
    phones = [message for message in read if "phone" in message.traits]
    assert phones
    assert all(("phone", message.traits["phone"]) in message.identifiers for message in phones)


def test_valuable_customers_fall_silent(read: list[Message], counted: list[Message]) -> None:
    """The tutorial's High-Value At-Risk: more than 500 spent, no order for 90 days, e-mails left closed."""
    people = _people(read)
    spent: Counter[str] = Counter()
    last: dict[str, datetime] = {}
    mails: dict[str, Counter[str]] = defaultdict(Counter)
    for message in counted:
        person = people[_key(message)]
        if message.name == "purchase":
            spent[person] += message.properties["revenue"]
            last[person] = max(last.get(person, message.ts), message.ts)
        elif message.ts > UNTIL - timedelta(days=30):
            mails[person][message.name] += 1
    silent = [
        person
        for person, at in last.items()
        if spent[person] > 500
        and at < UNTIL - timedelta(days=90)
        and mails[person]["email_delivered"]
        and mails[person]["email_opened"] < 0.1 * mails[person]["email_delivered"]
    ]
    assert 0.005 * PROFILES < len(silent) < 0.05 * PROFILES


def test_the_ready_made_funnels_are_sound() -> None:
    drafts = [parse_draft(body) for body in FUNNELS]
    assert drafts[0].name == "Purchase Funnel"
    assert [step.match.event for step in drafts[0].definition.steps] == STEPS
    assert [step.label for step in drafts[0].definition.steps][:2] == ["Landing Page", "Product Page"]


def _people(messages: list[Message]) -> dict[str, str]:
    """user id or cookie → the e-mail address behind it, else the cookie itself."""
    address: dict[str, str] = {}
    for message in messages:
        if email := message.traits.get("email"):
            address |= {message.anonymous_id or "": email, message.user_id or "": email}
    return {key: address.get(key, key) for key in {_key(message) for message in messages}}


def _key(message: Message) -> str:
    return message.user_id or message.anonymous_id or ""


def _tablets(messages: list[Message]) -> set[str]:
    """Cookies with which several users were seen."""
    users = defaultdict(set)
    for message in messages:
        if message.user_id and message.anonymous_id:
            users[message.anonymous_id].add(message.user_id)
    return {cookie for cookie, owners in users.items() if len(owners) > 1}


def _mobile_payment_rates(counted: list[Message]) -> dict[str, float]:
    """Purchases per checkout on mobile devices in the broken week, and in all other weeks."""
    seen: Counter[tuple[str, str]] = Counter()
    for message in counted:
        days = (UNTIL - message.ts) / timedelta(days=1)
        week = "broken" if BROKEN_TO + 1 < days < BROKEN_FROM else "whole"
        if message.device == "mobile" and message.name in ("initiate_checkout", "purchase"):
            seen[week, message.name] += 1
    return {week: seen[week, "purchase"] / seen[week, "initiate_checkout"] for week in ("broken", "whole")}
