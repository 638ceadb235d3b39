"""/dashboard/settings/integrations/crm/mapping: lines, checks, fields that Pipedrive lacks."""

from typing import Any

import pytest
from django.test import Client

from integrations.models import PipedriveConnection
from tests.cdp.people import teller
from tests.cdp.traits.conftest import MakeTrait, make_trait, spend
from tests.integrations.pipedrive.company import CITY, LTV, Company, connection, person_field, pipedrive

__all__ = ["connection", "make_trait", "pipedrive"]
URL = "/dashboard/settings/integrations/crm/mapping"
FIELDS = "/dashboard/settings/integrations/crm/fields"
EMAIL = ("email", "emails", "both", "newest")


def form(*lines: tuple[str, str, str, str], do: str = "save") -> dict[str, str]:
    typed = {"do": do}
    for place, line in enumerate(lines):
        for name, value in zip(("local", "code", "direction", "rule"), line, strict=True):
            typed[f"fields-{place}-{name}"] = value
    return typed


def shown(answer: Any) -> list[tuple[str, str]]:
    return [(line.local, line.code) for line in answer.context["lines"]]


def test_the_manuals_mapping_is_there_as_far_as_the_fields_are(
    as_alice: Client, connection: PipedriveConnection
) -> None:
    answer = as_alice.get(URL)
    assert ("email", "emails") in shown(answer) and ("lifecycle_stage", "label_ids") in shown(answer)
    missing = {one.remote_name: one.type_word for one in answer.context["missing"]}
    assert missing["Stratum - Ad Platform"] == "Text"
    assert missing["Stratum - Attribution Revenue"] == "Monetary"
    assert "LTV" not in missing


def test_lines_are_saved(as_alice: Client, connection: PipedriveConnection) -> None:
    answer = as_alice.post(URL, form(EMAIL, ("first_name", CITY, "to_pipedrive", "stratum_wins")))
    assert answer["Location"].endswith("/crm/schedule")
    stored = connection.fields.order_by("position").values_list("local", "code", "direction", "rule")
    assert list(stored) == [EMAIL, ("first_name", CITY, "to_pipedrive", "stratum_wins")]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (("traits.gone", LTV, "to_pipedrive", "stratum_wins"), "There is no field “traits.gone”"),
        (("first_name", LTV, "to_pipedrive", "stratum_wins"), "Monetary cannot hold text"),
        (("email", "c" * 40, "both", "newest"), "no person field with this code"),
        (("id", CITY, "both", "newest"), "Stratum computes this field"),
        (("first_name", CITY, "up", "newest"), "Choose one of"),
        (("first_name", CITY, "both", "loudest"), "Choose one of"),
        (("", CITY, "both", "newest"), "Name the field of Stratum"),
    ],
)
def test_a_wrong_line_says_why_and_nothing_is_saved(
    as_alice: Client, connection: PipedriveConnection, line: tuple[str, str, str, str], sentence: str
) -> None:
    before = list(connection.fields.values_list("local", "code"))
    answer = as_alice.post(URL, form(EMAIL, line))
    assert answer.status_code == 422
    assert sentence in answer.context["lines"][1].error
    assert answer.context["lines"][0].error == ""
    assert list(connection.fields.values_list("local", "code")) == before


def test_while_choosing_the_lines_are_checked(as_alice: Client, connection: PipedriveConnection) -> None:
    lines = (EMAIL, ("created_at", CITY, "to_pipedrive", "stratum_wins"))
    answer = as_alice.post(URL, form(*lines, do="check"), headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in page
    assert "It is written as text" in page
    second = page.partition('id="direction-1"')[2].partition("</select>")[0]
    assert 'value="to_pipedrive"' in second and 'value="both"' not in second


def test_lines_are_added_removed_and_suggested(as_alice: Client, connection: PipedriveConnection) -> None:
    added = as_alice.post(URL, form(EMAIL, do="add"))
    assert shown(added) == [("email", "emails"), ("", "")]
    removed = as_alice.post(URL, form(EMAIL, ("phone", "phones", "both", "newest"), do="remove-0"))
    assert shown(removed) == [("phone", "phones")]
    suggested = as_alice.post(URL, form(EMAIL, do="suggest"))
    assert ("lifecycle_stage", "label_ids") in shown(suggested)
    assert shown(suggested).count(("email", "emails")) == 1


def test_missing_fields_are_created_and_mapped(
    as_alice: Client, connection: PipedriveConnection, pipedrive: Company, make_trait: MakeTrait
) -> None:
    teller(connection.workspace, connection.created_at)("purchase", user="anna", revenue=3)
    make_trait(spend())
    answer = as_alice.post(FIELDS, {"create": ["id", "traits.spend"]}, follow=True)
    page = answer.content.decode()
    assert "Created in Pipedrive: “Stratum - Profile ID”, “Stratum - spend”." in page
    made = {one["field_name"]: one["field_type"] for one in pipedrive.fields}
    assert (made["Stratum - Profile ID"], made["Stratum - spend"]) == ("varchar", "monetary")
    assert {"id", "traits.spend"} <= set(connection.fields.values_list("local", flat=True))


def test_what_cannot_be_created_is_said(as_alice: Client, connection: PipedriveConnection, pipedrive: Company) -> None:
    pipedrive.down = True
    answer = as_alice.post(FIELDS, {"create": ["id"]}, follow=True)
    assert "Not all fields could be created" in answer.content.decode()


def test_looking_costs_no_tokens_and_fields_are_read_again_when_asked(
    as_alice: Client, connection: PipedriveConnection, pipedrive: Company
) -> None:
    spent = sum(connection.spendings.values_list("tokens", flat=True))
    pipedrive.fields.append(person_field("d" * 40, "Shoe size", "double"))
    assert "Shoe size" not in as_alice.get(URL).content.decode()
    assert sum(connection.spendings.values_list("tokens", flat=True)) == spent
    answer = as_alice.post(f"{FIELDS}/reload", follow=True)
    assert "Shoe size (Numerical)" in answer.content.decode()
    assert sum(connection.spendings.values_list("tokens", flat=True)) == spent + 10
    pipedrive.down = True
    answer = as_alice.post(f"{FIELDS}/reload", follow=True)
    assert "The fields are those of the last time." in answer.content.decode()


def test_a_field_that_is_gone_stays_visible_with_its_reason(
    as_alice: Client, connection: PipedriveConnection, pipedrive: Company
) -> None:
    as_alice.post(URL, form(EMAIL, ("first_name", CITY, "to_pipedrive", "stratum_wins")))
    pipedrive.fields = [one for one in pipedrive.fields if one["field_code"] != CITY]
    line = as_alice.post(f"{FIELDS}/reload", follow=True).context["lines"][1]
    assert (line.remote_gone, line.remote_name) == (True, "City")
    assert "no such field any more" in line.problem


def test_it_checks_ownership(as_charlie: Client, as_bob: Client, connection: PipedriveConnection) -> None:
    assert as_charlie.get(URL).status_code == 409
    assert as_bob.get(URL).status_code == 403
