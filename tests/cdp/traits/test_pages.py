"""The pages of computed traits: list, builder, one trait, and the block on a profile's page."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cdp.definitions.trait_templates import TEMPLATES
from cdp.models import Identifier, Trait
from cdp.services import traits
from cdp.services.ingest import ingest
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

pytestmark = pytest.mark.django_db(transaction=True)

SPEND: dict[str, Any] = {
    "name": "spend",
    "label": "Spend",
    "kind": "aggregation",
    "fn": "sum",
    "event": "purchase",
    "property": "revenue",
}
FORM = {"type": "aggregation", "fn": "sum", "part-0-event": "purchase", "property_name": "revenue", "view": "form"}


def item(who: str, now: datetime, **properties: object) -> dict[str, Any]:
    at = (now - timedelta(days=2)).isoformat()
    return {"type": "track", "event": "purchase", "userId": who, "timestamp": at, "properties": properties}


@pytest.fixture(autouse=True)
def purchases(workspace: Workspace, now: datetime) -> None:
    items = [
        item("ada", now, revenue=100, category="Tents", currency="EUR"),
        item("ada", now, revenue=20.5, category="Tents", currency="EUR"),
        item("ben", now, revenue=30, category="Boots", currency="EUR"),
        item("cat", now, revenue="much", category="Boots", currency="EUR"),
        item("dan", now) | {"event": "page_view"},
    ]
    assert not ingest(workspace=workspace, source=None, items=items, received_at=now).rejected


@pytest.fixture
def spend(workspace: Workspace, by_alice: Actor, now: datetime) -> Trait:
    trait = traits.create(workspace=workspace, by=by_alice, body=SPEND, now=now)
    trait.refresh_from_db()
    return trait


def profile_of(workspace: Workspace, user_id: str) -> int:
    return Identifier.objects.get(workspace=workspace, kind="user_id", value=user_id).profile_id


def text(client: Client, url: str, **headers: str) -> str:
    response = client.get(url, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_an_empty_list_offers_the_tutorials_examples(as_alice: Client) -> None:
    page = text(as_alice, reverse("traits"))
    for template in TEMPLATES.values():
        assert template.label in page
    assert "0 of 25" in page


def test_the_list_tells_status_coverage_and_version(as_alice: Client, spend: Trait) -> None:
    page = text(as_alice, reverse("traits"))
    assert "Spend" in page
    assert "Live" in page
    assert "75%" in page
    assert "1 of 25" in page
    assert "Spend" not in text(as_alice, reverse("traits") + "?q=nothing", **{"HX-Request": "true"})


def test_a_template_is_saved_in_one_click(as_alice: Client, workspace: Workspace) -> None:
    as_alice.post(reverse("trait_from_template", args=["favorite_category"]))
    assert workspace.traits.get(name="favorite_category").label == "Favorite Product Category"


def test_a_template_that_leaves_something_to_choose_opens_the_builder(
    as_alice: Client, workspace: Workspace, tell: Tell
) -> None:
    Workspace.objects.update(currency="JPY")  # the customers pay in others
    for currency in ("EUR", "USD"):
        tell("purchase", user="anna", revenue=1, currency=currency)
    answer = as_alice.post(reverse("trait_from_template", args=["total_spend_30d"]), follow=True)
    assert answer.redirect_chain == [(f"{reverse('trait_new')}?template=total_spend_30d", 302)]
    assert answer.context["builder"].name == "total_spend_30d"
    assert "Choose one" in answer.content.decode()
    assert not workspace.traits.exists()


@pytest.mark.parametrize("name", TEMPLATES)
def test_yaml_fills_in_the_form(as_alice: Client, name: str) -> None:
    answer = as_alice.post(reverse("trait_new"), {"view": "yaml", "yaml": TEMPLATES[name].yaml, "do": "fill"})
    builder = answer.context["builder"]
    assert (builder.view, builder.name, builder.parts[0].events) == ("form", name, ["purchase"])


def test_yaml_that_says_nothing_stays_with_what_is_wrong(as_alice: Client) -> None:
    answer = as_alice.post(reverse("trait_new"), {"view": "yaml", "yaml": "Nam: x", "do": "fill"})
    assert answer.context["builder"].view == "yaml"
    assert "is no setting of a trait" in answer.content.decode()


def test_the_form_is_shown_as_yaml(as_alice: Client) -> None:
    answer = as_alice.post(reverse("trait_new"), FORM | {"name": "spend", "do": "write"})
    assert "Aggregation: SUM\nEvent: purchase\nProperty: revenue" in answer.context["builder"].yaml


def test_it_saves_yaml_as_it_is(as_alice: Client, workspace: Workspace) -> None:
    as_alice.post(reverse("trait_new"), {"view": "yaml", "yaml": TEMPLATES["days_since_purchase"].yaml})
    assert workspace.traits.get().definition["calculation"] == "DAYS_SINCE"


def test_faults_stand_at_their_fields(as_alice: Client, workspace: Workspace) -> None:
    answer = as_alice.post(reverse("trait_new"), FORM | {"name": "Not a name", "property_name": ""})
    assert answer.status_code == 422
    assert {"name", "property_name"} <= set(answer.context["builder"].errors)
    assert not workspace.traits.exists()


def test_a_draft_is_not_computed_until_it_is_saved(as_alice: Client, workspace: Workspace) -> None:
    as_alice.post(reverse("trait_new"), FORM | {"name": "spend", "do": "draft"})
    trait = workspace.traits.get()
    assert trait.status == "draft"
    as_alice.post(reverse("trait_edit", args=[trait.pk]), FORM | {"name": "spend"})
    trait.refresh_from_db()
    assert trait.status == "live"


def test_the_preview_tells_coverage_sample_and_skipped_values(as_alice: Client) -> None:
    answer = as_alice.post(reverse("trait_preview"), FORM)
    shown = answer.context["preview"]
    assert (shown.found.with_value, shown.found.profiles) == (3, 4)
    assert shown.skipped == "1 that is no number"
    assert {line.value for line in shown.sample} == {"120.50 EUR", "30.00 EUR", "0.00 EUR"}
    assert shown.would_change == ""


def test_the_preview_of_a_change_tells_how_many_would_change(as_alice: Client, spend: Trait) -> None:
    answer = as_alice.post(reverse("trait_edit_preview", args=[spend.pk]), FORM | {"name": "spend", "fn": "max"})
    assert answer.context["preview"].would_change == "2"


def test_the_preview_warns_of_an_event_never_seen(as_alice: Client) -> None:
    page = as_alice.post(reverse("trait_preview"), FORM | {"part-0-event": "refund"}).content.decode()
    assert "notice-warn" in page


def test_values_are_listed_and_found(as_alice: Client, spend: Trait) -> None:
    url = reverse("trait", args=[spend.pk])
    assert "120.50 EUR" in text(as_alice, url)
    found = text(as_alice, url + "?q=ben", **{"HX-Request": "true"})
    assert "30.00 EUR" in found
    assert "120.50 EUR" not in found


@pytest.mark.parametrize("tab", ["analysis", "versions", "dependencies", "runs"])
def test_every_tab_shows(as_alice: Client, spend: Trait, tab: str) -> None:
    assert "Spend" in text(as_alice, f"{reverse('trait', args=[spend.pk])}?tab={tab}")


def test_versions_tell_what_changed_and_are_restored(as_alice: Client, spend: Trait) -> None:
    as_alice.post(reverse("trait_edit", args=[spend.pk]), FORM | {"name": "spend", "label": "Spend", "fn": "max"})
    versions = as_alice.get(f"{reverse('trait', args=[spend.pk])}?tab=versions").context["versions"]
    changed = {(each.key, each.before, each.after) for each in versions[0].differences}
    assert ("Aggregation", "SUM", "MAX") in changed
    as_alice.post(reverse("trait_version_restore", args=[spend.pk, 1]))
    spend.refresh_from_db()
    assert (spend.version, spend.definition["fn"]) == (3, "sum")


def test_what_is_in_use_is_not_deleted(as_alice: Client, by_alice: Actor, spend: Trait, now: datetime) -> None:
    asks = {"type": "profile", "field": "traits.spend", "op": "gt", "value": 50}
    body = {**SPEND, "name": "orders", "label": "Big", "profile_filter": asks}
    traits.create(workspace=spend.workspace, by=by_alice, body=body, now=now)
    answer = as_alice.post(reverse("trait_delete", args=[spend.pk]), follow=True)
    assert "cannot be deleted while something uses it" in answer.content.decode()
    assert answer.context["tab"] == "dependencies"
    assert not Trait.objects.filter(pk=spend.pk, deleted_at__isnull=False).exists()


def test_disable_offers_undo(as_alice: Client, spend: Trait) -> None:
    page = as_alice.post(reverse("trait_disable", args=[spend.pk]), follow=True).content.decode()
    assert reverse("trait_enable", args=[spend.pk]) in page
    as_alice.post(reverse("trait_enable", args=[spend.pk]))
    spend.refresh_from_db()
    assert spend.status == "live"


def test_a_profile_tells_its_traits_and_why(as_alice: Client, workspace: Workspace, spend: Trait) -> None:
    ada = profile_of(workspace, "ada")
    assert "120.50 EUR" in text(as_alice, reverse("profile_detail", args=[ada]))
    why = text(as_alice, reverse("trait_why", args=[spend.pk, ada]), **{"HX-Request": "true"})
    assert "20.5 EUR" in why
    assert why.count("<li") == 2


def test_strangers_see_nothing(as_charlie: Client, spend: Trait) -> None:
    assert as_charlie.get(reverse("trait", args=[spend.pk])).status_code == 404
