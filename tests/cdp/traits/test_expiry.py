"""Raw events expire, and values of all time stay what they were."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cdp.models import Change, Profile, TraitCarry
from cdp.queries.engine import fresh_engine
from cdp.services import engine as engine_services
from cdp.services import expiry, profiles, trait_values, traits
from cdp.tasks import bring_definitions_up_to_date
from cdp.traits import carry
from stratum.lib import clock
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of
from tests.cdp.traits.conftest import KeepCurrent, MakeTrait, ValuesOf, run_job, spend, visits

DAY = 24
LIFELONG: list[dict[str, Any]] = [
    spend(),
    spend(name="average", fn="avg"),
    spend(name="least", fn="min"),
    spend(name="greatest", fn="max"),
    visits(event="purchase", name="purchases"),
    {"name": "favorite", "kind": "most_frequent", "event": "purchase", "property": "category"},
    {"name": "first_category", "kind": "first", "event": "purchase", "property": "category"},
    {"name": "last_category", "kind": "last", "event": "purchase", "property": "category"},
    {"name": "categories", "kind": "unique_count", "event": "purchase", "property": "category"},
    {"name": "all_categories", "kind": "unique_list", "event": "purchase", "property": "category"},
    {"name": "last_one", "kind": "last", "event": "purchase", "property": "timestamp"},
    {"name": "per_visit", "kind": "ratio", "numerator": {"event": "purchase"}, "denominator": {"event": "page_view"}},
]


def expire(workspace: Workspace, now: datetime, days: int) -> expiry.Expired:
    return expiry.expire(workspace=workspace, before=now - timedelta(days=days), now=now)


def visit(tell: Tell, user: str, days: float, source: str = "facebook") -> None:
    tell("page", user=user, hours_ago=days * DAY, path="/", context={"campaign": {"source": source, "name": "Spring"}})


@pytest.fixture
def anna(workspace: Workspace, tell: Tell) -> Profile:
    """She bought before her first touch, then three times; what is older than 100 days is going to expire."""
    tell("purchase", user="anna", hours_ago=160 * DAY, revenue=1000, category="Tents")
    visit(tell, "anna", 150)
    tell("purchase", user="anna", hours_ago=140 * DAY, revenue="20.10", category="Shoes")
    tell("purchase", user="anna", hours_ago=120 * DAY, revenue=0.2, category="Shoes")
    visit(tell, "anna", 20, "google")
    tell("purchase", user="anna", hours_ago=10 * DAY, revenue=30, category="Tents")
    return profile_of(workspace, "user_id", "anna")


def test_every_value_of_all_time_stays(
    workspace: Workspace, anna: Profile, make_trait: MakeTrait, values_of: ValuesOf, now: datetime
) -> None:
    made = [make_trait(body) for body in LIFELONG]
    bring_definitions_up_to_date(workspace)
    before = values_of("anna")
    assert before["attributed_revenue"] == 50.3
    assert before["favorite"] == "Shoes"

    assert expire(workspace, now, 100) == expiry.Expired(4, 1)
    assert fresh_engine(workspace).activity(clock.to_micros(now)).events.tolist() == [2]
    trait_values.keep_current(workspace, now=now)
    assert values_of("anna") == before

    for trait in made:
        traits.backfill(workspace=workspace, by=SYSTEM, trait_id=trait.pk, now=now)
        trait.refresh_from_db()
        run_job(trait)
    assert values_of("anna") == before


def test_what_happens_later_is_added(
    workspace: Workspace,
    anna: Profile,
    make_trait: MakeTrait,
    tell: Tell,
    values_of: ValuesOf,
    now: datetime,
) -> None:
    for body in LIFELONG:
        make_trait(body)
    bring_definitions_up_to_date(workspace)
    expire(workspace, now, 100)
    tell("purchase", user="anna", hours_ago=1, revenue=49.7, category="Maps")
    trait_values.keep_current(workspace, now=now)
    told = values_of("anna")
    assert (told["spend"], told["purchases"], told["average"]) == (1100, 5, 220)
    assert (told["least"], told["greatest"]) == (0.2, 1000)
    assert (told["first_category"], told["last_category"], told["categories"]) == ("Tents", "Maps", 3)
    assert told["all_categories"] == ["Maps", "Shoes", "Tents"]
    assert told["attributed_revenue"] == 100
    assert told["first_touch_platform"] == "meta"


def test_expiring_again_takes_in_only_what_is_left(
    workspace: Workspace, anna: Profile, make_trait: MakeTrait, values_of: ValuesOf, now: datetime
) -> None:
    for body in LIFELONG:
        make_trait(body)
    bring_definitions_up_to_date(workspace)
    before = values_of("anna")
    assert [expire(workspace, now, days).events for days in (145, 130, 130, 15, 5)] == [2, 1, 0, 2, 1]
    bring_definitions_up_to_date(workspace)
    assert values_of("anna") == before


def test_a_rebuilt_engine_says_the_same(
    workspace: Workspace, anna: Profile, make_trait: MakeTrait, values_of: ValuesOf, now: datetime
) -> None:
    trait = make_trait(spend())
    expire(workspace, now, 100)
    engine_services.rebuild(workspace)
    traits.backfill(workspace=workspace, by=SYSTEM, trait_id=trait.pk, now=now)
    trait.refresh_from_db()
    run_job(trait)
    assert values_of("anna")["spend"] == 1050.3


def test_what_two_people_carried_belongs_to_whom_they_became(
    workspace: Workspace,
    anna: Profile,
    make_trait: MakeTrait,
    keep_current: KeepCurrent,
    tell: Tell,
    values_of: ValuesOf,
    now: datetime,
) -> None:
    for body in LIFELONG:
        make_trait(body)
    tell("purchase", visitor="phone", hours_ago=130 * DAY, revenue=5, category="Maps")
    keep_current()
    expire(workspace, now, 100)
    tell("identify", user="anna", visitor="phone", hours_ago=1)
    keep_current()
    told = values_of("anna")
    assert (told["spend"], told["purchases"], told["categories"]) == (1055.3, 5, 3)
    Change.objects.get(workspace=workspace, kind="merge")


def test_windows_lose_what_expired(
    workspace: Workspace,
    anna: Profile,
    make_trait: MakeTrait,
    keep_current: KeepCurrent,
    values_of: ValuesOf,
    now: datetime,
) -> None:
    make_trait(spend(window={"last": "P365D"}))
    assert values_of("anna")["spend"] == 1050.3
    expire(workspace, now, 100)
    keep_current()
    assert values_of("anna")["spend"] == 30


def test_an_erased_person_leaves_nothing(
    workspace: Workspace, anna: Profile, make_trait: MakeTrait, by_alice: Actor, now: datetime
) -> None:
    make_trait(spend())
    expire(workspace, now, 100)
    assert TraitCarry.objects.filter(workspace=workspace).exists()
    profiles.erase(workspace=workspace, profile=anna, by=by_alice, now=now)
    assert not TraitCarry.objects.filter(workspace=workspace).exists()


def test_a_kill_in_the_middle_leaves_all_as_it_was(
    workspace: Workspace,
    anna: Profile,
    make_trait: MakeTrait,
    keep_current: KeepCurrent,
    values_of: ValuesOf,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_trait(spend())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(expiry, "_let_go", killed)
        with pytest.raises(KeyboardInterrupt):
            expire(workspace, now, 100)
    assert not TraitCarry.objects.exists()
    assert expire(workspace, now, 100).events == 4
    keep_current()
    assert values_of("anna")["spend"] == 1050.3


def test_nothing_to_expire_changes_nothing(workspace: Workspace, anna: Profile, now: datetime) -> None:
    assert expire(workspace, now, 200) == expiry.Expired(0, 0)
    assert not Change.objects.filter(kind="retain").exists()


def test_states_of_traits_that_ask_the_same_are_kept_once(
    workspace: Workspace, anna: Profile, make_trait: MakeTrait, now: datetime
) -> None:
    for name in ("one", "two"):
        make_trait(spend(name=name))
    expire(workspace, now, 100)
    assert TraitCarry.objects.filter(workspace=workspace).count() == 1
    state = TraitCarry.objects.get(workspace=workspace).state
    assert carry.merged(state, None) == state
