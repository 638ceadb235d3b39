"""Two tabs with one form of the CRM's settings: who saves second goes over nobody's newer version."""

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import PipedriveConnection
from tests.integrations.pipedrive.company import Company, connection, pipedrive
from tests.workspaces.test_overtaken import SAID, form_of, save_in_two_tabs

__all__ = ["connection", "pipedrive"]
MAPPING = reverse("settings_crm_mapping")


@pytest.mark.parametrize(
    ("name", "field", "second", "third"),
    [
        ("settings_crm_mapping", "fields-0-direction", "to_pipedrive", "from_pipedrive"),
        ("settings_crm_data", "activity_cap", "150", "250"),
        ("settings_crm_schedule", "budget_share", "40", "60"),
    ],
)
def test_the_second_tab_is_told_and_keeps_its_input(
    as_alice: Client, connection: PipedriveConnection, name: str, field: str, second: str, third: str
) -> None:
    save_in_two_tabs(as_alice, reverse(name), field, second, third)


def test_a_line_that_was_added_before_the_other_tab_saved_saves_nothing(
    as_alice: Client, connection: PipedriveConnection
) -> None:
    """Buttons and checks of the form carry on what stood when the page was opened, not what stands by then."""
    opened = form_of(as_alice.get(MAPPING).content.decode())
    assert as_alice.post(MAPPING, {**opened, "fields-0-direction": "to_pipedrive"}).status_code == 302
    added = form_of(as_alice.post(MAPPING, {**opened, "do": "add"}).content.decode())
    as_alice.post(MAPPING, {**added, "do": "check"}, headers={"HX-Request": "true"})
    assert added["seen"] == opened["seen"]
    assert SAID in as_alice.post(MAPPING, {**added, "do": "save"}).content.decode()


def test_fields_created_in_the_other_tab_are_not_unmapped(
    as_alice: Client, connection: PipedriveConnection, pipedrive: Company
) -> None:
    opened = form_of(as_alice.get(MAPPING).content.decode())
    as_alice.post(reverse("settings_crm_fields"), {"create": ["id"]})
    assert SAID in as_alice.post(MAPPING, opened).content.decode()
    assert "id" in connection.fields.values_list("local", flat=True)


def test_an_untouched_page_saves_itself(as_alice: Client, connection: PipedriveConnection) -> None:
    opened = form_of(as_alice.get(MAPPING).content.decode())
    assert as_alice.post(MAPPING, opened).status_code == 302
    assert form_of(as_alice.get(MAPPING).content.decode())["seen"] == opened["seen"]
