"""Amounts in several currencies are never added up."""

from datetime import datetime

import pytest

from cdp.models import TraitVersion
from cdp.queries import traits as queries
from cdp.services import traits
from stratum.lib.refusal import Invalid
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.traits.conftest import KeepCurrent, MakeTrait, ValuesOf, spend


def test_an_open_currency_is_settled_by_the_first_event_that_names_one(
    workspace: Workspace, tell: Tell, make_trait: MakeTrait, keep_current: KeepCurrent, values_of: ValuesOf
) -> None:
    trait = make_trait(spend())
    assert TraitVersion.objects.get(trait=trait).currency == ""
    tell("purchase", user="anna", revenue=1)
    keep_current()
    tell("purchase", user="anna", revenue=10, currency="usd")
    keep_current()
    tell("purchase", user="anna", revenue=100, currency="EUR")
    tell("purchase", user="ben", revenue=100, currency="EUR")
    keep_current()
    assert TraitVersion.objects.get(trait=trait).currency == "USD"
    assert [values_of(user).get("spend", 0) for user in ("anna", "ben")] == [11, 0]


def test_of_several_at_once_the_workspaces_own_counts(
    workspace: Workspace, tell: Tell, make_trait: MakeTrait, keep_current: KeepCurrent, values_of: ValuesOf
) -> None:
    make_trait(spend())
    tell("purchase", user="anna", revenue=10, currency="CHF")
    tell("purchase", user="anna", revenue=100, currency=workspace.currency)
    keep_current()
    assert values_of("anna")["spend"] == 100


def test_what_is_known_when_saving_has_to_be_chosen(workspace: Workspace, tell: Tell, make_trait: MakeTrait) -> None:
    tell("purchase", user="anna", revenue=10, currency="CHF")
    tell("purchase", user="anna", revenue=100, currency="USD")
    with pytest.raises(Invalid) as caught:
        make_trait(spend())
    assert caught.value.faults[0].pointer == "/currency"
    assert "CHF, USD" in caught.value.faults[0].detail
    assert make_trait(spend(currency="CHF")).definition["currency"] == "CHF"


def test_saying_it_again_after_it_was_settled_makes_no_version(
    workspace: Workspace, tell: Tell, make_trait: MakeTrait, keep_current: KeepCurrent, by_alice: Actor, now: datetime
) -> None:
    trait = make_trait(spend())
    tell("purchase", user="anna", revenue=10, currency="CHF")
    keep_current()
    body = spend(description="What everybody has spent.")
    traits.update(workspace=workspace, by=by_alice, trait_id=trait.pk, body=body, now=now)
    assert TraitVersion.objects.filter(trait=trait).count() == 1
    assert queries.get(workspace, trait.pk).description == "What everybody has spent."
