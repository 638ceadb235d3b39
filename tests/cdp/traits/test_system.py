"""The traits that come with Stratum."""

from datetime import datetime
from typing import Any

import pytest

from cdp.definitions.traits import SYSTEM_NAMES
from cdp.queries import traits as queries
from cdp.services import system_traits, trait_values, traits
from cdp.tasks import bring_definitions_up_to_date
from stratum.lib.refusal import Invalid, Refusal
from stratum.workspaces import limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.traits.conftest import MakeTrait, ValuesOf, spend


def from_ad(platform: str, campaign: str) -> dict[str, Any]:
    return {"campaign": {"source": platform, "name": campaign}}


def test_they_are_there_without_being_asked_for(
    workspace: Workspace, tell: Tell, values_of: ValuesOf, now: datetime
) -> None:
    tell("page", user="anna", hours_ago=9, path="/", utm_source="facebook", context=from_ad("facebook", "Spring"))
    tell("purchase", user="anna", hours_ago=8, revenue=20, currency="EUR")
    tell("purchase", user="anna", hours_ago=7, revenue=5)
    tell("purchase", user="anna", hours_ago=6, revenue=1000, currency="USD")
    tell("page", user="anna", hours_ago=5, path="/", utm_source="google", context=from_ad("google", "Brand"))
    tell("page", user="anna", hours_ago=4, path="/")
    for _mail in range(4):
        tell("Email Delivered", user="anna", hours_ago=3)
    tell("Email Opened", user="anna", hours_ago=2)
    bring_definitions_up_to_date(workspace)
    told = values_of("anna")
    assert set(told) == set(SYSTEM_NAMES)
    assert told == {
        "total_spend": 25,
        "total_spend_lifetime": 25,
        "last_purchase_date": "2026-01-15T06:00:00Z",
        "purchase_count": 3,
        "email_open_rate_30d": 0.25,
        "first_touch_platform": "meta",
        "first_touch_campaign": "Spring",
        "first_touch_source": "facebook",
        "last_touch_platform": "google",
        "last_touch_campaign": "Brand",
        "last_touch_source": "google",
        "attributed_revenue": 25,
    }
    assert queries.named(workspace, "total_spend").skipped_currencies == {"USD": 1}  # type: ignore[union-attr]


def test_revenue_is_attributed_from_the_first_touch_on(
    workspace: Workspace, tell: Tell, values_of: ValuesOf, now: datetime
) -> None:
    tell("purchase", user="anna", hours_ago=9, revenue=100)
    tell("purchase", user="anna", hours_ago=3, revenue=7)
    tell("purchase", user="ben", hours_ago=3, revenue=7)
    bring_definitions_up_to_date(workspace)
    assert values_of("anna")["attributed_revenue"] == 0
    tell("page", user="anna", hours_ago=5, path="/", context=from_ad("facebook", "Spring"))
    bring_definitions_up_to_date(workspace)
    assert (values_of("anna")["attributed_revenue"], values_of("ben")["attributed_revenue"]) == (7, 0)
    tell("page", user="anna", hours_ago=10, path="/", context=from_ad("facebook", "Winter"))
    bring_definitions_up_to_date(workspace)
    assert values_of("anna")["attributed_revenue"] == 107


def test_they_are_added_once_and_take_no_place(workspace: Workspace, now: datetime) -> None:
    assert system_traits.ensure(workspace, now=now) == len(SYSTEM_NAMES)
    assert system_traits.ensure(workspace, now=now) == 0
    assert limits.usage(workspace, "computed_traits").used == 0
    trait_values.keep_current(workspace, now=now)
    assert {trait.status for trait in queries.listed(workspace)} == {"live"}


def test_a_plan_without_traits_has_none(workspace: Workspace, now: datetime) -> None:
    workspace.plan = "starter"
    workspace.save()
    assert system_traits.ensure(workspace, now=now) == 0


def test_nobody_changes_them_or_takes_their_names(
    workspace: Workspace, by_alice: Actor, make_trait: MakeTrait, now: datetime
) -> None:
    system_traits.ensure(workspace, now=now)
    trait = queries.named(workspace, "total_spend")
    assert trait is not None
    for service in (traits.delete, traits.disable):
        with pytest.raises(Refusal, match="comes with Stratum"):
            service(workspace=workspace, by=by_alice, trait_id=trait.pk, now=now)
    with pytest.raises(Invalid, match="name of Stratum's own"):
        make_trait(spend(name="total_spend"))


def test_the_source_is_that_of_the_campaign_even_where_no_property_says_it(
    workspace: Workspace, tell: Tell, values_of: ValuesOf
) -> None:
    tell("page", user="anna", hours_ago=9, path="/", context=from_ad("Newsletter", "Spring"))
    tell("page", user="anna", hours_ago=8, path="/", utm_source="facebook")
    bring_definitions_up_to_date(workspace)
    told = values_of("anna")
    assert (told["first_touch_source"], told["last_touch_source"]) == ("Newsletter", "facebook")


def test_money_is_in_the_only_currency_there_is(workspace: Workspace, tell: Tell, values_of: ValuesOf) -> None:
    assert workspace.currency == "EUR"
    tell("purchase", user="anna", hours_ago=9, revenue=20, currency="CHF")
    bring_definitions_up_to_date(workspace)
    assert values_of("anna")["total_spend"] == 20
