"""Django admin of customer data: truth is read-only, aliases and funnels change through their services."""

import json
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from cdp.models import Change, EventAlias, EventCopy, Funnel, Profile, Segment, Spell, Trait, TraitCarry
from cdp.services import segments, traits
from cdp.services.profiles import void_events
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import User, Workspace
from tests.cdp.people import Tell

OURS = [model for model in admin.site._registry if model._meta.app_label == "cdp"]
READ_ONLY = [model for model in OURS if model not in {EventAlias, Funnel}]
DEFINITION = {"steps": [{"event": "page_view"}, {"event": "purchase"}]}


@pytest.fixture
def staff(db: None) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root@example.com", "x"))
    return browser


@pytest.fixture
def rows(workspace: Workspace, tell: Tell, now: datetime) -> None:
    """One of each."""
    tell("identify", user="anna", email="anna@example.com")
    tell("visit", user="anna", message_id="one", event_id="e")
    tell("visit", user="anna", message_id="two", event_id="e")
    tell("nobody")
    void_events(workspace=workspace, message_ids=["one"], reason="", by=SYSTEM, now=now)
    EventAlias.objects.create(workspace=workspace, original="Bought", name="purchase")
    Funnel.objects.create(workspace=workspace, name="A", definition=DEFINITION, created_at=now, updated_at=now)
    segments.create_static(
        workspace=workspace,
        by=SYSTEM,
        name="Friends",
        description="",
        profiles=np.array(Profile.objects.values_list("pk", flat=True), np.int64),
        now=now,
    )
    counted = {"name": "visits", "kind": "aggregation", "fn": "count", "event": "visit"}
    traits.create(workspace=workspace, by=SYSTEM, body=counted, now=now)
    TraitCarry.objects.create(workspace=workspace, key="k", profile_id=1, state={}, until=now)
    assert EventCopy.objects.exists() and Change.objects.exists() and Spell.objects.exists()


def listed(model: type[Model]) -> str:
    return reverse(f"admin:cdp_{model._meta.model_name}_changelist")


def changed(row: Model) -> str:
    return reverse(f"admin:cdp_{row._meta.model_name}_change", args=[row.pk])


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_and_row_opens(staff: Client, rows: None, model: Any) -> None:
    assert staff.get(listed(model)).status_code == 200
    found = list(model.objects.all())
    assert found
    for row in found:
        assert staff.get(changed(row)).status_code == 200


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("words", ["anna", "1", "9" * 30, "0", "-1", "' --", "a b"])
def test_any_words_can_be_searched(staff: Client, rows: None, model: Any, words: str) -> None:
    assert staff.get(listed(model), {"q": words}).status_code == 200


def test_somebody_is_found_by_identifier_and_number(staff: Client, rows: None) -> None:
    number = Profile.objects.get().pk
    for words in ("anna@example.com", str(number)):
        assert staff.get(listed(Profile), {"q": words}).context["cl"].result_count == 1
    assert staff.get(listed(Profile), {"q": "anna@example"}).context["cl"].result_count == 0


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
def test_truth_is_not_changed_here(staff: Client, rows: None, model: Any) -> None:
    row = model.objects.first()
    assert staff.get(f"{listed(model)}add/").status_code == 403
    assert staff.post(changed(row), {}).status_code == 403
    assert staff.post(reverse(f"admin:cdp_{model._meta.model_name}_delete", args=[row.pk])).status_code == 403


class TestAliases:
    def test_lines_are_added_changed_and_removed(self, staff: Client, rows: None, workspace: Workspace) -> None:
        add = f"{listed(EventAlias)}add/"
        staff.post(add, {"workspace": workspace.pk, "original": "Looked", "name": "view_content"})
        line = EventAlias.objects.get(original="Looked")
        staff.post(changed(line), {"name": "look"})
        assert dict(EventAlias.objects.values_list("original", "name")) == {"Bought": "purchase", "Looked": "look"}
        line = EventAlias.objects.get(original="Bought")
        staff.post(reverse("admin:cdp_eventalias_delete", args=[line.pk]), {"post": "yes"})
        assert EventAlias.objects.get().original == "Looked"

    def test_what_the_service_refuses_is_told(self, staff: Client, rows: None) -> None:
        line = EventAlias.objects.get()
        page = staff.post(changed(line), {"name": "   x"}, follow=True)
        assert page.status_code == 200
        assert EventAlias.objects.get().name == "x"


class TestFunnels:
    def form(self, **fields: Any) -> dict[str, str]:
        return {"name": "B", "description": "", "definition": json.dumps(DEFINITION), **fields}

    def test_one_is_created(self, staff: Client, rows: None, workspace: Workspace) -> None:
        staff.post(f"{listed(Funnel)}add/", self.form(workspace=workspace.pk))
        assert Funnel.objects.get(name="B").definition["window"] == "P7D"

    def test_a_change_makes_a_version(self, staff: Client, rows: None) -> None:
        funnel = Funnel.objects.get()
        longer = {"steps": [*DEFINITION["steps"], {"event": "refund"}]}
        staff.post(changed(funnel), self.form(definition=json.dumps(longer)))
        funnel.refresh_from_db()
        assert (funnel.name, funnel.version) == ("B", 2)

    @pytest.mark.parametrize("definition", ["[]", "{}", '{"steps": []}', '"text"', "nonsense", "null"])
    def test_a_bad_definition_is_told(self, staff: Client, rows: None, definition: str) -> None:
        funnel = Funnel.objects.get()
        page = staff.post(changed(funnel), self.form(definition=definition))
        assert page.status_code == 200
        assert page.context["errors"]
        assert Funnel.objects.get().name == "A"

    def test_they_are_archived_and_restored(self, staff: Client, rows: None) -> None:
        funnel = Funnel.objects.get()
        for action, is_archived in (("archive", True), ("restore", False)):
            staff.post(listed(Funnel), {"action": action, "_selected_action": [str(funnel.pk)]})
            assert (Funnel.objects.get().archived_at is not None) == is_archived


class TestSegments:
    def test_they_are_archived_and_restored(self, staff: Client, rows: None) -> None:
        segment = Segment.objects.get()
        for action, is_archived in (("archive", True), ("restore", False)):
            staff.post(listed(Segment), {"action": action, "_selected_action": [str(segment.pk)]})
            assert (Segment.objects.get().archived_at is not None) == is_archived

    def test_spells_are_found_by_profile_and_by_segment(self, staff: Client, rows: None) -> None:
        spell = Spell.objects.get()
        for words in (spell.profile_id, spell.segment_id):
            assert staff.get(listed(Spell), {"q": words}).context["cl"].result_count == 1
        assert staff.get(listed(Spell), {"q": spell.profile_id + 1}).context["cl"].result_count == 0


def test_traits_are_disabled_and_enabled_by_their_services(staff: Client, rows: None) -> None:
    trait = Trait.objects.get(name="visits")
    for action, status in (("disable", "disabled"), ("enable", "preparing")):
        staff.post(listed(Trait), {"action": action, "_selected_action": [str(trait.pk)]})
        trait.refresh_from_db()
        assert trait.status == status
